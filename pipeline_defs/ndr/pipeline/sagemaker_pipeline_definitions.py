"""The entry point that existing code imports; the definition itself is in the module with pairs."""

from __future__ import annotations

from ndr.pipeline.bundled_pipeline import BundledPipeline
from ndr.pipeline.sagemaker_pipeline_definitions_with_pairs import build_ndr_15m_pipeline_with_pairs


def build_ndr_15m_pipeline(role_arn: str, region: str, default_bucket: str) -> BundledPipeline:
    """Define the 15-minute pipeline under its usual name, ``ndr-15m-pipeline``.

    Parameters
    ----------
    role_arn : str
        ARN of the role that the pipeline and its jobs take.
    region : str
        AWS region.
    default_bucket : str
        Bucket name for the job code.

    Returns
    -------
    BundledPipeline
        See :func:`build_ndr_15m_pipeline_with_pairs`.
    """
    return build_ndr_15m_pipeline_with_pairs(
        role_arn=role_arn,
        region=region,
        default_bucket=default_bucket,
        pipeline_name="ndr-15m-pipeline",
    )
