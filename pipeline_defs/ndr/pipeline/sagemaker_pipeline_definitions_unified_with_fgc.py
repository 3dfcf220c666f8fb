"""The machine inventory pipeline and the 15-minute pipeline with scores, under the module name that existing code
imports."""

from ndr.pipeline.definitions.fifteen_minutes import build_ndr_15m_pipeline_with_fgc
from ndr.pipeline.definitions.machine_inventory import build_machine_inventory_unload_pipeline

__all__ = ["build_machine_inventory_unload_pipeline", "build_ndr_15m_pipeline_with_fgc"]
