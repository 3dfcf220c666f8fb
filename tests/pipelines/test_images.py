"""The check of the jobs' image before a pipeline is registered, against a simulated registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ndr.contract.errors import InvalidRequestError
from ndr.pipeline.registry.images import ProcessingImage, check_image

ACCOUNT, REGION = "123456789012", "eu-central-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def ecr() -> Iterator[Any]:
    """A registry with the image team/ndr:1."""
    with mock_aws():
        ecr = boto3.client("ecr", region_name=REGION)
        ecr.create_repository(repositoryName="team/ndr")
        content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": "sha256:0"}, "layers": []}
        ecr.put_image(repositoryName="team/ndr", imageTag="1", imageManifest=json.dumps(content))
        yield ecr


def check(ecr: Any, uri: str, target: str = "local") -> None:
    parameter = {"local": "ProcessingImageUri", "spark": "SparkProcessingImageUri"}[target]
    check_image(ecr, ProcessingImage(uri, target, parameter), ACCOUNT, REGION)


def test_an_image_is_found_by_tag_and_by_digest(ecr: Any) -> None:
    check(ecr, f"{REGISTRY}/team/ndr:1")
    (detail,) = ecr.describe_images(repositoryName="team/ndr")["imageDetails"]
    check(ecr, f"{REGISTRY}/team/ndr@{detail['imageDigest']}")
    check(ecr, f"{REGISTRY}/team/ndr:1@{detail['imageDigest']}")


@pytest.mark.parametrize(
    "image", ["team/ndr:2", "team/ndr", f"team/ndr@sha256:{'0' * 64}", "nobody/ndr:1", "team/ndr:1.2_3-x"]
)
def test_without_it_the_commands_that_build_it_are_named(ecr: Any, image: str) -> None:
    tagged = f"{REGISTRY}/{image.partition('@')[0]}"
    with pytest.raises(InvalidRequestError) as refused:
        check(ecr, f"{REGISTRY}/{image}", "spark")
    said = str(refused.value)
    assert f"the image {REGISTRY}/{image} does not exist" in said
    assert f"--platform linux/amd64 --provenance=false -f spark_jobs/Dockerfile --target spark -t {tagged} ." in said
    assert f"docker login --username AWS --password-stdin {REGISTRY} && docker push {tagged}" in said
    assert "set SparkProcessingImageUri to an image that exists" in said


@pytest.mark.parametrize(
    "uri",
    [
        f"210987654321.dkr.ecr.{REGION}.amazonaws.com/team/ndr:1",
        f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/ndr:1",
        "public.ecr.aws/team/ndr:1",
        "ndr-processing:latest",
    ],
)
def test_another_registry_is_refused(ecr: Any, uri: str) -> None:
    with pytest.raises(InvalidRequestError, match=rf"{uri} is not in the registry of account {ACCOUNT} in {REGION}"):
        check(ecr, uri)


class Registry:
    """A registry that holds an index, as `docker buildx` pushes it with a provenance attestation."""

    exceptions = boto3.client("ecr", region_name=REGION).exceptions

    def describe_images(self, **_: Any) -> dict[str, Any]:
        return {"imageDetails": [{"imageManifestMediaType": "application/vnd.oci.image.index.v1+json"}]}


def test_an_index_of_images_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"is an index of several images, .*--provenance=false"):
        check(Registry(), f"{REGISTRY}/team/ndr:1")
