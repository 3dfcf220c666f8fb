"""Whether the images of the jobs are in their registry."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ndr.local.check.finding import Finding, broken, guarded, not_checked, ok
from ndr.local.check.stack import Stack

AREA: Final = "images"
IMAGE_PARAMETERS: Final = ("ProcessingImageUri", "ImageUri")
_ECR: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]+))?"
)


def check_images(stack: Stack) -> Iterator[Finding]:
    """Look for each image that a registered pipeline or a JobSpec names."""
    named = images_of(stack)
    if not named:
        yield not_checked(AREA, "No registered pipeline names an image.", "Register the pipelines first.")
    for image, users in named.items():
        yield from guarded(AREA, partial(_check_image, stack, image, ", ".join(users)))


def images_of(stack: Stack) -> dict[str, list[str]]:
    """Return the images that jobs run in, each with the pipelines and JobSpecs that name it."""
    users: dict[str, list[str]] = {}
    for name, described in stack.pipelines.items():
        parameters = json.loads(described["PipelineDefinition"]).get("Parameters", []) if described else []
        for parameter in parameters:
            if parameter["Name"] in IMAGE_PARAMETERS and parameter.get("DefaultValue"):
                users.setdefault(parameter["DefaultValue"], []).append(name)
    for job, jobspec in stack.valid_jobspecs.items():
        image = getattr(jobspec.spec, "processing_image_uri", None)
        if image:
            users.setdefault(image, []).append(f"the JobSpec {job}")
    return users


def _check_image(stack: Stack, image: str, users: str) -> Iterator[Finding]:
    parts = _ECR.fullmatch(image)
    if parts is None:
        yield not_checked(
            AREA,
            f"{image}, of {users}, is not in Amazon ECR.",
            f"Look it up in its registry: docker manifest inspect {image}",
        )
        return
    ecr = stack.client("ecr", parts["region"])
    try:
        named = {"registryId": parts["account"], "repositoryName": parts["repository"]}
        found = ecr.describe_images(**named, imageIds=[_id(parts)])["imageDetails"]
    except (ecr.exceptions.ImageNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        found = []
    if found:
        yield ok(AREA, f"{image}, of {users}, was pushed on {found[0]['imagePushedAt']:%Y-%m-%d}.")
        return
    target = "spark" if parts["tag"] == "spark" else "local"
    yield broken(
        AREA,
        f"{image}, of {users}, is not in the registry: no job can start.",
        "docker build --platform linux/amd64 --provenance=false -f spark_jobs/Dockerfile "
        f"--target {target} -t {image} . && docker push {image}; docs/processing_image.md has the log-in.",
    )


def _id(parts: re.Match[str]) -> dict[str, Any]:
    return {"imageDigest": parts["digest"]} if parts["digest"] else {"imageTag": parts["tag"] or "latest"}
