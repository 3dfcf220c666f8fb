"""Registration: create missing pipelines, update different ones, leave equal ones unchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ndr.contract.errors import InvalidRequestError
from ndr.contract.fifteen_minutes import FIFTEEN_MINUTE_PIPELINES, THREE_STEPS
from ndr.contract.pipelines import (
    COMPACTION_PIPELINE,
    FG_B_PIPELINE,
    INVENTORY_PIPELINE,
    STACK_TAG,
)
from ndr.pipeline.bundle.digest import definition_digest
from ndr.pipeline.bundle.pipeline import PIPELINE_TAGS, BundledPipeline
from ndr.pipeline.definitions.baselines import build_fg_b_baseline_pipeline
from ndr.pipeline.definitions.compaction import build_compaction_pipeline
from ndr.pipeline.definitions.fifteen_minutes import FIFTEEN_MINUTE_BUILDERS
from ndr.pipeline.definitions.machine_inventory import build_machine_inventory_unload_pipeline
from ndr.pipeline.registry.difference import definition_diff

# Name without a stack's suffix to builder; each takes (role_arn, region, default_bucket, pipeline_name).
PIPELINES: dict[str, Callable[..., BundledPipeline]] = {
    **FIFTEEN_MINUTE_BUILDERS[THREE_STEPS],
    FG_B_PIPELINE: build_fg_b_baseline_pipeline,
    INVENTORY_PIPELINE: build_machine_inventory_unload_pipeline,
    COMPACTION_PIPELINE: build_compaction_pipeline,
}

Change = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class PipelineChange:
    """The change that registering one pipeline made, or would make.

    Attributes
    ----------
    name : str
        Pipeline name.
    change : {"created", "updated", "unchanged"}
        What was done, or in a dry run what would be done.
    digest : str
        SHA-256, in hex, of the canonical definition that the sources yield.
    registered_digest : str or None
        Digest of the definition found in the account. None when the account had none.
    differs_in : tuple of str
        Those of ``definition``, ``role`` and ``description`` that were different. Empty unless updated.
    diff : str
        Unified diff of canonical JSON, bounded in size; empty when the definitions agree.
    """

    name: str
    change: Change
    digest: str
    registered_digest: str | None
    differs_in: tuple[str, ...]
    diff: str


def register_pipelines(
    role_arn: str,
    region: str,
    default_bucket: str,
    *,
    names: Iterable[str] | None = None,
    dry_run: bool = False,
    stack_name: str | None = None,
    suffix: str = "",
    fifteen_minutes: str = THREE_STEPS,
) -> list[PipelineChange]:
    """Make the account's pipelines equal to the definitions in the sources.

    The registered definition is read back from SageMaker and compared, so a definition edited by hand in Studio is
    found and replaced. The digest in the description is for readers. The same call writes definition and description,
    which is not true of a tag.

    Parameters
    ----------
    role_arn : str
        ARN of the role of the pipelines and their jobs.
    region : str
        AWS region.
    default_bucket : str
        Name of the bucket for the job code.
    names : iterable of str, optional
        Pipelines to register, without the suffix. All of them by default.
    dry_run : bool
        Report the changes only. Nothing is uploaded, created or updated.
    stack_name : str, optional
        The stack that the pipelines are of. They are tagged with it; a pipeline tagged with another is refused.
    suffix : str
        What the pipelines' names end with in this stack.
    fifteen_minutes : str
        Which definition the 15-minute pipeline has, one of FIFTEEN_MINUTE_PIPELINES. Its name is the same for each.

    Returns
    -------
    list of PipelineChange
        One for each pipeline, in the order of :data:`PIPELINES`.

    Raises
    ------
    InvalidRequestError
        A name is not in :data:`PIPELINES`, the role is not an ARN, a pipeline is another stack's, or
        ``fifteen_minutes`` has another value.
    """
    wanted, builders = chosen_names(names), chosen_builders(fifteen_minutes)
    pipelines = [builders[name](role_arn, region, default_bucket, f"{name}{suffix}") for name in wanted]
    registered = [_registered(pipeline) for pipeline in pipelines]
    found = list(zip(pipelines, registered, strict=True))
    untagged = [_is_untagged(pipeline, there, stack_name) for pipeline, there in found]  # all are checked before any
    changes = [_register(pipeline, there, role_arn, stack_name, dry_run) for pipeline, there in found]
    for (pipeline, there), is_untagged in zip(found, untagged, strict=True):
        if there and is_untagged and not dry_run:
            client = pipeline.sagemaker_session.sagemaker_client
            client.add_tags(ResourceArn=there["PipelineArn"], Tags=_tags(stack_name))
    return changes


def chosen_builders(fifteen_minutes: str) -> dict[str, Callable[..., BundledPipeline]]:
    """Return the builder of each pipeline, by its name without a stack's suffix.

    Raises
    ------
    InvalidRequestError
        `fifteen_minutes` is not one of FIFTEEN_MINUTE_PIPELINES.
    """
    if fifteen_minutes not in FIFTEEN_MINUTE_BUILDERS:
        raise InvalidRequestError(
            f"Nothing was registered: the 15-minute pipeline {fifteen_minutes!r} does not exist. Set "
            f"FifteenMinutePipeline to {' or '.join(FIFTEEN_MINUTE_PIPELINES)}."
        )
    return PIPELINES | FIFTEEN_MINUTE_BUILDERS[fifteen_minutes]


def chosen_names(names: Iterable[str] | None) -> list[str]:
    """Return the requested pipeline names in registration order.

    Raises
    ------
    InvalidRequestError
        The list is empty, or a name is not in :data:`PIPELINES`.
    """
    if names is None:
        return list(PIPELINES)
    asked = list(dict.fromkeys(names))
    unknown = [name for name in asked if name not in PIPELINES]
    if unknown or not asked:
        found = f"no pipeline is called {', '.join(map(repr, unknown))}" if unknown else "the list of names is empty"
        raise InvalidRequestError(
            f"Nothing was registered: {found}. Write any of {', '.join(PIPELINES)}, or leave the list out to register "
            "all of them."
        )
    return [name for name in PIPELINES if name in asked]


def _is_untagged(pipeline: BundledPipeline, registered: dict[str, Any] | None, stack_name: str | None) -> bool:
    """Tell whether a pipeline is to be tagged with its stack: one that an earlier release registered is not yet.

    Raises
    ------
    InvalidRequestError
        It is another stack's.
    """
    if stack_name is None or registered is None:
        return False
    client = pipeline.sagemaker_session.sagemaker_client
    tags = client.list_tags(ResourceArn=registered["PipelineArn"])["Tags"]
    owner = next((tag["Value"] for tag in tags if tag["Key"] == STACK_TAG), None)
    if owner not in (None, stack_name):
        raise InvalidRequestError(
            f"Nothing was registered: the pipeline {pipeline.name} is the stack {owner!r}'s, by its tag {STACK_TAG}, "
            f"and this is the stack {stack_name!r}. Give this stack's pipelines names of their own: deploy it with a "
            f"PipelineNameSuffix, such as -dev. If the stack {owner!r} is deleted and left this pipeline for its "
            f"history, delete it: aws sagemaker delete-pipeline --pipeline-name {pipeline.name}."
        )
    return owner is None


def _tags(stack_name: str | None) -> list[dict[str, str]]:
    return [*PIPELINE_TAGS, *([{"Key": STACK_TAG, "Value": stack_name}] if stack_name else [])]


def _register(
    pipeline: BundledPipeline, registered: dict[str, Any] | None, role_arn: str, stack_name: str | None, dry_run: bool
) -> PipelineChange:
    built = pipeline.definition()
    description = pipeline.description_of(built)
    planned = _planned_change(pipeline.name, built, description, role_arn, registered)
    if dry_run:
        return planned
    if planned.change == "created":
        pipeline.create(role_arn, description, _tags(stack_name))
    elif planned.change == "updated":
        pipeline.update(role_arn, description)
    else:
        # The definition can be right although its code is missing, because the bucket was emptied.
        pipeline.upload_code()
    return planned


def _registered(pipeline: BundledPipeline) -> dict[str, Any] | None:
    client = pipeline.sagemaker_session.sagemaker_client
    try:
        description: dict[str, Any] = client.describe_pipeline(PipelineName=pipeline.name)
    except client.exceptions.ResourceNotFound:
        return None
    return description


def _planned_change(
    name: str, built: str, description: str, role_arn: str, registered: dict[str, Any] | None
) -> PipelineChange:
    digest = definition_digest(built)
    if registered is None:
        return PipelineChange(name, "created", digest, None, (), definition_diff(None, built))
    registered_digest = definition_digest(registered["PipelineDefinition"])
    differs_in = {
        "definition": registered_digest != digest,
        "role": registered.get("RoleArn") != role_arn,
        "description": registered.get("PipelineDescription") != description,
    }
    different = tuple(part for part, differs in differs_in.items() if differs)
    return PipelineChange(
        name=name,
        change="updated" if different else "unchanged",
        digest=digest,
        registered_digest=registered_digest,
        differs_in=different,
        diff=definition_diff(registered["PipelineDefinition"], built),
    )
