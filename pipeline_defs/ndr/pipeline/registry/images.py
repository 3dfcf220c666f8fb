"""The check that the image of the jobs is in the account's own registry, before a pipeline is registered with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import boto3

from ndr.contract.errors import InvalidRequestError
from ndr.pipeline.processing.environment import default_image_uri, spark_image_uri

_ECR: Final = re.compile(
    r"(?P<registry>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+)/"
    r"(?P<repository>[a-z0-9._/-]+?)(?::(?P<tag>[A-Za-z0-9_.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_INDEXES: Final = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)
OUTSIDE: Final = "is not in the registry that the jobs' role pulls from"
_MISSING: Final = frozenset({"RepositoryNotFoundException", "ImageNotFoundException"})


@dataclass(frozen=True)
class ProcessingImage:
    """An image that jobs run in.

    Attributes
    ----------
    uri : str
        ``<account>.dkr.ecr.<region>.<domain>/<repository>`` with a tag, a digest, or both.
    target : {"local", "spark"}
        The target of ``spark_jobs/Dockerfile`` that it is built from.
    parameter : str
        The template parameter that names another image.
    """

    uri: str
    target: str
    parameter: str

    def build_commands(self, registry: str) -> str:
        """Return the commands that build the image and push it to a registry, separated by ``&&``."""
        tagged = self.uri.partition("@")[0]
        return (
            f"docker build --platform linux/amd64 --provenance=false -f spark_jobs/Dockerfile --target {self.target} "
            f"-t {tagged} . && aws ecr get-login-password | docker login --username AWS --password-stdin {registry} && "
            f"docker push {tagged}"
        )


def check_images(role_arn: str, region: str, *, with_spark: bool) -> None:
    """Check the image of jobs on one instance, and the one with Spark, which not every stack has.

    Parameters
    ----------
    role_arn : str
        ARN of the pipelines' role, which names the account.
    region : str
        AWS region of the pipelines.
    with_spark : bool
        Whether the image with Spark must exist too.

    Raises
    ------
    InvalidRequestError
        See :func:`check_image`.
    """
    images = [ProcessingImage(default_image_uri(role_arn, region), "local", "ProcessingImageUri")]
    if with_spark:
        images.append(ProcessingImage(spark_image_uri(role_arn, region), "spark", "SparkProcessingImageUri"))
    ecr = boto3.client("ecr", region_name=region)
    for image in images:
        check_image(ecr, image, account=role_arn.split(":")[4], region=region)


def check_image(ecr: Any, image: ProcessingImage, account: str, region: str) -> None:
    """Check that an image can be pulled by the jobs of an account and region.

    Parameters
    ----------
    ecr : boto3 ECR client
    image : ProcessingImage
    account, region : str
        Where the jobs run; their role pulls from this registry only.

    Raises
    ------
    InvalidRequestError
        It is not in the account's own registry, does not exist, or is an index of images, which SageMaker does not
        pull. The message has the commands that build and push it.
    """
    fault = fault_of(ecr, image, account, region)
    if fault is None:
        return
    found = _ECR.fullmatch(image.uri)
    if found is None or fault == OUTSIDE:
        raise InvalidRequestError(
            f"Nothing was registered: the image {image.uri} is not in the registry of account {account} in {region}, "
            f"which is the only one that the jobs' role pulls from. Push it there, and set {image.parameter} to "
            f"{account}.dkr.ecr.{region}.<domain>/<repository>:<tag>."
        )
    create = f"aws ecr create-repository --repository-name {found['repository']}"
    raise InvalidRequestError(
        f"Nothing was registered: the image {image.uri} {fault}. Build it in the project's root and push it (if the "
        f"repository is missing, first: {create}): {image.build_commands(found['registry'])}. Or set "
        f"{image.parameter} to an image that exists, then deploy again."
    )


def fault_of(ecr: Any, image: ProcessingImage, account: str, region: str) -> str | None:
    """Return why the jobs of an account and region can't pull an image, or None. Parameters as for `check_image`."""
    found = _ECR.fullmatch(image.uri)
    if found is None or (found["account"], found["region"]) != (account, region):
        return OUTSIDE
    media_type = _media_type(ecr, found)
    if media_type is None:
        return "does not exist"
    return "is an index of several images, which SageMaker does not pull" if media_type in _INDEXES else None


def _media_type(ecr: Any, found: re.Match[str]) -> str | None:
    """Return the media type of an image's manifest, "" where the registry does not say; None without the image."""
    wanted = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    try:
        details = ecr.describe_images(repositoryName=found["repository"], imageIds=[wanted])["imageDetails"]
    except ecr.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise
    return details[0].get("imageManifestMediaType", "") if details else None
