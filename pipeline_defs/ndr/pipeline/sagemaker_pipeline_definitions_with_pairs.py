"""The 15-minute pipeline with pair counts, under the module name that existing code imports."""

from ndr.pipeline.definitions.fifteen_minutes import build_ndr_15m_pipeline_with_pairs

__all__ = ["build_ndr_15m_pipeline_with_pairs"]
