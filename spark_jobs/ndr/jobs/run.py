"""One run of a job: its project, its JobSpecs, its code version, its log."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, overload

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.jobspecs import NETWORKS, Job, read_jobspec
from ndr.contract.jobspecs.item import SpecT
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.jobspecs.table import Table
from ndr.contract.manifest import Owner
from ndr.contract.stack_buckets import StackBuckets
from ndr.contract.time import Interval
from ndr.jobs.claims import Claims, LeaseKey, Unclaimed
from ndr.jobs.identity import correlation
from ndr.store import aws
from ndr.store.pending_commit import Fence

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Run:
    """A run of one job.

    Parameters
    ----------
    job_name : str
        As in the JobSpec.
    project_name, feature_spec_version : str
        The project and version of the JobSpecs.
    table : Table
        The JobSpec table.
    code_version : str
        Digest of the job sources; goes into every manifest.
    spark : SparkSession or None
        The session that processes the rows; None: this process does.
    claims : Claims
        Decide which partitions this run may build.
    """

    job_name: str
    project_name: str
    feature_spec_version: str
    table: Table
    code_version: str = field(default_factory=lambda: os.environ.get("NDR_CODE_VERSION", "unversioned"))
    spark: SparkSession | None = None
    claims: Claims = field(default_factory=Unclaimed)

    @classmethod
    def in_environment(cls, job_name: str, project_name: str, feature_spec_version: str) -> Run:
        """Make a run whose JobSpec table is named by NDR_JOBSPEC_TABLE."""
        table = aws.dynamodb_table(os.environ.get("NDR_JOBSPEC_TABLE", "ndr-jobspecs"))
        return cls(job_name, project_name, feature_spec_version, table)

    @overload
    def spec(self, job: Job[SpecT]) -> SpecT: ...
    @overload
    def spec(self, job: str) -> Any: ...
    def spec(self, job: str) -> Any:
        """Read the spec of a job.

        Raises
        ------
        JobSpecNotFoundError, JobSpecInvalidError
            Invalid is also a JobSpec that names a bucket which the job's role does not reach.
        """
        jobspec = read_jobspec(self.table, self.project_name, job, self.feature_spec_version)
        if buckets := StackBuckets.in_environment():
            buckets.check([jobspec])
        return jobspec.spec

    def networks(self) -> Networks:
        """Read the JobSpec `networks`, which may be absent, and log the networks that the job uses.

        Raises
        ------
        JobSpecInvalidError
        """
        try:
            networks: Networks = self.spec(NETWORKS)
        except JobSpecNotFoundError:
            networks = Networks()
        job_logger(self.job_name).info("networks", extra={"networks": networks.in_use})
        return networks

    def lease_key(self, dataset: str, interval: Interval) -> LeaseKey:
        """Return the ledger item of a partition that answers for an interval."""
        return LeaseKey.of_interval(self.project_name, self.feature_spec_version, dataset, interval)

    def fence(self, dataset: str, interval: Interval) -> Fence:
        """Return the fence of a partition, which `PartitionWriter.commit` asks before it publishes."""
        return partial(self.claims.fence, self.lease_key(dataset, interval))

    @property
    def owner(self) -> Owner:
        """Whose data the run reads and writes."""
        return Owner(self.project_name, self.feature_spec_version)

    @property
    def facts(self) -> dict[str, str]:
        """The manifest fields that every partition of this run shares."""
        return {
            "project_name": self.project_name,
            "feature_spec_version": self.feature_spec_version,
            "code_version": self.code_version,
        }


def job_logger(job_name: str) -> Logger:
    """Return the JSON logger of a job; each line has the job and the ids that link it to the pipeline execution."""
    from aws_lambda_powertools import Logger

    log = Logger(service=job_name)
    log.append_keys(**correlation())
    return log
