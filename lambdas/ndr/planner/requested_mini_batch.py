"""From the input of the `mini_batch` machine to its plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any

from botocore.exceptions import ClientError

from ndr.contract.jobspecs import DELTA_BUILDER, JobSpecs
from ndr.contract.ledger import arrival_claim_key, batch_claim_key
from ndr.contract.pipelines import batch_pipeline
from ndr.contract.time import Interval
from ndr.planner.arrival import ArrivedBatch, Gathering, Skipped, batch_of, missing_slices, seconds_to_wait
from ndr.planner.batch_report import published_rows
from ndr.planner.built import is_built
from ndr.planner.claims import claim, claim_batch, release_claim
from ndr.planner.delivered_files import delivered_folders
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.folder import Folder
from ndr.planner.mini_batch import plan_mini_batch
from ndr.planner.plan import BatchToReport, MiniBatchPlan
from ndr.planner.requests import MiniBatchRequest, parse_request
from ndr.planner.services import Services

AnyPlan = MiniBatchPlan | Gathering | Skipped


def plan_requested_mini_batch(services: Services, document: Any, now: datetime, execution: str | None) -> AnyPlan:
    """Check a request, claim its batch for the execution that asks, and plan it.

    A dry run, and a request that comes from no execution, claims nothing. What a schedule or an arrival asks for is not
    built again where it is built of what is delivered.

    Raises
    ------
    InvalidRequestError, JobSpecNotFoundError, JobSpecInvalidError
    """
    times = {"batch_minutes": services.batch_minutes, "settle_minutes": services.settle_minutes}
    defaults = {**services.defaults, **times}
    request = parse_request(MiniBatchRequest, document, now, defaults)
    planner = _Planner(services, request, services.jobspecs_of(request), now, None if request.dry_run else execution)
    return planner.of_arrival() if request.arrived else planner.of_batch(request.batch(now))


@dataclass(frozen=True)
class _Planner:
    """Plans one request of one execution; `execution` is None where nothing is claimed."""

    services: Services
    request: MiniBatchRequest
    jobspecs: JobSpecs
    now: datetime
    execution: str | None

    @property
    def project(self) -> tuple[str, str]:
        return self.request.project_name, self.request.feature_spec_version

    @cached_property
    def prefixes(self) -> FeaturePrefixes:
        return FeaturePrefixes.of(self.jobspecs)

    def of_batch(self, batch: Interval) -> MiniBatchPlan | Skipped:
        """Plan a batch."""
        services, request, held_by = self.services, self.request, None
        if self.execution:
            held_by = claim_batch(services.ledger, services.states, self.project, batch, self.execution, self.now)
        # After the claim: whatever its last holder started or built is seen here.
        running = services.running(batch_pipeline(self.jobspecs), self.now)
        plan = plan_mini_batch(
            request, self.jobspecs, self.now, running, partial(self._delivered_at, batch), held_by, batch
        )
        if request.is_automatic and not (plan.wait_for or plan.pipeline_execution_arn) and self._is_built(batch):
            self._release(batch_claim_key(*self.project, batch))
            return Skipped(skipped="built", message=f"{plan.message} It is built of what is delivered.")
        if not request.dry_run:
            plan = plan.model_copy(update={"report": self._to_report(batch)})
        return plan.with_suffix(services.pipeline_name_suffix)

    def of_arrival(self) -> AnyPlan:
        """Plan the batch of a file that arrived.

        One execution waits for the files of a batch, the others end: it lists what was delivered after they saw that it
        waits. For the same reason it gives up waiting before it lists what it decides by.
        """
        arrival = self.request.arrived
        assert arrival is not None
        length = timedelta(minutes=self.request.batch_minutes)
        found = batch_of(arrival, self.prefixes, length, self.now)
        file = f"s3://{arrival.bucket}/{arrival.key} arrived"
        if isinstance(found, str):
            return Skipped(skipped="not a batch", message=f"{file}: {found}.")
        waits = arrival_claim_key(*self.project, found.batch)
        if waiting := self._gathering(found, waits, file):
            return waiting
        plan = self.of_batch(found.batch)
        if isinstance(plan, MiniBatchPlan) and plan.wait_for:
            return plan
        self._release(waits)
        return self.of_batch(found.batch)

    def _gathering(self, found: ArrivedBatch, waits: dict[str, str], file: str) -> Gathering | Skipped | None:
        """Return how the batch is waited for; None where it can be built now."""
        folders = self._delivered(found.batch) or []
        if missing_slices(found, folders):
            message = (
                f"{file}, and other slices of {found.batch} are to come; the last one, or the schedule, starts it."
            )
            return Skipped(skipped="incomplete", message=message)
        if found.is_complete:
            return None
        services = self.services
        if self.execution and (other := claim(services.ledger, services.states, waits, self.execution, self.now)):
            message = f"{file}. {other} waits for the files of {found.batch}, and builds them."
            return Skipped(skipped="waited for", message=message)
        seconds = seconds_to_wait(found, folders, services.quiet, services.clock())
        message = f"{file}. Files of {found.batch} may still be arriving."
        return Gathering(wait_seconds=seconds, message=message) if seconds else None

    def _release(self, key: dict[str, str]) -> None:
        if self.execution:
            release_claim(self.services.ledger, key, self.execution)

    def _is_built(self, batch: Interval) -> bool:
        folders = self._delivered(batch)
        return folders is not None and is_built(self.services.s3, self.prefixes, batch, folders)

    def _delivered_at(self, batch: Interval) -> datetime | None:
        """Return when the newest file of a batch was delivered; None without files, or where they cannot be listed."""
        folders = self._delivered(batch) or []
        return max((file.modified_at for folder in folders for file in folder.files), default=None)

    def _delivered(self, batch: Interval) -> list[Folder] | None:
        """Return the files of a batch; None where they cannot be listed."""
        if not self.prefixes.integration.startswith("s3://"):
            return None
        try:
            return delivered_folders(self.services.s3, self.prefixes, batch)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "NoSuchBucket"):
                return None
            raise

    def _to_report(self, batch: Interval) -> BatchToReport:
        """Return what the report is asked about, with the rows that are published now."""
        asked = BatchToReport(
            project_name=self.request.project_name,
            feature_spec_version=self.request.feature_spec_version,
            deltas=self.jobspecs[DELTA_BUILDER].spec.outputs.deltas,
            start=batch.start,
            end=batch.end,
        )
        return asked.model_copy(update={"replaced": published_rows(self.services.s3, asked)})
