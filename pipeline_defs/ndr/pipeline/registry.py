"""Registering the pipelines: create what is missing, update what differs, leave alone what is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ndr.contract.errors import InvalidRequestError
from ndr.pipeline.bundled_pipeline import BundledPipeline
from ndr.pipeline.definition import definition_diff, definition_digest
from ndr.pipeline.sagemaker_pipeline_definitions import build_ndr_15m_pipeline
from ndr.pipeline.sagemaker_pipeline_definitions_fg_b import build_fg_b_baseline_pipeline
from ndr.pipeline.sagemaker_pipeline_definitions_unified_with_fgc import build_machine_inventory_unload_pipeline

# Registered name to builder; each builder takes (role_arn, region, default_bucket).
PIPELINES: dict[str, Callable[[str, str, str], BundledPipeline]] = {
    "ndr-15m-pipeline": build_ndr_15m_pipeline,
    "ndr-fg-b-baseline-pipeline": build_fg_b_baseline_pipeline,
    "ndr-machine-inventory-unload": build_machine_inventory_unload_pipeline,
}

Change = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True)
class PipelineChange:
    """What registering one pipeline changed, or would change.

    Attributes
    ----------
    name : str
        Pipeline name.
    change : {"created", "updated", "unchanged"}
        What was done; in a dry run, what would be done.
    digest : str
        SHA-256, in hex, of the canonical definition that the sources yield.
    registered_digest : str or None
        That of the definition found in the account; None when there was none.
    differs_in : tuple of str
        Of ``definition``, ``role`` and ``description``, those that were different; empty unless updated.
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
) -> list[PipelineChange]:
    """Bring the account's pipelines to what the sources say.

    The comparison is with the registered definition itself, read back from SageMaker, rather than with a digest noted
    beside it: one edited by hand in Studio is found and put right. The digest in the description is for readers; it is
    written by the same call as the definition, which a tag is not.

    Parameters
    ----------
    role_arn : str
        ARN of the role that the pipelines and their jobs take.
    region : str
        AWS region.
    default_bucket : str
        Bucket name for the job code.
    names : iterable of str, optional
        Pipelines to register; all of them when not given.
    dry_run : bool
        Only say what would change. Nothing is uploaded, created or updated.

    Returns
    -------
    list of PipelineChange
        One for each pipeline, in the order of :data:`PIPELINES`.

    Raises
    ------
    InvalidRequestError
        A name that is none of :data:`PIPELINES`, or a role that is not an ARN.
    """
    wanted = chosen_names(names)
    pipelines = [PIPELINES[name](role_arn, region, default_bucket) for name in wanted]
    return [_register(pipeline, role_arn, dry_run) for pipeline in pipelines]


def chosen_names(names: Iterable[str] | None) -> list[str]:
    """Return the asked pipelines in registration order.

    Raises
    ------
    InvalidRequestError
        No name at all, or one that is none of :data:`PIPELINES`.
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


def _register(pipeline: BundledPipeline, role_arn: str, dry_run: bool) -> PipelineChange:
    built = pipeline.definition()
    description = pipeline.description_of(built)
    planned = _planned_change(pipeline.name, built, description, role_arn, _registered(pipeline))
    if dry_run:
        return planned
    if planned.change == "created":
        pipeline.create(role_arn, description)
    elif planned.change == "updated":
        pipeline.update(role_arn, description)
    else:
        # The definition can be right while its code is gone, from a bucket that was emptied.
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
