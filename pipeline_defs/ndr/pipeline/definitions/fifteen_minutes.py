"""The 15-minute pipeline: deltas, FG-A features and pair counts of one batch."""

from __future__ import annotations

from ndr.contract.pipelines import MINI_BATCH_PIPELINE, REPLACE_WITH_EMPTY
from ndr.pipeline.bundle.code import CodeBundle
from ndr.pipeline.bundle.pipeline import BundledPipeline
from ndr.pipeline.processing.environment import default_image_uri
from ndr.pipeline.processing.steps import ProcessingJobs
from ndr.pipeline.sdk import ParameterInteger, ParameterString, pipeline_session


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

    The steps share one processor. They run in this order: ``DeltaBuilderStep``, ``FGABuilderStep`` (reads the deltas),
    ``PairCountsBuilderStep``.

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
    delta = jobs.step("DeltaBuilderStep", "run_delta_builder.py", arguments)
    fg_a = jobs.step("FGABuilderStep", "run_fg_a_builder.py", arguments, after=[delta])
    pair_counts = jobs.step("PairCountsBuilderStep", "run_pair_counts_builder.py", arguments, after=[fg_a])

    return BundledPipeline(
        name=pipeline_name,
        summary="Deltas, FG-A features and pair counts of one batch of traffic.",
        parameters=[
            *(project_name, feature_spec_version, mini_batch_id, batch_start, batch_end),
            *(image_uri, instance_type, instance_count, replace_with_empty),
        ],
        steps=[delta, fg_a, pair_counts],
        code=code,
        code_bucket=default_bucket,
        session=session,
    )
