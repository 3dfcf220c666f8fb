"""The FG-B baseline pipeline, under the module name that existing code imports."""

from ndr.pipeline.definitions.baselines import build_fg_b_baseline_pipeline

__all__ = ["build_fg_b_baseline_pipeline"]
