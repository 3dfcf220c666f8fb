"""Columns of any plausible type as columns of the integration schema, and the rows that do not convert."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import INTEGRATION
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.integration.columns import EXTRA_COLUMNS, FLOW_COLUMNS, ROW_ID
from ndr.sources.integration.vocabulary import action_word, lower_word, transport_word, upper_word
from ndr.sources.source import Rows
from ndr.sources.values.addresses import to_addresses
from ndr.sources.values.converted import NONE_FAILED, Converted, plain, to_words
from ndr.sources.values.numbers import to_int64, to_seconds
from ndr.sources.values.row_ids import row_ids
from ndr.sources.values.times import to_timestamp

COLUMN_TYPES: Final = {column.name: column.type for column in INTEGRATION.columns}
_CANNOT: Final = {
    "int64": "is not a whole number",
    "timestamp": "is not ISO 8601 with a zone, nor epoch seconds",
}
_SPELLING: Final[dict[str, Callable[[str], str | None]]] = {
    "event_action": action_word,
    "event_name": upper_word,
    "event_reason": str.strip,
    "network_transport": transport_word,
    "observer": str.strip,
}
_MAPPED_SPELLING: Final = {"event_action": lower_word, "event_reason": lower_word, "network_transport": lower_word}


def convert(name: str, column: pa.Array, time_zone: str | None = None) -> Converted:
    """Convert one column by its name; strings come as dictionary codes."""
    if name == ROW_ID:
        return _row_ids(column)
    if name in _SPELLING:
        return to_words(column, _SPELLING[name])
    if name.endswith("_ip"):
        return to_addresses(column)
    return to_timestamp(column, time_zone) if COLUMN_TYPES.get(name) == "timestamp" else to_int64(column)


def _row_ids(column: pa.Array) -> Converted:
    """Take ids that are whole numbers as they are, and number others; none of them is a reason to refuse a row."""
    values, failed = to_int64(column)
    if len(failed):
        values = pc.coalesce(values, row_ids(plain(column)))
    return Converted(values, NONE_FAILED)


def converted(rows: Rows, spec: DeltaBuilderSpec) -> pa.Table:
    """Convert rows to `FLOW_COLUMNS`, those of `EXTRA_COLUMNS` that they have, and `problem`."""
    problem, columns = rows.problem, dict(rows.columns)
    for name, words in spec.value_mapping.items():
        columns[name] = _mapped(columns[name], words, _MAPPED_SPELLING[name])
    arrays: dict[str, pa.Array] = {}
    fields = [*FLOW_COLUMNS, *(field for field in EXTRA_COLUMNS if field.name in columns)]
    for field in fields:
        name = field.name
        if name == "event_end" and "duration" in columns:
            arrays[name], problem = _end(arrays["event_start"], columns["duration"], problem)
            continue
        found = convert(name, columns[name], spec.time_zone)
        arrays[name] = found.values
        if len(found.failed):
            problem = _with_problem(problem, name, columns[name], found.failed, spec.time_zone)
    schema = pa.schema([*fields, ("problem", pa.string())])
    return pa.table([*arrays.values(), problem], schema=schema)


def _mapped(column: pa.Array, words: dict[str, str], spelling: Callable[[str], str]) -> pa.Array:
    """Replace the words of a source by those that the JobSpec names for them."""
    by_word = {spelling(word): value for word, value in words.items()}
    return to_words(column, lambda word: by_word.get(spelling(word), word)).values


def _end(start: pa.Array, duration: pa.Array, problem: pa.Array) -> tuple[pa.Array, pa.Array]:
    seconds = to_seconds(duration)
    if len(seconds.failed):
        problem = _with_problem(problem, "duration", duration, seconds.failed, None)
    micros = pc.add(pc.cast(start, pa.int64()), pc.fill_null(seconds.values, 0))
    return pc.cast(micros, FLOW_COLUMNS.field("event_end").type), problem


def _with_problem(
    problem: pa.Array, name: str, column: pa.Array, failed: np.ndarray, time_zone: str | None
) -> pa.Array:
    """Note what does not convert, in rows without an earlier problem."""
    mask = np.zeros(len(problem), bool)
    mask[failed] = True
    found = column.take(pa.array(failed)).to_pylist()
    cannot = _cannot(name, time_zone)
    noted = pa.array([f"bad_{name}: {value!r} {cannot}" for value in found], pa.string())
    return pc.coalesce(problem, pc.replace_with_mask(pa.nulls(len(problem), pa.string()), pa.array(mask), noted))


def _cannot(name: str, time_zone: str | None) -> str:
    if name.endswith("_ip"):
        return "is not an IP address"
    if name == "duration":
        return "is not a number of seconds"
    cannot = _CANNOT[COLUMN_TYPES.get(name, "int64")]
    if cannot == _CANNOT["timestamp"] and not time_zone:
        return f"{cannot}; {json.dumps('time_zone')} in the delta_builder JobSpec gives a zone to times without one"
    return cannot
