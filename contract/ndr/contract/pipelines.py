"""The SageMaker pipelines as their callers see them: names, and the parameters that a run sets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from ndr.contract.errors import JobSpecInvalidError
from ndr.contract.fifteen_minutes import batch_jobs
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.item import FG_C_BUILDER, JobSpec, JobSpecs
from ndr.contract.jobspecs.machine_inventory_unload import MachineInventoryUnloadSpec
from ndr.contract.time import Interval, format_instant, mini_batch_id

MINI_BATCH_PIPELINE: Final = "ndr-15m-pipeline"
SCORED_MINI_BATCH_PIPELINE: Final = "ndr-15m-pipeline-with-fgc"
FG_B_PIPELINE: Final = "ndr-fg-b-baseline-pipeline"
INVENTORY_PIPELINE: Final = "ndr-machine-inventory-unload"
COMPACTION_PIPELINE: Final = "ndr-compaction"

PIPELINE_NAMES: Final = (
    MINI_BATCH_PIPELINE,
    SCORED_MINI_BATCH_PIPELINE,
    INVENTORY_PIPELINE,
    FG_B_PIPELINE,
    COMPACTION_PIPELINE,
)
"""All of them, without a stack's suffix."""

STACK_TAG: Final = "ndr:stack"
"""Tag of a pipeline that names the stack it is of."""

NOT_USED: Final = "none"
"""What a time parameter that a mode does not read is given: SageMaker refuses the empty string."""

REPLACE_WITH_EMPTY: Final = "ReplaceWithEmpty"
"""The parameter of the 15-minute pipeline and the inventory unload that lets published rows be replaced by none."""

REBUILD_PREFIX: Final = "rebuild-"

Parameters = dict[str, str]


def fifteen_minute_steps(jobspecs: JobSpecs) -> list[JobSpec[Any]]:
    """Return the JobSpecs of the 15-minute pipeline's jobs, in their order."""
    return [jobspecs[each.job] for each in batch_jobs(jobspecs)]


def batch_pipeline(jobspecs: JobSpecs) -> str:
    """Return the 15-minute pipeline of a project: the one with FG-C where it has that JobSpec."""
    return SCORED_MINI_BATCH_PIPELINE if FG_C_BUILDER in jobspecs else MINI_BATCH_PIPELINE


def mini_batch_parameters(
    jobspecs: Iterable[JobSpec[Any]], batch: Interval, batch_id: str | None = None, replace_with_empty: bool = False
) -> Parameters:
    """Return the parameters of `ndr-15m-pipeline`, whose jobs share one image."""
    steps = list(jobspecs)
    return {
        **_project(steps[0]),
        "MiniBatchId": batch_id or mini_batch_id(batch),
        "BatchStartTsIso": format_instant(batch.start),
        "BatchEndTsIso": format_instant(batch.end),
        **_replacing(replace_with_empty),
        **_image("ProcessingImageUri", steps),
    }


def rebuild_parameters(
    jobspecs: Iterable[JobSpec[Any]], batch: Interval, replace_with_empty: bool = False
) -> Parameters:
    """Return the parameters of `ndr-15m-pipeline` for a batch of every mini-batch that lies in it, whatever its name.

    No folder has this id, so that the job takes all mini-batches within the batch, not the one that is named like it.
    """
    return mini_batch_parameters(jobspecs, batch, f"{REBUILD_PREFIX}{mini_batch_id(batch)}", replace_with_empty)


def compaction_parameters(jobspecs: Iterable[JobSpec[Any]], days: Interval) -> Parameters:
    """Return the parameters of `ndr-compaction` for whole UTC days. Its job runs in the image of the jobs compacted."""
    steps = list(jobspecs)
    return {
        **_project(steps[0]),
        "DayStartTsIso": format_instant(days.start),
        "DayEndTsIso": format_instant(days.end),
        **_image("ProcessingImageUri", steps),
    }


def fg_b_parameters(fg_b: JobSpec[FgBBuilderSpec], mode: str) -> Parameters:
    """Return the parameters of `ndr-fg-b-baseline-pipeline` that every run of one plan shares."""
    return {**_project(fg_b), "BaselineMode": mode, **_image("ProcessingImageUri", [fg_b])}


def regular_parameters(horizon: str, end: datetime) -> Parameters:
    """Return what a REGULAR run adds to `fg_b_parameters`."""
    return {
        "BaselineHorizon": horizon,
        "BaselineEndTsIso": format_instant(end),
        "BackfillStartTsIso": NOT_USED,
        "BackfillEndTsIso": NOT_USED,
    }


def backfill_parameters(horizon: str, ends: Interval) -> Parameters:
    """Return what one window of a BACKFILL adds to `fg_b_parameters`; the plan's shared `BaselineEndTsIso` is unused.

    `ends` is the half-open range of baseline ends.
    """
    return {
        "BaselineHorizon": horizon,
        "BackfillStartTsIso": format_instant(ends.start),
        "BackfillEndTsIso": format_instant(ends.end),
    }


def inventory_parameters(
    inventory: JobSpec[MachineInventoryUnloadSpec], month: str, replace_with_empty: bool = False
) -> Parameters:
    """Return the parameters of `ndr-machine-inventory-unload`. `month` is `YYYY-MM`."""
    asked = {"ReferenceMonthIso": month, **_replacing(replace_with_empty)}
    return {**_project(inventory), **asked, **_image("ImageUri", [inventory])}


def _replacing(with_empty: bool) -> Parameters:
    """Return the parameter that lets rows be replaced by none; its default in the definitions is not to."""
    return {REPLACE_WITH_EMPTY: "true"} if with_empty else {}


def _project(jobspec: JobSpec[Any]) -> Parameters:
    return {"ProjectName": jobspec.project_name, "FeatureSpecVersion": jobspec.feature_spec_version}


def _image(parameter: str, jobspecs: list[JobSpec[Any]]) -> Parameters:
    """Return the image that the JobSpecs name, or nothing: the pipeline's own default then holds."""
    jobs_by_image: dict[str, list[str]] = {}
    for jobspec in jobspecs:
        if jobspec.spec.processing_image_uri:
            jobs_by_image.setdefault(jobspec.spec.processing_image_uri, []).append(jobspec.job_name)
    if len(jobs_by_image) > 1:
        found = ", ".join(f"{image} in {', '.join(jobs)}" for image, jobs in jobs_by_image.items())
        raise JobSpecInvalidError(
            f"processing_image_uri differs between jobs of one pipeline, which run in one image: {found}; use one."
        )
    return {parameter: next(iter(jobs_by_image))} if jobs_by_image else {}
