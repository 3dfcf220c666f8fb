"""The compaction pipeline, under a module name like those of the other pipelines."""

from ndr.pipeline.definitions.compaction import build_compaction_pipeline

__all__ = ["build_compaction_pipeline"]
