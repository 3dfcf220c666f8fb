"""JobSpecs: what each job reads, writes and is told, one pydantic model a job.

The names below are imported when they are first used: a kernel that needs one small model does not wait for all.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ndr.contract.jobspecs.check import check_jobspecs
    from ndr.contract.jobspecs.item import (
        DELTA_BUILDER,
        FG_A_BUILDER,
        FG_B_BUILDER,
        FG_C_BUILDER,
        JOB_NAMES,
        JOBS,
        MACHINE_INVENTORY_UNLOAD,
        NETWORKS,
        NON_PERSISTENT_PREFIXES,
        PAIR_COUNTS_BUILDER,
        SUPPRESSIONS,
        Job,
        JobName,
        JobSpec,
        JobSpecs,
        parse_jobspec,
    )
    from ndr.contract.jobspecs.table import put_jobspec, read_jobspec, read_jobspecs

__all__ = [
    "DELTA_BUILDER",
    "FG_A_BUILDER",
    "FG_B_BUILDER",
    "FG_C_BUILDER",
    "JOBS",
    "JOB_NAMES",
    "MACHINE_INVENTORY_UNLOAD",
    "NETWORKS",
    "NON_PERSISTENT_PREFIXES",
    "PAIR_COUNTS_BUILDER",
    "SUPPRESSIONS",
    "Job",
    "JobName",
    "JobSpec",
    "JobSpecs",
    "check_jobspecs",
    "parse_jobspec",
    "put_jobspec",
    "read_jobspec",
    "read_jobspecs",
]

_MODULES = ("item", "check", "table")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = import_module(f"{__name__}.{module}")
            if name in vars(found):
                globals()[name] = vars(found)[name]
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
