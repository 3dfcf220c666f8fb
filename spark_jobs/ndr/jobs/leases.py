"""Leases on partitions: two runs never build the same one at once, and a run that lost its lease does not publish.

The job itself claims, so that a run holds its partitions however it was started. A lease is short and is renewed while
the job lives. The lease of a job that died expires; it is taken over sooner when its pipeline execution has ended.
"""

from __future__ import annotations

import os
import re
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from ndr.contract.errors import InvalidRequestError, PublishConflictError
from ndr.contract.events import Publication, event_attributes, event_key, event_of
from ndr.contract.ledger import EXPIRES_AT, expiry, is_over
from ndr.contract.manifest import Manifest
from ndr.contract.time import Interval, format_instant, whole_seconds
from ndr.jobs.claims import LeaseHeld, LeaseKey
from ndr.jobs.identity import processing_job
from ndr.jobs.run import Run, job_logger
from ndr.store import aws
from ndr.store.pending_commit import PendingCommit

LEASE: Final = timedelta(minutes=15)
RENEWALS: Final = 3  # per lease: when one fails, the next is still in time


class LedgerTable(Protocol):
    """The part of `boto3.resource("dynamodb").Table(name)` that leases use."""

    def get_item(self, **kwargs: Any) -> Any: ...
    def update_item(self, **kwargs: Any) -> Any: ...


def _now() -> datetime:
    return datetime.now(UTC)


def _none_has_ended(holder: str) -> bool:
    return False


def completed(manifest: Manifest) -> dict[str, Any]:
    """Return the ledger attributes of a published partition."""
    return {
        "status": "completed",
        "run_id": manifest.run_id,
        "rows": {name: table.rows for name, table in manifest.tables.items()},
        "coverage": f"{manifest.coverage:.4f}",  # DynamoDB has no binary floats
        "updated_at": format_instant(whole_seconds(datetime.now(UTC))),
        "processing_job": processing_job(),
    }


@dataclass
class Leases:
    """The leases of one run of a job.

    Parameters
    ----------
    table : LedgerTable
        The ledger.
    run : Run
        The run that claims.
    holder : str
        The pipeline execution of the run. A step that SageMaker runs again has the same holder, and so takes over the
        leases of its first attempt at once.
    has_ended : callable
        Tells whether another holder has ended; its lease then no longer counts.
    """

    table: LedgerTable
    run: Run
    holder: str
    has_ended: Callable[[str], bool] = _none_has_ended
    length: timedelta = LEASE
    clock: Callable[[], datetime] = _now
    lease_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _held: dict[LeaseKey, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)  # boto3's resources are for one thread at a time

    @classmethod
    def in_environment(cls, run: Run) -> Leases:
        """Return the leases of a job whose ledger is named by NDR_LEDGER_TABLE."""
        table = aws.dynamodb_table(os.environ.get("NDR_LEDGER_TABLE", "ndr-ledger"))
        holder = os.environ.get("NDR_PIPELINE_EXECUTION") or f"a job started by hand, {uuid.uuid4()}"
        return cls(table, run, holder, _execution_has_ended)

    def claim(self, key: LeaseKey) -> LeaseHeld | None:
        """Claim a partition; returns the live lease of another run, if there is one."""
        dead = _NO_LEASE
        while True:
            try:
                now = self.clock()
                self._update(
                    key,
                    _CLAIM_FOR_A_TIME if key.expires else _CLAIM,
                    _IS_FREE,
                    status="running",
                    dead=dead,
                    claimed_at=self._text(now),
                    expires_at=expiry(now),
                )
            except _RefusedError:
                item = self._read(key)
                ended = item.get("lease_id", dead) != dead and self.has_ended(item.get("holder", ""))
                if item and not ended:
                    return LeaseHeld(key, item.get("holder", "unknown"), item.get("lease_until", "unknown"))
                dead = item.get("lease_id", _NO_LEASE)
                continue
            self._held[key] = None
            return None

    def claim_all(self, keys: Iterable[LeaseKey]) -> None:
        """Claim partitions that this run has to build.

        Raises
        ------
        PublishConflictError
            Another run holds one of them.
        """
        for key in keys:
            held = self.claim(key)
            if held:
                raise PublishConflictError(f"{held}. Wait until it has ended, then start the request again.")

    def fence(self, key: LeaseKey, pending: PendingCommit, /, **facts: Any) -> None:
        """Renew the lease, so that it lasts while the partition is committed, and write the event of the commit.

        The version that is replaced was committed: if its run died before it could say so, its event is sent now.

        Parameters
        ----------
        facts
            The fields that only this kind of event has, as far as they are known before the commit.

        Raises
        ------
        PublishConflictError
            Another run has taken the partition over.
        """
        try:
            self._update(key, "SET lease_until = :lease_until", _IS_MINE)
        except _RefusedError:
            raise self._lost(key) from None
        if pending.replaced:
            self.announce(pending.replaced, pending.uri, **facts)
        event = event_of(pending.manifest, pending.uri, **facts)
        if event:
            self._write_event(event, publisher=self.holder)

    def record(self, key: LeaseKey, facts: dict[str, Any]) -> None:
        """Write the outcome of a claimed partition and release its lease.

        Raises
        ------
        PublishConflictError
            Another run has taken the partition over meanwhile.
        """
        names = {name: value for name, value in facts.items() if value is not None}
        sets = ", ".join(f"#{name} = :{name}" for name in names)
        gone = "" if "reason" in names else ", reason, failed_at"
        expression = f"SET {sets} REMOVE lease_until, lease_id, holder{gone}"
        try:
            self._update(key, expression, _IS_MINE, names=tuple(names), **names)
        except _RefusedError:
            raise self._lost(key) from None
        finally:
            self._held.pop(key, None)

    def mark_stale(self, key: LeaseKey) -> None:
        """Write that what a partition was built from has changed, where the ledger knows it."""
        with suppress(_RefusedError):
            self._update(key, "SET stale_since = :now", "attribute_exists(#status)", names=("status",))

    def record_published(self, manifest: Manifest, uri: str | None = None, **facts: Any) -> None:
        """Write that a partition is published and release its lease.

        Parameters
        ----------
        uri : str, optional
            The partition. Without it no event tells of the publication.
        facts
            The fields that only this kind of event has.

        Raises
        ------
        PublishConflictError
            Another run has taken the partition over meanwhile.
        """
        if uri is not None:
            self.announce(manifest, uri, **facts)
        self.record(self.run.lease_key(manifest.dataset, manifest.interval), completed(manifest))

    def announce(self, manifest: Manifest, uri: str, **facts: Any) -> None:
        """Write that a publication was committed: a machine sends its event from now on, if none has sent it before.

        It comes before the publication is recorded. A run that ends before it has left the event with its publisher.

        Parameters
        ----------
        uri : str
            The partition.
        facts
            The fields that only this kind of event has.
        """
        event = event_of(manifest, uri, **facts)
        if event:
            with suppress(_RefusedError):
                self._write_event(event, " REMOVE publisher", "attribute_exists(publisher)")

    def release(self, key: LeaseKey) -> None:
        """Give a claim up where nothing was published: what was built before is as complete as it was.

        Raises
        ------
        PublishConflictError
            Another run has taken the partition over meanwhile.
        """
        is_built = "run_id" in self._read(key)  # which no other run changes while this one holds the lease
        self.record(key, {"status": "completed"} if is_built else {"status": "failed", "reason": _GIVEN_UP})

    @property
    def leased_run(self) -> Run:
        """The run, with these leases as its claims."""
        return replace(self.run, claims=self)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the leases while the body runs. When it raises, the partitions still held are marked failed."""
        done = threading.Event()
        renewing = threading.Thread(target=self.renew_until, args=(done.wait,), name="leases", daemon=True)
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
        for key in list(self._held):
            try:
                self._update(key, "SET lease_until = :lease_until", _IS_MINE)
            except _RefusedError:
                job_logger(self.run.job_name).warning("lease lost", extra={"partition": str(key)})
                self._held.pop(key, None)

    def renew_until(self, ended: Callable[[float], bool]) -> None:
        """Renew RENEWALS times per lease, until `ended`, which waits for some seconds, says that the run is over."""
        while not ended(self.length.total_seconds() / RENEWALS):
            try:
                self.renew()
            except (ClientError, BotoCoreError) as error:
                job_logger(self.run.job_name).warning("leases not renewed", extra={"reason": str(error)})

    def _give_up(self, reason: str) -> None:
        at = self._text(self.clock())
        for key in list(self._held):
            try:
                self.record(key, {"status": "failed", "reason": reason[:1024], "failed_at": at})
            except (
                PublishConflictError,
                ClientError,
                BotoCoreError,
            ) as error:  # must not mask the original error
                job_logger(self.run.job_name).warning("not marked failed", extra={"reason": str(error)})

    def _lost(self, key: LeaseKey) -> PublishConflictError:
        holder = self._read(key).get("holder", "another run, which has ended")
        return PublishConflictError(
            f"{key} was taken over by {holder} while this run built it, and is not published by this run. "
            "Start the request again."
        )

    def _read(self, key: LeaseKey) -> dict[str, Any]:
        with self._lock:
            return dict(self.table.get_item(Key=_item_key(key), ConsistentRead=True).get("Item", {}))

    def _update(
        self, key: LeaseKey, expression: str, condition: str, names: tuple[str, ...] = ("status",), **values: Any
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
        self._write(
            Key=_item_key(key),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues={f":{name}": value for name, value in used.items()},
            **({"ExpressionAttributeNames": renamed} if renamed else {}),
        )

    def _write_event(self, event: Publication, change: str = "", condition: str | None = None, **more: str) -> None:
        attributes = event_attributes(event) | more
        self._write(
            Key=event_key(event),
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in attributes) + change,
            ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()},
            **({"ConditionExpression": condition} if condition else {}),
        )

    def _write(self, **request: Any) -> None:
        with self._lock:
            try:
                self.table.update_item(**request)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ConditionalCheckFailedException":
                    raise _RefusedError from None
                if code == "ResourceNotFoundException":
                    raise InvalidRequestError(_NO_TABLE) from None
                raise

    @staticmethod
    def _text(instant: datetime) -> str:
        return format_instant(whole_seconds(instant))


@contextmanager
def leased(run: Run, dataset: str, intervals: Iterable[Interval]) -> Iterator[Leases]:
    """Hold the leases of a dataset's partitions while the body runs.

    Raises
    ------
    PublishConflictError
        Another run holds one of them.
    """
    leases = Leases.in_environment(run)
    with leases.kept():
        leases.claim_all(run.lease_key(dataset, interval) for interval in intervals)
        yield leases


class _RefusedError(Exception):
    """The item does not satisfy the condition."""


_SET: Final = (
    "SET #status = :status, holder = :holder, lease_id = :lease_id, lease_until = :lease_until, "
    "claimed_at = :claimed_at"
)
_CLAIM: Final = f"{_SET} REMOVE reason, failed_at"
_CLAIM_FOR_A_TIME: Final = f"{_SET}, {EXPIRES_AT} = :expires_at REMOVE reason, failed_at"
_IS_FREE: Final = "attribute_not_exists(lease_until) OR lease_until <= :now OR holder = :holder OR lease_id = :dead"
_IS_MINE: Final = "lease_id = :lease_id"
_NO_LEASE: Final = "none"
_GIVEN_UP: Final = "A run claimed it and built nothing; its log says why."
_NO_TABLE: Final = (
    "The ledger table that NDR_LEDGER_TABLE names (default: ndr-ledger) does not exist. Register the pipelines "
    "by a deploy of the stack, or set NDR_LEDGER_TABLE to the stack's output LedgerTableName."
)


def _item_key(key: LeaseKey) -> dict[str, str]:
    return {"series": key.series, "as_of": key.as_of}


def _execution_has_ended(holder: str) -> bool:
    return is_over(aws.client("sagemaker"), holder)


def _mentions(expression: str, name: str) -> bool:
    return name in re.split(r"[\s,()]+", expression)
