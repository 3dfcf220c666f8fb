"""The 15-minute pipeline with pair counts, under the module name that existing code imports."""

from ndr.pipeline.definitions.fifteen_minutes import (
    build_ndr_15m_pipeline_with_pairs,
    build_ndr_15m_single_step_pipeline,
)

__all__ = ["build_ndr_15m_pipeline_with_pairs", "build_ndr_15m_single_step_pipeline"]
