"""The FG-B pipeline: robust baselines over 7 and 30 days."""

from __future__ import annotations

from ndr.contract.horizons import ALL_HORIZONS, HORIZON_CHOICES
from ndr.contract.pipelines import FG_B_PIPELINE, NOT_USED
from ndr.pipeline.bundle.code import CodeBundle
from ndr.pipeline.bundle.pipeline import BundledPipeline
from ndr.pipeline.processing.environment import default_image_uri
from ndr.pipeline.processing.steps import ProcessingJobs
from ndr.pipeline.sdk import ParameterInteger, ParameterString, pipeline_session


def build_fg_b_baseline_pipeline(
    role_arn: str, region: str, default_bucket: str, pipeline_name: str = FG_B_PIPELINE
) -> BundledPipeline:
    """Define the pipeline that builds host, segment and pair baselines: one step, ``FGBaselineBuilderStep``.

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
        An SDK ``Pipeline`` with parameters ProjectName (``ndr-prod``), FeatureSpecVersion (``v1``), BaselineHorizon
        (7d, 30d or ``both``), BaselineMode (``REGULAR`` or BACKFILL), BaselineEndTsIso, BackfillStartTsIso,
        BackfillEndTsIso (each ``none`` by default; times are UTC, ISO 8601 with Z), ProcessingImageUri,
        ProcessingInstanceType (``ml.m5.xlarge``), ProcessingInstanceCount (1).

    Raises
    ------
    InvalidRequestError
        ``role_arn`` is not the ARN of a role.
    """
    project_name = ParameterString("ProjectName", default_value="ndr-prod")
    feature_spec_version = ParameterString("FeatureSpecVersion", default_value="v1")
    horizon = ParameterString("BaselineHorizon", default_value=ALL_HORIZONS, enum_values=list(HORIZON_CHOICES))
    mode = ParameterString("BaselineMode", default_value="REGULAR", enum_values=["REGULAR", "BACKFILL"])
    baseline_end = ParameterString("BaselineEndTsIso", default_value=NOT_USED)
    backfill_start = ParameterString("BackfillStartTsIso", default_value=NOT_USED)
    backfill_end = ParameterString("BackfillEndTsIso", default_value=NOT_USED)
    image_uri = ParameterString("ProcessingImageUri", default_value=default_image_uri(role_arn, region))
    instance_type = ParameterString("ProcessingInstanceType", default_value="ml.m5.xlarge")
    instance_count = ParameterInteger("ProcessingInstanceCount", default_value=1)

    session = pipeline_session(region, default_bucket)
    code = CodeBundle.of_installed_packages()
    jobs = ProcessingJobs.on(session, code, default_bucket, role_arn, image_uri, instance_type, instance_count)
    arguments = [
        *("--project-name", project_name),
        *("--feature-spec-version", feature_spec_version),
        *("--baseline-horizon", horizon),
        *("--baseline-mode", mode),
        *("--baseline-end-ts-iso", baseline_end),
        *("--backfill-start-ts-iso", backfill_start),
        *("--backfill-end-ts-iso", backfill_end),
    ]
    baselines = jobs.step("FGBaselineBuilderStep", "run_fg_b_builder.py", arguments)

    return BundledPipeline(
        name=pipeline_name,
        summary="FG-B baselines of hosts, segments and pairs over 7 and 30 days.",
        parameters=[
            *(project_name, feature_spec_version, horizon, mode, baseline_end, backfill_start, backfill_end),
            *(image_uri, instance_type, instance_count),
        ],
        steps=[baselines],
        code=code,
        code_bucket=default_bucket,
        session=session,
    )
