"""The parser of numbers: whole numbers in any form that JSON knows, and seconds."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.sources.values.converted import NONE_FAILED, Converted, is_text, newly_null, plain

# Clocks of two cores differ by microseconds: a duration of so little below 0 is one of 0.
_ROUNDING_SECONDS: Final = 1e-3
_GREATEST_SECONDS: Final = 1e11


def to_int64(column: pa.Array) -> Converted:
    """Convert whole numbers: integers, `80.0`, `1e3`, and their text."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        try:
            return Converted(pc.cast(column, pa.int64()), NONE_FAILED)
        except pa.ArrowInvalid:
            pass
    column = plain(column)
    if is_text(column):
        return _whole_numbers_of_text(column)
    values = pa.array([_whole_number(value) for value in column.to_pylist()], pa.int64())
    return Converted(values, newly_null(column, values))


def to_seconds(column: pa.Array) -> Converted:
    """Convert durations in seconds to whole microseconds (int64); a clock's rounding below 0 is 0."""
    column = plain(column)
    try:
        seconds = pc.cast(column, pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        seconds = pa.array([_real_number(value) for value in column.to_pylist()], pa.float64())
    number = pc.fill_null(seconds, 0.0).to_numpy(zero_copy_only=False)
    good = (number > -_ROUNDING_SECONDS) & (number < _GREATEST_SECONDS)
    micros = np.rint(np.where(good, number, 0.0).clip(0) * SECOND_MICROSECONDS).astype(np.int64)
    values = pa.array(micros, mask=~good | pc.is_null(seconds).to_numpy(zero_copy_only=False))
    return Converted(values, newly_null(column, values))


def _whole_numbers_of_text(column: pa.Array) -> Converted:
    try:
        return Converted(pc.cast(column, pa.int64()), NONE_FAILED)
    except pa.ArrowInvalid:
        pass
    # Most are digits; what else there is has few spellings.
    digits = pc.match_substring_regex(column, r"^[0-9]{1,18}$")
    number = pc.cast(pc.if_else(digits, column, pa.scalar(None, column.type)), pa.int64())
    odd = pc.and_(pc.is_valid(column), pc.invert(digits))
    found = column.filter(odd).dictionary_encode()
    spelled = pa.array([_whole_number(value) for value in found.dictionary.to_pylist()], pa.int64())
    values = pc.replace_with_mask(number, odd, spelled.take(found.indices))
    return Converted(values, newly_null(column, values))


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


def _real_number(value: object) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(str(value))
    except ValueError:
        return None
