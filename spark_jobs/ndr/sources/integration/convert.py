"""Columns of any plausible type as columns of the integration schema, and the rows that do not convert.

Every converter takes one Arrow array and returns `Converted`: the values, null where the input is null or does not
convert, and the positions that do not convert.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import INTEGRATION
from ndr.contract.time import SECOND_MICROSECONDS, microseconds
from ndr.net.addresses import canonical_address
from ndr.sources.integration.vocabulary import lower_word, transport_word, upper_word
from ndr.store.schema import ARROW_TYPES, CODED

_TIMESTAMP: Final = ARROW_TYPES["timestamp"]
# Epoch seconds reach 1e11 in the year 5138, epoch milliseconds in 1973: the size tells the unit.
_LEAST_MILLISECONDS: Final = 1e11
_GREATEST_EPOCH: Final = 1e15
_FIRST_INSTANT: Final = microseconds(datetime.min.replace(tzinfo=UTC))
_LAST_INSTANT: Final = microseconds(datetime.max.replace(tzinfo=UTC)) + 1


class Converted(NamedTuple):
    """Values in the target type, and the row positions (int64) whose value does not convert."""

    values: pa.Array
    failed: np.ndarray


def convert(name: str, column: pa.Array) -> Converted:
    """Convert one integration column by its name; strings come as dictionary codes."""
    if name in _SPELLING:
        return to_words(column, _SPELLING[name])
    return to_timestamp(column) if name in _TIMES else to_int64(column)


def to_words(column: pa.Array, spelling: Callable[[str], str | None]) -> Converted:
    """Convert to dictionary codes of the one spelling of each word; `spelling` runs once a distinct word."""
    encoded = _coded(column)
    words = encoded.dictionary.to_pylist()
    spelled = [spelling(word) for word in words]
    if spelled == words:
        return Converted(encoded, _NONE)
    values = pc.take(pa.array(spelled, pa.string()), encoded.indices).dictionary_encode()
    return Converted(values, _newly_null(column, values))


def to_int64(column: pa.Array) -> Converted:
    """Convert whole numbers: integers, `80.0`, and their text."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        try:
            return Converted(pc.cast(column, pa.int64()), _NONE)
        except pa.ArrowInvalid:
            pass
    values = pa.array([_whole_number(value) for value in _plain(column).to_pylist()], pa.int64())
    return Converted(values, _newly_null(column, values))


def to_timestamp(column: pa.Array) -> Converted:
    """Convert ISO 8601 text with a zone, epoch seconds or milliseconds, and Arrow times (naive ones are UTC)."""
    try:
        micros = pc.cast(_to_instants(column), pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        micros = pa.array([_microseconds(value) for value in _plain(column).to_pylist()], pa.int64())
    # Beyond the years 1 to 9999 no calendar that we write times with goes.
    inside = pc.and_(pc.greater_equal(micros, _FIRST_INSTANT), pc.less(micros, _LAST_INSTANT))
    if not pc.all(inside).as_py():
        micros = pc.if_else(inside, micros, pa.scalar(None, pa.int64()))
    return Converted(pc.cast(micros, _TIMESTAMP), _newly_null(column, micros))


def _to_instants(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        return pc.cast(column, pa.timestamp("us", tz=column.type.tz), safe=False)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _epoch_microseconds_of(column)
    return pc.cast(_plain(column), _TIMESTAMP)


def _epoch_microseconds_of(column: pa.Array) -> pa.Array:
    number = pc.fill_null(pc.cast(column, pa.float64(), safe=False), 0.0).to_numpy(zero_copy_only=False)
    good = np.abs(number) < _GREATEST_EPOCH
    number = np.where(good, number, 0.0)
    unit = np.where(np.abs(number) >= _LEAST_MILLISECONDS, 1_000, SECOND_MICROSECONDS)
    # Whole and fraction apart, or the product's rounding would come before ours.
    whole = np.floor(number)
    micros = whole.astype(np.int64) * unit + np.rint((number - whole) * unit).astype(np.int64)
    return pa.array(micros, mask=~good | pc.is_null(column).to_numpy(zero_copy_only=False))


def _microseconds(value: object) -> int | None:
    if value is None:
        return None
    text = str(value).strip()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return _epoch_microseconds(text)
    if instant.tzinfo is None:
        # A run of digits such as 20260101 is ISO's basic date as well as a number; without a zone it is neither's.
        return _epoch_microseconds(text)
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


def _whole_number(value: object) -> int | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= 2**63 or number != number.to_integral_value():
        return None
    return int(number)


def _coded(column: pa.Array) -> pa.DictionaryArray:
    if pa.types.is_dictionary(column.type):
        return column if column.type == CODED else pc.cast(column, CODED)
    return pc.cast(column, pa.string()).dictionary_encode()


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _newly_null(column: pa.Array, values: pa.Array) -> np.ndarray:
    if values.null_count == column.null_count:
        return _NONE
    failed = pc.and_(pc.is_null(values), pc.is_valid(column))
    return np.flatnonzero(failed.to_numpy(zero_copy_only=False))


_NONE: Final = np.empty(0, np.int64)
_SPELLING: Final[dict[str, Callable[[str], str | None]]] = {
    "source_ip": canonical_address,
    "destination_ip": canonical_address,
    "event_action": lower_word,
    "event_name": upper_word,
    "event_reason": str.strip,
    "network_transport": transport_word,
}
_TIMES: Final = frozenset(column.name for column in INTEGRATION.columns if column.type == "timestamp")
