"""The machine inventory pipeline: active machines from Redshift to S3, once a month."""

from __future__ import annotations

from ndr.contract.pipelines import INVENTORY_PIPELINE, REPLACE_WITH_EMPTY
from ndr.pipeline.bundle.code import CodeBundle
from ndr.pipeline.bundle.pipeline import BundledPipeline
from ndr.pipeline.processing.environment import default_image_uri
from ndr.pipeline.processing.steps import ProcessingJobs
from ndr.pipeline.sdk import ParameterInteger, ParameterString, pipeline_session


def build_machine_inventory_unload_pipeline(
    role_arn: str, region_name: str, default_bucket: str, pipeline_name: str = INVENTORY_PIPELINE
) -> BundledPipeline:
    """Define the pipeline that unloads the machine inventory: one step, ``MachineInventoryUnloadStep``.

    It runs before the FG-B pipeline, which derives its cold-start flags from the newest inventory.

    Parameters
    ----------
    role_arn : str
        ARN of the role of the pipeline and its jobs.
    region_name : str
        AWS region.
    default_bucket : str
        Name of the bucket for the job code.
    pipeline_name : str
        Name to register.

    Returns
    -------
    BundledPipeline
        An SDK ``Pipeline`` with parameters ProjectName (``ndr-prod``), FeatureSpecVersion (``v1``), ReferenceMonthIso
        (no default), InstanceType (``ml.m5.xlarge``), InstanceCount (1), ImageUri,
        ReplaceWithEmpty (``false``; ``true`` lets a published inventory be replaced by an empty one).

    Raises
    ------
    InvalidRequestError
        ``role_arn`` is not the ARN of a role.
    """
    project_name = ParameterString("ProjectName", default_value="ndr-prod")
    feature_spec_version = ParameterString("FeatureSpecVersion", default_value="v1")
    reference_month = ParameterString("ReferenceMonthIso")
    instance_type = ParameterString("InstanceType", default_value="ml.m5.xlarge")
    instance_count = ParameterInteger("InstanceCount", default_value=1)
    replace_with_empty = ParameterString(REPLACE_WITH_EMPTY, default_value="false", enum_values=["true", "false"])
    image_uri = ParameterString("ImageUri", default_value=default_image_uri(role_arn, region_name))

    session = pipeline_session(region_name, default_bucket)
    code = CodeBundle.of_installed_packages()
    jobs = ProcessingJobs.on(session, code, default_bucket, role_arn, image_uri, instance_type, instance_count)
    arguments = [
        *("--project-name", project_name),
        *("--feature-spec-version", feature_spec_version),
        *("--reference-month-iso", reference_month),
        *("--replace-with-empty", replace_with_empty),
    ]
    unload = jobs.step("MachineInventoryUnloadStep", "run_machine_inventory_unload.py", arguments)

    return BundledPipeline(
        name=pipeline_name,
        summary="Active machines of a month, unloaded from Redshift to S3.",
        parameters=[
            *(project_name, feature_spec_version, reference_month),
            *(instance_type, instance_count, image_uri, replace_with_empty),
        ],
        steps=[unload],
        code=code,
        code_bucket=default_bucket,
        session=session,
    )
