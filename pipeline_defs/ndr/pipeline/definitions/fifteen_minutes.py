"""The 15-minute pipeline: deltas, FG-A, pair counts and scores of one batch, in one step a job or in one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ndr.contract.fifteen_minutes import (
    BATCH_JOBS,
    ONE_STEP,
    SCORED_BATCH_JOBS,
    SINGLE_STEP,
    SINGLE_STEP_SCRIPT,
    THREE_STEPS,
    BatchJob,
)
from ndr.contract.pipelines import MINI_BATCH_PIPELINE, REPLACE_WITH_EMPTY, SCORED_MINI_BATCH_PIPELINE
from ndr.pipeline.bundle.code import CodeBundle
from ndr.pipeline.bundle.pipeline import BundledPipeline
from ndr.pipeline.processing.environment import default_image_uri
from ndr.pipeline.processing.steps import ProcessingJobs
from ndr.pipeline.sdk import Parameter, ParameterInteger, ParameterString, ProcessingStep, pipeline_session

Steps = Callable[[ProcessingJobs, Sequence[str | Parameter]], list[ProcessingStep]]
"""Makes the steps of a pipeline from its processor and the arguments that all its scripts take."""


def build_ndr_15m_pipeline(role_arn: str, region: str, default_bucket: str) -> BundledPipeline:
    """Define the 15-minute pipeline under its usual name, ``ndr-15m-pipeline``.

    Parameters
    ----------
    role_arn : str
        ARN of the role of the pipeline and its jobs.
    region : str
        AWS region.
    default_bucket : str
        Name of the bucket for the job code.

    Returns
    -------
    BundledPipeline
        See :func:`build_ndr_15m_pipeline_with_pairs`.
    """
    return build_ndr_15m_pipeline_with_pairs(
        role_arn=role_arn, region=region, default_bucket=default_bucket, pipeline_name=MINI_BATCH_PIPELINE
    )


def build_ndr_15m_pipeline_with_pairs(
    role_arn: str, region: str, default_bucket: str, pipeline_name: str = MINI_BATCH_PIPELINE
) -> BundledPipeline:
    """Define the pipeline that computes deltas, FG-A features and pair counts of one batch.

    The steps share one processor. ``FGABuilderStep`` and ``PairCountsBuilderStep`` read the deltas and run at the same
    time, after ``DeltaBuilderStep``.

    Parameters
    ----------
    role_arn : str
        ARN of the role of the pipeline and its jobs.
    region : str
        AWS region.
    default_bucket : str
        Name of the bucket for the job code.
    pipeline_name : str
        Name to register.

    Returns
    -------
    BundledPipeline
        An SDK ``Pipeline`` with parameters ProjectName (``ndr-prod``), FeatureSpecVersion (``v1``), MiniBatchId,
        BatchStartTsIso, BatchEndTsIso (these three without default; times are UTC, ISO 8601 with Z, the interval
        half-open), ProcessingImageUri, ProcessingInstanceType (``ml.m5.xlarge``), ProcessingInstanceCount (1),
        ReplaceWithEmpty (``false``; ``true`` lets published rows be replaced by none).

    Raises
    ------
    InvalidRequestError
        ``role_arn`` is not the ARN of a role.
    """
    steps = partial(_step_for_each_job, BATCH_JOBS)
    return _batch_pipeline(role_arn, region, default_bucket, pipeline_name, steps)


def build_ndr_15m_pipeline_with_fgc(
    role_arn: str, region: str, default_bucket: str, pipeline_name: str = SCORED_MINI_BATCH_PIPELINE
) -> BundledPipeline:
    """Define the pipeline that also scores the batch against the baselines, in ``FGCCorrBuilderStep``.

    That step reads FG-A and pair counts, and runs after both. The other steps and the parameters are those of
    :func:`build_ndr_15m_pipeline_with_pairs`. The planner starts this pipeline for a project that has an
    ``fg_c_builder`` JobSpec.

    Parameters
    ----------
    role_arn : str
        ARN of the role of the pipeline and its jobs.
    region : str
        AWS region.
    default_bucket : str
        Name of the bucket for the job code.
    pipeline_name : str
        Name to register.

    Returns
    -------
    BundledPipeline
        An SDK ``Pipeline`` with the parameters of :func:`build_ndr_15m_pipeline_with_pairs`.

    Raises
    ------
    InvalidRequestError
        ``role_arn`` is not the ARN of a role.
    """
    steps = partial(_step_for_each_job, SCORED_BATCH_JOBS)
    return _batch_pipeline(role_arn, region, default_bucket, pipeline_name, steps)


def build_ndr_15m_single_step_pipeline(
    role_arn: str, region: str, default_bucket: str, pipeline_name: str = MINI_BATCH_PIPELINE
) -> BundledPipeline:
    """Define the pipeline that runs the same jobs one after the other in one step, ``FifteenMinuteStep``.

    It waits for the start-up of one Processing job, and pays for one. Name and parameters are those of
    :func:`build_ndr_15m_pipeline_with_pairs`, so either definition can replace the other.

    Parameters
    ----------
    role_arn : str
        ARN of the role of the pipeline and its job.
    region : str
        AWS region.
    default_bucket : str
        Name of the bucket for the job code.
    pipeline_name : str
        Name to register.

    Returns
    -------
    BundledPipeline
        An SDK ``Pipeline`` with the parameters of :func:`build_ndr_15m_pipeline_with_pairs`.

    Raises
    ------
    InvalidRequestError
        ``role_arn`` is not the ARN of a role.
    """
    return _batch_pipeline(role_arn, region, default_bucket, pipeline_name, _one_step)


FIFTEEN_MINUTE_BUILDERS: Final[dict[str, dict[str, Callable[..., BundledPipeline]]]] = {
    THREE_STEPS: {
        MINI_BATCH_PIPELINE: build_ndr_15m_pipeline_with_pairs,
        SCORED_MINI_BATCH_PIPELINE: build_ndr_15m_pipeline_with_fgc,
    },
    ONE_STEP: {
        MINI_BATCH_PIPELINE: build_ndr_15m_single_step_pipeline,
        SCORED_MINI_BATCH_PIPELINE: build_ndr_15m_single_step_pipeline,
    },
}
"""The builders of each choice in FIFTEEN_MINUTE_PIPELINES, by pipeline. The script of the single step finds out itself
whether the project has FG-C."""


def _step_for_each_job(
    batch_jobs: Sequence[BatchJob], jobs: ProcessingJobs, arguments: Sequence[str | Parameter]
) -> list[ProcessingStep]:
    steps: dict[str, ProcessingStep] = {}
    for each in batch_jobs:
        steps[each.job] = jobs.step(each.step, each.script, arguments, after=[steps[job] for job in each.after])
    return list(steps.values())


def _one_step(jobs: ProcessingJobs, arguments: Sequence[str | Parameter]) -> list[ProcessingStep]:
    return [jobs.step(SINGLE_STEP, SINGLE_STEP_SCRIPT, arguments)]


def _batch_pipeline(
    role_arn: str, region: str, default_bucket: str, pipeline_name: str, steps: Steps
) -> BundledPipeline:
    project_name = ParameterString("ProjectName", default_value="ndr-prod")
    feature_spec_version = ParameterString("FeatureSpecVersion", default_value="v1")
    mini_batch_id = ParameterString("MiniBatchId")
    batch_start = ParameterString("BatchStartTsIso")
    batch_end = ParameterString("BatchEndTsIso")
    replace_with_empty = ParameterString(REPLACE_WITH_EMPTY, default_value="false", enum_values=["true", "false"])
    image_uri = ParameterString("ProcessingImageUri", default_value=default_image_uri(role_arn, region))
    instance_type = ParameterString("ProcessingInstanceType", default_value="ml.m5.xlarge")
    instance_count = ParameterInteger("ProcessingInstanceCount", default_value=1)

    session = pipeline_session(region, default_bucket)
    code = CodeBundle.of_installed_packages()
    jobs = ProcessingJobs.on(session, code, default_bucket, role_arn, image_uri, instance_type, instance_count)
    arguments = [
        *("--project-name", project_name),
        *("--feature-spec-version", feature_spec_version),
        *("--mini-batch-id", mini_batch_id),
        *("--batch-start-ts-iso", batch_start),
        *("--batch-end-ts-iso", batch_end),
        *("--replace-with-empty", replace_with_empty),
    ]
    return BundledPipeline(
        name=pipeline_name,
        summary="Deltas, FG-A features and pair counts of one batch of traffic.",
        parameters=[
            *(project_name, feature_spec_version, mini_batch_id, batch_start, batch_end),
            *(image_uri, instance_type, instance_count, replace_with_empty),
        ],
        steps=steps(jobs, arguments),
        code=code,
        code_bucket=default_bucket,
        session=session,
    )
