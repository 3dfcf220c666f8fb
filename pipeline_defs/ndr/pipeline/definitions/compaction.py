"""The compaction pipeline: finished days become one partition each, what that replaces is deleted later.

The report of the project follows it, as it runs once a day.
"""

from __future__ import annotations

import os

from ndr.contract.pipelines import COMPACTION_PIPELINE, NOT_USED
from ndr.pipeline.bundle.code import CodeBundle
from ndr.pipeline.bundle.pipeline import BundledPipeline
from ndr.pipeline.processing.environment import default_image_uri
from ndr.pipeline.processing.steps import ProcessingJobs
from ndr.pipeline.sdk import ParameterInteger, ParameterString, pipeline_session


def build_compaction_pipeline(
    role_arn: str, region: str, default_bucket: str, pipeline_name: str = COMPACTION_PIPELINE
) -> BundledPipeline:
    """Define the pipeline that compacts days of deltas, FG-A and pair counts, and then writes the report.

    Its steps are ``CompactionStep`` and ``ReportStep``, which does not fail the execution where the report fails.

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
        An SDK ``Pipeline`` with parameters ProjectName (``ndr-prod``), FeatureSpecVersion (``v1``), DayStartTsIso,
        DayEndTsIso (these two without default: whole UTC days, half-open, ISO 8601 with Z or a date),
        ProcessingImageUri, ProcessingInstanceType (``ml.m5.xlarge``), ProcessingInstanceCount (1; the job runs on the
        first instance).

    Raises
    ------
    InvalidRequestError
        ``role_arn`` is not the ARN of a role.
    """
    project_name = ParameterString("ProjectName", default_value="ndr-prod")
    feature_spec_version = ParameterString("FeatureSpecVersion", default_value="v1")
    day_start = ParameterString("DayStartTsIso")
    day_end = ParameterString("DayEndTsIso")
    image_uri = ParameterString("ProcessingImageUri", default_value=default_image_uri(role_arn, region))
    instance_type = ParameterString("ProcessingInstanceType", default_value="ml.m5.xlarge")
    instance_count = ParameterInteger("ProcessingInstanceCount", default_value=1)

    session = pipeline_session(region, default_bucket)
    code = CodeBundle.of_installed_packages()
    jobs = ProcessingJobs.on(session, code, default_bucket, role_arn, image_uri, instance_type, instance_count)
    project = [
        *("--project-name", project_name),
        *("--feature-spec-version", feature_spec_version),
    ]
    days = [
        *("--day-start-ts-iso", day_start),
        *("--day-end-ts-iso", day_end),
    ]
    stack = ["--stack-name", os.environ.get("STACK_NAME") or NOT_USED]
    compaction = jobs.step("CompactionStep", "run_compaction.py", [*project, *days])
    report = jobs.step("ReportStep", "run_report.py", [*project, *stack], after=[compaction])

    return BundledPipeline(
        name=pipeline_name,
        summary="Finished days of deltas, FG-A and pair counts as one partition each, and the daily report.",
        parameters=[
            *(project_name, feature_spec_version, day_start, day_end),
            *(image_uri, instance_type, instance_count),
        ],
        steps=[compaction, report],
        code=code,
        code_bucket=default_bucket,
        session=session,
    )
