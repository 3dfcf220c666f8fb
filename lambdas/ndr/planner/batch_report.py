"""The report of a mini-batch: what became of its rows, as the manifests of its deltas say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.datasets import DELTAS
from ndr.contract.manifest import MANIFEST_NAME, Manifest
from ndr.contract.time import DAY, Interval, day_text, mini_batch_id
from ndr.contract.wording import counted
from ndr.planner.keys import bucket_and_key
from ndr.planner.plan import BatchToReport, PlanPart
from ndr.planner.published import Published, read_manifests
from ndr.planner.verdict import NOTHING_BUILT

UNSEEN: Final = ("AccessDenied", "NoSuchBucket")


class BatchRows(PlanPart):
    """Rows of a batch. Delivered rows are `rows_in` = `used` + `quarantined` + `repeated`; `replaced` is of deltas."""

    rows_in: int
    used: int
    quarantined: int
    repeated: int
    replaced: int


class BatchReport(PlanPart):
    """What a run of a batch published; `coverage` is the share, in [0, 1], of its time that was delivered."""

    message: str
    warning: str | None = None
    rows: BatchRows | None = None
    coverage: float | None = None


def published_rows(s3: Any, batch: BatchToReport) -> int:
    """Return the rows of a batch's deltas that are published; 0 where they cannot be read."""
    found = _published(s3, batch)
    return sum(manifest.tables[DELTAS.name].rows for _, manifest in found.manifests) if found else 0


def report_batch(s3: Any, batch: BatchToReport) -> BatchReport:
    """Report on a batch that was run.

    Returns
    -------
    BatchReport
        With the warning NOTHING_BUILT where nothing is published, or no delivered row was used and not even an empty
        mini-batch was delivered.
    """
    found = _published(s3, batch)
    if found is None or found.unreadable:
        why = found.unreadable[0] if found else f"{batch.deltas} cannot be read."
        return BatchReport(message=f"What was published is not known: {why}")
    manifests = [manifest for _, manifest in found.manifests]
    if not manifests:
        return BatchReport(message=f"Nothing is published below {batch.deltas}.", warning=NOTHING_BUILT)
    rows, coverage = _rows(manifests, batch.replaced), _coverage(manifests, Interval(batch.start, batch.end))
    is_empty = rows.used == 0 and (rows.rows_in > 0 or coverage == 0)
    message = _message(rows, coverage)
    if rows.rows_in == 0 and coverage == 0:
        message += (
            f" Nothing was delivered for {Interval(batch.start, batch.end)}: deliver its files and start the request "
            "again, or write batch_start and batch_end of a time that has some."
        )
    return BatchReport(message=message, warning=NOTHING_BUILT if is_empty else None, rows=rows, coverage=coverage)


def _published(s3: Any, batch: BatchToReport) -> Published | None:
    """Read the manifests of the batch's own partitions, one a day; None where the bucket cannot be seen."""
    if not batch.deltas.startswith("s3://"):
        return None
    bucket, base = bucket_and_key(batch.deltas)
    keys = [
        f"{base}dt={day_text(part.start)}/{mini_batch_id(part)}/{MANIFEST_NAME}"
        for part in Interval(batch.start, batch.end).steps(DAY)
    ]
    try:
        return read_manifests(s3, bucket, keys, DELTAS.name, batch.owner)
    except ClientError as error:
        if error.response["Error"]["Code"] in UNSEEN:
            return None
        raise


def _rows(manifests: Sequence[Manifest], replaced: int) -> BatchRows:
    accounts = [manifest.rows for manifest in manifests if manifest.rows]
    return BatchRows(
        rows_in=sum(each.rows_in for each in accounts),
        used=sum(each.rows_used for each in accounts),
        quarantined=sum(each.rows_quarantined for each in accounts),
        repeated=sum(each.rows_repeated for each in accounts),
        replaced=replaced,
    )


def _coverage(manifests: Sequence[Manifest], batch: Interval) -> float:
    covered = sum(manifest.coverage * manifest.interval.duration.total_seconds() for manifest in manifests)
    return round(covered / batch.duration.total_seconds(), 6)


def _message(rows: BatchRows, coverage: float) -> str:
    parts = f"{rows.used} used, {rows.quarantined} quarantined, {rows.repeated} repeated"
    replaced = counted(rows.replaced, "published row was replaced.", "published rows were replaced.")
    message = f"{counted(rows.rows_in, 'row')} came in: {parts}; coverage {coverage:.0%}."
    return f"{message} {replaced}" if rows.replaced else message
