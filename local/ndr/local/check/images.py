"""Whether the images of the jobs are in their registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Final

from ndr.local.check.finding import Finding, broken, guarded, not_checked, ok
from ndr.local.check.stack import Stack

AREA: Final = "images"
IMAGE_PARAMETERS: Final = ("ProcessingImageUri", "ImageUri")


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


def _check_image(stack: Stack, uri: str, users: str) -> Iterator[Finding]:
    from ndr.pipeline.registry.images import ProcessingImage, fault_of

    image = ProcessingImage(uri, "spark" if uri.endswith(":spark") else "local", "ProcessingImageUri")
    fault = fault_of(stack.client("ecr"), image, stack.account, stack.region)
    if fault is None:
        yield ok(AREA, f"{uri}, of {users}, is in the registry.")
    else:
        yield broken(
            AREA, f"{uri}, of {users}, {fault}: no job can start.", image.build_commands(uri.partition("/")[0])
        )
