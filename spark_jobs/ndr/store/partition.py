"""Where a partition lies below its dataset's prefix, and what its path says."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ndr.contract.time import DAY, Interval, compact_instant, mini_batch_id
from ndr.store.storage import join


def time_partition_uri(prefix: str, interval: Interval) -> str:
    """Return `<prefix>/dt=2026-01-31/20260131T061500Z-PT15M` for an interval within one UTC day."""
    return join(prefix, day_folder(interval.start), mini_batch_id(interval))


def day_folder(instant: datetime) -> str:
    """Return `dt=2026-01-31`."""
    return f"dt={instant:%Y-%m-%d}"


def day_of(folder: str) -> datetime | None:
    """Read the day back from a day folder's name; None where the name is something else."""
    found = re.fullmatch(r"dt=(\d{4})-(\d{2})-(\d{2})", folder)
    return _instant(f"{found[1]}{found[2]}{found[3]}T000000Z") if found else None


def day_folders(interval: Interval) -> list[str]:
    """Return the day folders that an interval touches."""
    return [day_folder(piece.start) for piece in interval.steps(DAY)]


def baseline_partition_uri(prefix: str, horizon: str, end: datetime) -> str:
    """Return `<prefix>/horizon=7d/end=20260131T000000Z`."""
    return join(prefix, f"horizon={horizon}", f"end={compact_instant(end)}")


def baseline_end_of(folder: str) -> datetime | None:
    """Read the baseline end back from a folder's name; None where the name is something else."""
    found = re.fullmatch(r"end=(\d{8}T\d{6}Z)", folder)
    return _instant(found[1]) if found else None


def _instant(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None  # digits that are not a date, such as 20261399T000000Z
