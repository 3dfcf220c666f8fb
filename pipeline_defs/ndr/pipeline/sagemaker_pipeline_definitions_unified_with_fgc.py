"""The machine inventory pipeline, under the module name that existing code imports."""

from ndr.pipeline.definitions.machine_inventory import build_machine_inventory_unload_pipeline

__all__ = ["build_machine_inventory_unload_pipeline"]
