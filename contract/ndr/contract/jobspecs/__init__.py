"""JobSpecs: what each job reads, writes and is told, one pydantic model a job."""

from ndr.contract.jobspecs.check import check_jobspecs
from ndr.contract.jobspecs.item import JOB_NAMES, JobName, JobSpec, parse_jobspec
from ndr.contract.jobspecs.table import put_jobspec, read_jobspec, read_jobspecs

__all__ = [
    "JOB_NAMES",
    "JobName",
    "JobSpec",
    "check_jobspecs",
    "parse_jobspec",
    "put_jobspec",
    "read_jobspec",
    "read_jobspecs",
]
