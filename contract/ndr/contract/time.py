"""Time: UTC instants, half-open intervals, 15-minute slices and windows.

Everything here is pure arithmetic on whole microseconds; nothing reads the clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.horizons import HORIZONS, Cadence

SLICE: Final = timedelta(minutes=15)
DAY: Final = timedelta(days=1)
LONGEST_BATCH: Final = timedelta(days=92)
"""The longest batch that can be asked for, and so the longest mini-batch that can be delivered."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SLICES_PER_DAY: Final = DAY // SLICE
SLICE_MICROSECONDS: Final = SLICE // EPOCH.resolution
DAY_MICROSECONDS: Final = DAY // EPOCH.resolution
SECOND_MICROSECONDS: Final = timedelta(seconds=1) // EPOCH.resolution

_COMPACT: Final = "%Y%m%dT%H%M%SZ"
_COMPACT_TEXT: Final = re.compile(r"\d{8}T(?:[01]\d|2[0-3])\d{4}Z", re.ASCII)
_MINI_BATCH: Final = re.compile(r"(\d{8}T\d{6}Z)-PT(\d{1,7})M")

WINDOWS: Final[dict[str, timedelta]] = {
    "15m": timedelta(minutes=15),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "8h": timedelta(hours=8),
    "24h": timedelta(hours=24),
}


def parse_instant(text: str, name: str = "time") -> datetime:
    """Read an ISO 8601 date or date-time as a UTC instant.

    Parameters
    ----------
    text : str
        `2026-01-31`, `20260131`, `2026-01-31T06:15:00Z`, or with an offset such as `+02:00`. A date is its midnight
        UTC.
    name : str
        What the text is called where the person typed it; it opens the error sentence.

    Raises
    ------
    InvalidRequestError
        Not ISO 8601, or a date-time without a zone.
    """
    if not isinstance(text, str):
        raise InvalidRequestError(f"{name} is {text!r:.80}, which is not text: {_advice(str(text))}.")
    given = text.strip()
    try:
        instant = _midnight(given) or datetime.fromisoformat(given)
        zoned = instant.astimezone(UTC) if instant.tzinfo is not None else None
    except (ValueError, OverflowError):
        raise InvalidRequestError(f"{name} is {text!r:.80}, which is not an ISO 8601 time: {_advice(given)}.") from None
    if zoned is None:
        advice = f"write UTC as {instant.isoformat()}Z, or a date as {instant.date()}"
        raise InvalidRequestError(f"{name} is {text!r}, which names no time zone: {advice}.")
    return zoned


def _midnight(text: str) -> datetime | None:
    """Read an ISO 8601 date as its midnight UTC; None where the text is not a date."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _advice(text: str) -> str:
    """Say what to write instead of a text that is not a time, as near to it as can be."""
    if re.fullmatch(r"[12]\d{3}", text, re.ASCII):
        return f'write its first day, "{text}-01-01"'
    if re.fullmatch(r"[12]\d{3}-(0[1-9]|1[0-2])", text, re.ASCII):
        return f'write its first day, "{text}-01"'
    if (day := _midnight(text)) is not None:
        return f'write the date in quotes, "{day_text(day)}"'
    if re.fullmatch(r"T?([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?Z?", text, re.ASCII):
        return "add the date, and write UTC as 2026-01-31T06:15:00Z"
    return "write UTC as 2026-01-31T06:15:00Z, or a date as 2026-01-31"


def format_instant(instant: datetime) -> str:
    """Write a UTC instant as ISO 8601 with Z; microseconds only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def compact_instant(instant: datetime) -> str:
    """Write a UTC instant for a path or a name: `20260131T061500Z`."""
    return instant.astimezone(UTC).strftime(_COMPACT)


def parse_compact(text: str) -> datetime | None:
    """Read what `compact_instant` wrote; None where the text is something else."""
    if not _COMPACT_TEXT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)  # a tenth of the time of strptime
    except ValueError:
        return None


def day_text(instant: datetime) -> str:
    """Write the UTC day of an instant: `2026-01-31`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d}"


def month_text(instant: datetime) -> str:
    """Write the UTC month of an instant: `2026-01`."""
    return f"{instant.astimezone(UTC):%Y-%m}"


def whole_seconds(instant: datetime) -> datetime:
    """Return the instant in UTC without its fraction of a second."""
    return instant.astimezone(UTC).replace(microsecond=0)


def floor_to(instant: datetime, step: timedelta) -> datetime:
    """Return the latest multiple of `step` since the epoch that is not after `instant`."""
    return EPOCH + (instant - EPOCH) // step * step


def ceil_to(instant: datetime, step: timedelta) -> datetime:
    """Return the earliest multiple of `step` since the epoch that is not before `instant`."""
    return EPOCH - (EPOCH - instant) // step * step


def microseconds(instant: datetime) -> int:
    """Count the whole microseconds from the epoch to an instant: the value of an Arrow `timestamp[us]`."""
    return (instant - EPOCH) // EPOCH.resolution


def instant_of(microseconds: int) -> datetime:
    """Return the instant of a number of microseconds since the epoch; the inverse of `microseconds`."""
    return EPOCH + microseconds * EPOCH.resolution


def slice_number(instant: datetime) -> int:
    """Number the 15-minute slice, counted from the epoch, that holds an instant."""
    return (instant - EPOCH) // SLICE


def day_number(instant: datetime) -> int:
    """Number the UTC day, counted from the epoch, that holds an instant."""
    return (instant - EPOCH) // DAY


@dataclass(frozen=True, order=True, slots=True)
class Interval:
    """A half-open interval [start, end) of UTC instants, never empty.

    Raises
    ------
    InvalidRequestError
        `start` is not before `end`.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise InvalidRequestError(
                f"The interval starts at {format_instant(self.start)} and ends at {format_instant(self.end)}: "
                "the start must be before the end."
            )

    @classmethod
    def parse(cls, start: str, end: str, names: tuple[str, str] = ("start", "end")) -> Interval:
        """Read both ends with `parse_instant`."""
        first, last = parse_instant(start, names[0]), parse_instant(end, names[1])
        if first >= last:
            raise InvalidRequestError(
                f"{names[0]} is {format_instant(first)} and {names[1]} is {format_instant(last)}: "
                f"{names[0]} must be before {names[1]}."
            )
        return cls(first, last)

    @property
    def duration(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def __str__(self) -> str:
        return f"[{format_instant(self.start)}, {format_instant(self.end)})"

    def intersection(self, other: Interval) -> Interval | None:
        """Return what both cover, or None where they do not meet."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None

    def is_whole(self, step: timedelta) -> bool:
        """Tell whether both ends are multiples of `step` since the epoch."""
        return floor_to(self.start, step) == self.start and floor_to(self.end, step) == self.end

    def steps(self, step: timedelta) -> Iterator[Interval]:
        """Cut at every multiple of `step` since the epoch; the first and last piece may be shorter."""
        start = self.start
        while start < self.end:
            end = min(floor_to(start, step) + step, self.end)
            yield Interval(start, end)
            start = end

    def slice_count(self) -> int:
        """Count the 15-minute slices of an interval of whole slices."""
        return self.duration // SLICE


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union as sorted intervals that neither meet nor overlap."""
    union: list[Interval] = []
    for interval in sorted(intervals):
        if union and interval.start <= union[-1].end:
            union[-1] = Interval(union[-1].start, max(union[-1].end, interval.end))
        else:
            union.append(interval)
    return union


def unfilled(wanted: Interval, covered: Iterable[Interval]) -> list[Interval]:
    """Return the parts of `wanted` that no interval of `covered` covers, in order."""
    gaps: list[Interval] = []
    at = wanted.start
    for interval in merged(covered):
        if interval.end <= at:
            continue
        if interval.start >= wanted.end:
            break
        if interval.start > at:
            gaps.append(Interval(at, interval.start))
        at = interval.end
    if at < wanted.end:
        gaps.append(Interval(at, wanted.end))
    return gaps


def coverage(wanted: Interval, covered: Iterable[Interval]) -> float:
    """Return the share of `wanted`, in [0, 1], that `covered` covers."""
    missing = sum((gap.duration for gap in unfilled(wanted, covered)), timedelta())
    return 1.0 - missing / wanted.duration


def horizon_interval(horizon: str, end: datetime, safety_gap: timedelta) -> Interval:
    """Return what a baseline reads: a horizon that stops `safety_gap` before the end that names the baseline."""
    return Interval(end - safety_gap - HORIZONS[horizon], end - safety_gap)


def baseline_ends(interval: Interval, cadence: Cadence, weekday: int = 0) -> list[datetime]:
    """Return the baseline ends that a schedule would have built in [start, end).

    Parameters
    ----------
    interval : Interval
        The range of baseline ends, half-open.
    cadence : {"daily", "weekly"}
        Each midnight UTC, or the midnight that opens `weekday`.
    weekday : int
        0 is Monday (ISO weekday less one); only `weekly` reads it.
    """
    first = ceil_to(interval.start, DAY)
    days = (first + number * DAY for number in range(max(0, -((first - interval.end) // DAY))))
    return [day for day in days if day < interval.end and (cadence == "daily" or day.weekday() == weekday)]


def mini_batch_id(batch: Interval) -> str:
    """Name a batch after its interval: start and length, e.g. `20260131T061500Z-PT15M`."""
    return f"{compact_instant(batch.start)}-PT{batch.duration // timedelta(minutes=1)}M"


def interval_of(name: str) -> Interval | None:
    """Read the interval back from what `mini_batch_id` made of it; None where the name is something else."""
    found = _MINI_BATCH.fullmatch(name)
    if not found or int(found[2]) == 0:
        return None
    start = parse_compact(found[1])
    try:
        return Interval(start, start + timedelta(minutes=int(found[2]))) if start else None
    except OverflowError:
        return None
