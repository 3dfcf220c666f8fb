"""Leases on baselines: never is one built twice at once, never published by a run that lost it.

The job itself claims, so that a run holds its baselines however it was started. A lease is short and renewed while the
job lives; a job that dies is found by its lease, or sooner by its pipeline execution, which has ended then.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ndr.contract.errors import PublishConflictError
from ndr.contract.ledger import is_over, ledger_key
from ndr.contract.time import format_instant
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.run import Run, job_logger

LEASE: Final = timedelta(minutes=15)
RENEWALS: Final = 3  # in the time of a lease: one may fail, and the next still comes in time
DATASET: Final = "fg_b"


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """A baseline that is left out, because another run is building it."""

    target: Target
    holder: str
    until: str

    def __str__(self) -> str:
        end = format_instant(self.target.end)
        return f"{self.target.horizon} ending {end} is held by {self.holder} until {self.until}"


class Claims(Protocol):
    """Who may build a baseline, asked before it is built and once more before it is committed."""

    def claim(self, target: Target) -> LeaseHeld | None:
        """Claim a baseline; returns who holds it where another run does."""

    def fence(self, target: Target) -> None:
        """Make sure that the claim still holds, and will while the baseline is committed.

        Raises
        ------
        PublishConflictError
            Another run has taken it over.
        """


class Unclaimed:
    """Claims of a run that is alone, without a ledger."""

    def claim(self, target: Target) -> LeaseHeld | None:
        return None

    def fence(self, target: Target) -> None:
        return None


class LedgerTable(Protocol):
    """What is used of `boto3.resource("dynamodb").Table(name)`."""

    def get_item(self, **kwargs: Any) -> Any: ...
    def update_item(self, **kwargs: Any) -> Any: ...


def _now() -> datetime:
    return datetime.now(UTC)


def _nobody_ended(holder: str) -> bool:
    return False


@dataclass
class Leases:
    """The leases of one run of the job.

    Parameters
    ----------
    table : LedgerTable
        The ledger.
    run : Run
        Whose baselines they are.
    holder : str
        Who builds, as others read it: the pipeline execution. A step that SageMaker runs again has the same holder,
        and so takes its predecessor's leases over at once.
    has_ended : callable
        Tells whether another holder has ended, so that its lease counts no longer.
    """

    table: LedgerTable
    run: Run
    holder: str
    has_ended: Callable[[str], bool] = _nobody_ended
    length: timedelta = LEASE
    clock: Callable[[], datetime] = _now
    lease_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _held: dict[Target, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)  # boto3's resources are for one thread at a time

    @classmethod
    def in_environment(cls, run: Run) -> Leases:
        """Make the leases of a job whose ledger is named by NDR_LEDGER_TABLE."""
        table = boto3.resource("dynamodb").Table(os.environ.get("NDR_LEDGER_TABLE", "ndr-ledger"))
        holder = os.environ.get("NDR_PIPELINE_EXECUTION") or f"a job started by hand, {uuid.uuid4().hex[:12]}"
        return cls(table, run, holder, partial(is_over, boto3.client("sagemaker")))

    def claim(self, target: Target) -> LeaseHeld | None:
        """Claim a baseline; returns who holds it where another run does."""
        dead = "nobody"
        while True:
            try:
                self._update(target, _CLAIM, _IS_FREE, status="running", dead=dead, claimed_at=self._text(self.clock()))
            except _RefusedError:
                item = self._read(target)
                ended = item.get("lease_id", dead) != dead and self.has_ended(item.get("holder", ""))
                if item and not ended:
                    return LeaseHeld(target, item.get("holder", "unknown"), item.get("lease_until", "unknown"))
                dead = item.get("lease_id", "nobody")
                continue
            self._held[target] = None
            return None

    def fence(self, target: Target) -> None:
        """Renew the lease, so that nobody takes it over while the baseline is committed.

        Raises
        ------
        PublishConflictError
            Another run has taken it over.
        """
        try:
            self._update(target, "SET lease_until = :lease_until", _IS_MINE)
        except _RefusedError:
            raise self._lost(target) from None

    def record(self, target: Target, facts: dict[str, Any]) -> None:
        """Write what became of a claimed baseline and give the lease back.

        Raises
        ------
        PublishConflictError
            Another run has taken it over meanwhile.
        """
        names = {name: value for name, value in facts.items() if value is not None}
        sets = ", ".join(f"#{name} = :{name}" for name in names)
        gone = "" if "reason" in names else ", reason, failed_at"
        expression = f"SET {sets} REMOVE lease_until, lease_id, holder{gone}"
        try:
            self._update(target, expression, _IS_MINE, names=tuple(names), **names)
        except _RefusedError:
            raise self._lost(target) from None
        finally:
            self._held.pop(target, None)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew what is held while the body runs; what it leaves unfinished by an error is marked failed."""
        done = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=(done,), name="leases", daemon=True)
        renewing.start()
        try:
            yield
        except Exception as error:
            self._give_up(f"{type(error).__name__}: {error}")
            raise
        finally:
            done.set()
            renewing.join()

    def renew(self) -> None:
        """Renew every lease that is held and not lost."""
        for target in list(self._held):
            try:
                self._update(target, "SET lease_until = :lease_until", _IS_MINE)
            except _RefusedError:
                job_logger(self.run.job_name).warning("lease lost", extra={"baseline": str(target)})
                self._held.pop(target, None)

    def _renew_until(self, done: threading.Event) -> None:
        while not done.wait(self.length.total_seconds() / RENEWALS):
            try:
                self.renew()
            except (ClientError, BotoCoreError) as error:
                job_logger(self.run.job_name).warning("leases not renewed", extra={"reason": str(error)})

    def _give_up(self, reason: str) -> None:
        at = self._text(self.clock())
        for target in list(self._held):
            try:
                self.record(target, {"status": "failed", "reason": reason[:1024], "failed_at": at})
            except (PublishConflictError, ClientError, BotoCoreError) as error:  # must not hide why the job failed
                job_logger(self.run.job_name).warning("not marked failed", extra={"reason": str(error)})

    def _lost(self, target: Target) -> PublishConflictError:
        holder = self._read(target).get("holder", "another run, which has ended")
        return PublishConflictError(
            f"{target.horizon} ending {format_instant(target.end)} was taken over by {holder} while this run built it, "
            "and is not published by this run. Start the request again: what is completed is skipped."
        )

    def _key(self, target: Target) -> dict[str, str]:
        return ledger_key(self.run.project_name, self.run.feature_spec_version, DATASET, target.horizon, target.end)

    def _read(self, target: Target) -> dict[str, Any]:
        with self._lock:
            return dict(self.table.get_item(Key=self._key(target), ConsistentRead=True).get("Item", {}))

    def _update(
        self, target: Target, expression: str, condition: str, names: tuple[str, ...] = ("status",), **values: Any
    ) -> None:
        now = self.clock()
        known = {
            "now": self._text(now),
            "lease_until": self._text(now + self.length),
            "lease_id": self.lease_id,
            "holder": self.holder,
            **values,
        }
        text = f"{expression} {condition}"
        used = {name: value for name, value in known.items() if _mentions(text, f":{name}")}
        renamed = {f"#{name}": name for name in names if _mentions(text, f"#{name}")}
        with self._lock:
            try:
                self.table.update_item(
                    Key=self._key(target),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeValues={f":{name}": value for name, value in used.items()},
                    **({"ExpressionAttributeNames": renamed} if renamed else {}),
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                raise _RefusedError from None

    @staticmethod
    def _text(instant: datetime) -> str:
        return format_instant(instant.replace(microsecond=0))


class _RefusedError(Exception):
    """The item is not as the condition wants it."""


_CLAIM: Final = (
    "SET #status = :status, holder = :holder, lease_id = :lease_id, lease_until = :lease_until, "
    "claimed_at = :claimed_at REMOVE reason, failed_at"
)
_IS_FREE: Final = "attribute_not_exists(lease_until) OR lease_until <= :now OR holder = :holder OR lease_id = :dead"
_IS_MINE: Final = "lease_id = :lease_id"


def _mentions(expression: str, name: str) -> bool:
    return name in expression.replace(",", " ").split()
