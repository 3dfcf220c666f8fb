"""The 15-minute pipeline, under the module name that existing code imports."""

from ndr.pipeline.definitions.fifteen_minutes import build_ndr_15m_pipeline

__all__ = ["build_ndr_15m_pipeline"]
