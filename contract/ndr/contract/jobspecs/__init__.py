"""JobSpecs: what each job reads, writes and is told, one pydantic model a job."""

from ndr.contract.jobspecs.check import check_jobspecs
from ndr.contract.jobspecs.item import (
    DELTA_BUILDER,
    FG_A_BUILDER,
    FG_B_BUILDER,
    JOB_NAMES,
    JOBS,
    MACHINE_INVENTORY_UNLOAD,
    NON_PERSISTENT_PREFIXES,
    PAIR_COUNTS_BUILDER,
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
    "JOBS",
    "JOB_NAMES",
    "MACHINE_INVENTORY_UNLOAD",
    "NON_PERSISTENT_PREFIXES",
    "PAIR_COUNTS_BUILDER",
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
