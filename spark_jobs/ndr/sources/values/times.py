"""The parser of times: ISO 8601 with an offset, `2026/01/31 06:03:04`, epoch seconds and milliseconds, Arrow times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.time import EPOCH, SECOND_MICROSECONDS, microseconds
from ndr.sources.values.converted import Converted, coded, is_text, newly_null, plain
from ndr.store.schema import ARROW_TYPES

_TIMESTAMP: Final = ARROW_TYPES["timestamp"]
_NAIVE: Final = pa.timestamp("us")
# Epoch seconds reach 1e11 in the year 5138, epoch milliseconds in 1973: the size tells the unit.
_LEAST_MILLISECONDS: Final = 1e11
_GREATEST_EPOCH: Final = 1e15
_FIRST_INSTANT: Final = microseconds(datetime.min.replace(tzinfo=UTC))
_LAST_INSTANT: Final = microseconds(datetime.max.replace(tzinfo=UTC)) + 1
# No offset changes within a quarter of an hour.
_QUARTER: Final = 900 * SECOND_MICROSECONDS
_FEW_QUARTERS: Final = 1 << 16  # of some two years
_SAMPLE: Final = 1 << 9
_SLASH: Final = ord("/")
_SLASHES: Final = r"^\s*(\d{4})/(\d{2})/(\d{2})"


def to_timestamp(column: pa.Array, time_zone: str | None = None) -> Converted:
    """Convert times to instants in UTC, with microseconds.

    Parameters
    ----------
    column : pa.Array
        Text, numbers or Arrow times.
    time_zone : str or None
        Zone of the times that tell none, as `Europe/Berlin`. Without one, a text without an offset does not convert,
        and an Arrow time without a zone is in UTC.
    """
    if is_text(column):
        micros = _of_column(column, time_zone)
    else:
        try:
            micros = pc.cast(_to_instants(plain(column), time_zone), pa.int64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            found = plain(column).to_pylist()
            micros = pa.array([_microseconds(value, time_zone) for value in found], pa.int64())
    # Beyond the years 1 to 9999 no calendar that we write times with goes.
    inside = pc.and_(pc.greater_equal(micros, _FIRST_INSTANT), pc.less(micros, _LAST_INSTANT))
    if not pc.all(inside).as_py():
        micros = pc.if_else(inside, micros, pa.scalar(None, pa.int64()))
    return Converted(pc.cast(micros, _TIMESTAMP), newly_null(column, micros))


def _of_column(column: pa.Array, time_zone: str | None) -> pa.Array:
    """Return the microseconds (int64) of texts: once a distinct one, but where the first ones hardly repeat."""
    is_long = pa.types.is_string(column.type) and len(column) > _SAMPLE and not column.null_count
    if is_long and 2 * pc.count_distinct(column.slice(0, _SAMPLE)).as_py() > _SAMPLE:
        return _of_texts(column, time_zone)
    encoded = coded(column)
    return _of_texts(encoded.dictionary, time_zone).take(encoded.indices)


def _to_instants(column: pa.Array, time_zone: str | None) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        instants = pc.cast(column, pa.timestamp("us", tz=column.type.tz), safe=False)
        return _local_to_utc(pc.cast(instants, pa.int64()), time_zone) if not column.type.tz and time_zone else instants
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _epoch_microseconds_of(column)
    return pc.cast(column, _TIMESTAMP)


def _of_texts(words: pa.Array, time_zone: str | None) -> pa.Array:
    """Return the microseconds (int64) of texts; null where one is null or not a time."""
    if time_zone and pc.any(pc.match_substring(words, "/"), min_count=0).as_py():
        words = _with_hyphens(words)
    if (instants := _whole_cast(words, _TIMESTAMP)) is not None:
        return instants
    if time_zone and (local := _whole_cast(words, _NAIVE)) is not None:
        return _local_to_utc(local, time_zone)
    if pc.all(pc.match_substring_regex(words, r"^[0-9]{1,11}(\.[0-9]*)?$"), min_count=0).as_py():
        return _epoch_microseconds_of(pc.cast(words, pa.float64()))
    return pa.array([_microseconds(word, time_zone) for word in words.to_pylist()], pa.int64())


def _with_hyphens(words: pa.Array) -> pa.Array:
    """Write dates as ISO 8601 does where they have slashes: at once where all have them in the same places."""
    if words.null_count or not pa.types.is_string(words.type):
        return pc.replace_substring_regex(words, _SLASHES, r"\1-\2-\3")
    _, offsets, data = words.buffers()
    bounds = np.frombuffer(offsets, np.int32)[words.offset : words.offset + len(words) + 1]
    letters = np.frombuffer(data, np.uint8)
    places = [bounds[:-1] + after for after in (len("2026"), len("2026/01"))]
    if (np.diff(bounds) <= len("2026/01")).any() or any((letters[place] != _SLASH).any() for place in places):
        return pc.replace_substring_regex(words, _SLASHES, r"\1-\2-\3")
    letters = letters.copy()
    for place in places:
        letters[place] = ord("-")
    return pa.StringArray.from_buffers(len(words), offsets, pa.py_buffer(letters), offset=words.offset)


def _whole_cast(words: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Cast all texts to microseconds (int64), or none. Arrow composes an error for each text that fails, which takes
    longer than casting it, so the first one is tried alone."""
    try:
        pc.cast(words.slice(0, 1), kind)
        return pc.cast(pc.cast(words, kind), pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _local_to_utc(micros: pa.Array, time_zone: str | None) -> pa.Array:
    """Shift local times to UTC. A time that a change of the clocks repeats is the first of the two."""
    zone = ZoneInfo(time_zone or "UTC")
    local = pc.fill_null(micros, 0).to_numpy(zero_copy_only=False)
    quarters, place = _distinct(local // _QUARTER)
    offsets = np.array([_offset(int(quarter), zone) for quarter in quarters], np.int64)
    shifted = local - (offsets[place] if len(offsets) else 0)
    return pa.array(shifted, pa.int64(), mask=micros.is_null().to_numpy(zero_copy_only=False))


def _distinct(quarters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values, and the place of each value among them; without sorting where they lie together."""
    first = int(quarters.min()) if len(quarters) else 0
    if not len(quarters) or int(quarters.max()) - first >= _FEW_QUARTERS:
        return np.unique(quarters, return_inverse=True)
    offset = quarters - first
    present = np.zeros(int(offset.max()) + 1, bool)
    present[offset] = True
    return np.flatnonzero(present) + first, (np.cumsum(present) - 1)[offset]


def _offset(quarter: int, zone: ZoneInfo) -> int:
    try:
        local = datetime(1970, 1, 1) + quarter * timedelta(microseconds=_QUARTER)
        offset = local.replace(tzinfo=zone).utcoffset()
    except OverflowError:
        return 0
    return (offset or timedelta()) // EPOCH.resolution


def _epoch_microseconds_of(column: pa.Array) -> pa.Array:
    number = pc.fill_null(pc.cast(column, pa.float64(), safe=False), 0.0).to_numpy(zero_copy_only=False)
    good = np.abs(number) < _GREATEST_EPOCH
    number = np.where(good, number, 0.0)
    unit = np.where(np.abs(number) >= _LEAST_MILLISECONDS, 1_000, SECOND_MICROSECONDS)
    # Whole and fraction apart, or the product's rounding would come before ours.
    whole = np.floor(number)
    micros = whole.astype(np.int64) * unit + np.rint((number - whole) * unit).astype(np.int64)
    return pa.array(micros, mask=~good | pc.is_null(column).to_numpy(zero_copy_only=False))


def _microseconds(value: object, time_zone: str | None) -> int | None:
    if value is None:
        return None
    text = str(value).strip()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return _epoch_microseconds(text)
    if instant.tzinfo is None:
        # A run of digits such as 20260101 is ISO's basic date as well as a number; without a zone it is neither's.
        if not time_zone or text.isdigit():
            return _epoch_microseconds(text)
        instant = instant.replace(tzinfo=ZoneInfo(time_zone))
    try:
        return microseconds(instant.astimezone(UTC))
    except OverflowError:
        return None


def _epoch_microseconds(text: str) -> int | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= Decimal(_GREATEST_EPOCH):
        return None
    unit = 1000 if abs(number) >= Decimal(_LEAST_MILLISECONDS) else SECOND_MICROSECONDS
    return int((number * unit).to_integral_value())
