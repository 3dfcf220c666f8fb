"""What a plan reads and notes in the account: JobSpecs, the ledger, running executions, the features in S3."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from logging import Logger
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from ndr.contract.errors import JobSpecNotFoundError
from ndr.contract.fifteen_minutes import BATCH_MINUTES
from ndr.contract.jobspecs import DELTA_BUILDER, JobSpecs, check_jobspecs, read_jobspecs
from ndr.contract.ledger import LedgerRow, is_over
from ndr.contract.ledger_updates import apply_updates, failed_update, insufficient_update, stale_update
from ndr.contract.stack_buckets import StackBuckets
from ndr.contract.time import floor_to
from ndr.planner.clients import planner_session
from ndr.planner.ledger_rows import read_ledger_rows
from ndr.planner.published import READERS
from ndr.planner.requests import Request
from ndr.planner.running import RunningExecution, find_running


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """The account as the planner sees it.

    Parameters
    ----------
    jobspecs, ledger : boto3 tables
    s3, sagemaker, states : boto3 clients
    defaults : mapping of str to str
        What a request that leaves its project and version out means.
    batch_minutes, settle_minutes : int
        Length of a scheduled batch, and the minutes that it must be over before it is taken as complete, unless the
        request says otherwise.
    pipeline_name_suffix : str
        What the names of the stack's pipelines end with.
    logger : Logger
    buckets : StackBuckets, optional
        The buckets that the stack's roles reach, where they are known.
    quiet : timedelta
        How long no file must have come for until a batch that arrives is taken as whole.
    clock : callable
        Returns the time, which an execution's start may be hours before.
    """

    jobspecs: Any
    ledger: Any
    s3: Any
    sagemaker: Any
    states: Any
    defaults: Mapping[str, str]
    batch_minutes: int
    settle_minutes: int
    pipeline_name_suffix: str
    logger: Logger | Any
    buckets: StackBuckets | None = None
    quiet: timedelta = timedelta(seconds=60)
    clock: Callable[[], datetime] = _now

    @classmethod
    def in_environment(cls, logger: Logger | Any) -> Services:
        """Make the services that the function's environment variables name."""
        session = planner_session()
        dynamodb = session.resource("dynamodb")
        return cls(
            jobspecs=dynamodb.Table(os.environ["NDR_JOBSPEC_TABLE"]),
            ledger=dynamodb.Table(os.environ["NDR_LEDGER_TABLE"]),
            s3=session.client("s3", config=Config(max_pool_connections=READERS)),
            # A plan asks SageMaker about each running execution, and must not fail for being throttled in between.
            sagemaker=session.client("sagemaker", config=Config(retries={"mode": "standard", "max_attempts": 8})),
            states=session.client("stepfunctions"),
            defaults={
                "project_name": os.environ["DEFAULT_PROJECT_NAME"],
                "feature_spec_version": os.environ["DEFAULT_FEATURE_SPEC_VERSION"],
            },
            batch_minutes=int(os.environ.get("BATCH_MINUTES", BATCH_MINUTES[0])),
            settle_minutes=int(os.environ["BATCH_SETTLE_MINUTES"]),
            pipeline_name_suffix=os.environ.get("PIPELINE_NAME_SUFFIX", ""),
            logger=logger,
            buckets=StackBuckets.in_environment(),
            quiet=timedelta(seconds=int(os.environ.get("ARRIVAL_QUIET_SECONDS", "60"))),
        )

    def jobspecs_of(self, request: Request) -> JobSpecs:
        """Read and check the JobSpecs of a request's project and version.

        Raises
        ------
        JobSpecNotFoundError, JobSpecInvalidError
            Invalid is also a set whose traffic is in a bucket that the stack's roles do not read.
        """
        found = read_jobspecs(self.jobspecs, request.project_name, request.feature_spec_version)
        if not found:
            raise JobSpecNotFoundError(
                f"Table {self.jobspecs.name} holds no JobSpec of project {request.project_name!r}, version "
                f"{request.feature_spec_version!r}; check project_name and feature_spec_version, or put the JobSpecs "
                "with `ndr jobspec put FILE`."
            )
        jobspecs = check_jobspecs(found)
        if self.buckets:
            self.buckets.check_reads([jobspecs[DELTA_BUILDER]])
        return jobspecs

    def running(self, pipeline_name: str, now: datetime) -> list[RunningExecution]:
        """List the executions of the stack's pipeline that have not ended; none where that is refused.

        It is refused for a moment during an upgrade. `pipeline_name` is without the stack's suffix.
        """
        try:
            return find_running(self.sagemaker, f"{pipeline_name}{self.pipeline_name_suffix}", now)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDeniedException":
                raise
            reason = {"reason": str(error)}
            self.logger.warning("cannot list running executions; duplicates may be started", extra=reason)
            return []

    def scheduled_until(self, now: datetime) -> datetime:
        """Return the end of the last batch that a schedule has started at `now`, the end of the last settled batch."""
        return floor_to(now - timedelta(minutes=self.settle_minutes), timedelta(minutes=self.batch_minutes))

    def ledger_rows(self, series: str, first: datetime, last: datetime) -> dict[datetime, LedgerRow]:
        """Read the ledger. Leases are judged by the clock, not by the execution's start, which may be hours ago."""
        ended = lru_cache(lambda holder: is_over(self.sagemaker, holder))
        return read_ledger_rows(self.ledger, series, first, last, datetime.now(UTC), ended)

    def mark_stale(self, names: Iterable[str], series: Mapping[str, str]) -> None:
        """Mark baselines, each named "horizon end", as stale in the ledger."""
        now = datetime.now(UTC)
        apply_updates(self.ledger, (stale_update(_key(name, series), now) for name in dict.fromkeys(names)))

    def mark_failed(self, reasons: Mapping[str, str], series: Mapping[str, str], execution: str) -> None:
        """Mark baselines as failed, each with its reason; what another execution built or holds stays as it is."""
        now = datetime.now(UTC)
        updates = (failed_update(_key(name, series), reason, execution, now) for name, reason in reasons.items())
        apply_updates(self.ledger, updates)

    def note_insufficient(self, reasons: Mapping[str, str], series: Mapping[str, str]) -> None:
        """Note which baselines are not run for want of history; rows of completed or leased ones stay as they are."""
        now = datetime.now(UTC)
        updates = (insufficient_update(_key(name, series), reason, now) for name, reason in reasons.items())
        apply_updates(self.ledger, updates)


def _key(name: str, series: Mapping[str, str]) -> dict[str, str]:
    horizon, _, as_of = name.partition(" ")
    return {"series": series[horizon], "as_of": as_of}
