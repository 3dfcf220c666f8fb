"""Which rows are flows that can be counted, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import QUARANTINE
from ndr.contract.time import EPOCH, Interval, format_instant, microseconds
from ndr.contract.wording import counted
from ndr.sources.integration.columns import EXTRA_COLUMNS, FLOW_COLUMNS, REQUIRED
from ndr.sources.integration.texts import flow_texts, instant_texts
from ndr.sources.integration.vocabulary import ACTIONS, EVENT_NAMES, ICMP
from ndr.store.schema import arrow_schema

OUTSIDE_BATCH: Final = "outside_batch"
GREATEST_PORT: Final = 65535
# Beyond these a counter has wrapped or a clock was wrong; below them no sum over a slice leaves int64.
GREATEST_BYTES: Final = 2**53
GREATEST_DURATION: Final = timedelta(days=366)
# A firewall that logs the sessions of five seconds as one row can't have had more of them.
GREATEST_SESSIONS: Final = 4096
# Rows as Python objects take some 2 KB each.
_PIECE: Final = 1 << 12


class Split(NamedTuple):
    """Every row of the input, in one of the two: `FLOW_COLUMNS` with the extra ones, and the QUARANTINE dataset with
    reasons."""

    flows: pa.Table
    quarantined: pa.Table


class Rule(NamedTuple):
    """A reason to refuse rows: its stable word, the rows it refuses, and the sentence after the word.

    `details` writes the sentences of many rows at once, where a rule can refuse a whole file.
    """

    word: str
    refused: np.ndarray
    detail: Callable[[dict[str, Any]], str]
    details: Callable[[pa.Table], pa.Array] | None = None


def split(table: pa.Table, batch: Interval) -> Split:
    """Part what `read_integration` returned into flows of the batch and rows for quarantine.

    A flow belongs to the batch that its `event_start` falls in. Absent byte counts are 0, and so is the absent
    destination port of an ICMP flow. The first rule that refuses a row gives its reason: a stable word, a colon
    and what was found.

    Parameters
    ----------
    table : pa.Table
        `READ_COLUMNS`.
    batch : Interval
        Half-open; flows that start outside are refused.
    """
    table = _with_defaults(table)
    chosen = np.zeros(table.num_rows, np.int8)
    rules = _rules(table, batch)
    for number, rule in reversed(list(enumerate(rules, start=1))):
        chosen[rule.refused] = number
    flows = table.select([*FLOW_COLUMNS.names, *(name for name in EXTRA_COLUMNS.names if name in table.schema.names)])
    if not chosen.any():
        return Split(flows, arrow_schema(QUARANTINE).empty_table())
    return Split(flows.filter(pa.array(chosen == 0)), _quarantined(table, chosen, rules))


def _with_defaults(table: pa.Table) -> pa.Table:
    for name in ("source_bytes", "destination_bytes"):
        table = _filled(table, name, pc.fill_null(table[name], 0))
    if table["destination_port"].null_count:
        portless = _is_in(table["network_transport"], ICMP)
        filled = pc.if_else(portless, pc.fill_null(table["destination_port"], 0), table["destination_port"])
        table = _filled(table, "destination_port", filled)
    return table


def _filled(table: pa.Table, name: str, column: pa.ChunkedArray) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), column)


def _rules(table: pa.Table, batch: Interval) -> list[Rule]:
    start, end = _micros(table["event_start"]), _micros(table["event_end"])
    first, last = (microseconds(instant) for instant in (batch.start, batch.end))
    rules = [Rule("", _numpy(pc.is_valid(table["problem"])), lambda row: row["problem"])]
    rules += [_missing_rule(table, name) for name in REQUIRED]
    rules += [_port_rule(table, name) for name in ("source_port", "destination_port")]
    for name in ("source_bytes", "destination_bytes"):
        rules += _bytes_rules(name, _numpy(table[name]))
    if "sessions" in table.schema.names:
        rules.append(_sessions_rule(_numpy(pc.fill_null(table["sessions"], 1))))
    rules += [
        _word_rule("unknown_action", table, "event_action", ACTIONS),
        _word_rule("unknown_name", table, "event_name", EVENT_NAMES),
        Rule("end_before_start", end < start, lambda row: f"{_span(row)}, which is backwards"),
        Rule(
            "excessive_duration",
            end - start > GREATEST_DURATION // EPOCH.resolution,
            lambda row: f"{_span(row)}, which is more than {GREATEST_DURATION.days} days",
        ),
        Rule(
            OUTSIDE_BATCH,
            (start < first) | (start >= last),
            lambda row: f"event_start {format_instant(row['event_start'])} is not in {batch}",
            lambda rows: pc.binary_join_element_wise(
                "event_start", instant_texts(rows["event_start"].combine_chunks()), f"is not in {batch}", " "
            ),
        ),
    ]
    return rules


def _missing_rule(table: pa.Table, name: str) -> Rule:
    return Rule(f"missing_{name}", _numpy(pc.is_null(table[name])), lambda row: "the row has none")


def _port_rule(table: pa.Table, name: str) -> Rule:
    port = _numpy(pc.fill_null(table[name], 0))
    refused = (port < 0) | (port > GREATEST_PORT)
    return Rule(f"bad_{name}", refused, lambda row: f"{row[name]} is not in 0 to {GREATEST_PORT}")


def _bytes_rules(name: str, count: np.ndarray) -> list[Rule]:
    return [
        Rule("negative_bytes", count < 0, lambda row: f"{name} is {row[name]}"),
        Rule("excessive_bytes", count > GREATEST_BYTES, lambda row: f"{name} is {row[name]}, more than 2**53"),
    ]


def _sessions_rule(sessions: np.ndarray) -> Rule:
    refused = (sessions < 0) | (sessions > GREATEST_SESSIONS)
    return Rule(
        "bad_sessions",
        refused,
        lambda row: f"the row stands for {counted(row['sessions'], 'flow')}, not 1 to {GREATEST_SESSIONS}",
    )


def _word_rule(word: str, table: pa.Table, name: str, allowed: tuple[str, ...]) -> Rule:
    refused = pc.and_(pc.is_valid(table[name]), pc.invert(_is_in(table[name], allowed)))
    return Rule(word, _numpy(refused), lambda row: f"{name} is {row[name]!r}, not {' or '.join(allowed)}")


def _is_in(column: pa.ChunkedArray, words: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array(words))


def _span(row: dict[str, Any]) -> str:
    return f"from {format_instant(row['event_start'])} to {format_instant(row['event_end'])}"


def _micros(column: pa.ChunkedArray) -> np.ndarray:
    return _numpy(pc.fill_null(pc.cast(column, pa.int64()), 0))


def _numpy(column: pa.ChunkedArray) -> np.ndarray:
    return column.to_numpy()


def _quarantined(table: pa.Table, chosen: np.ndarray, rules: list[Rule]) -> pa.Table:
    positions = np.flatnonzero(chosen)
    pieces = [positions[begin : begin + _PIECE] for begin in range(0, len(positions), _PIECE)]
    return pa.concat_tables([_as_quarantined(table.take(pa.array(piece)), chosen[piece], rules) for piece in pieces])


def _as_quarantined(rows: pa.Table, chosen: np.ndarray, rules: list[Rule]) -> pa.Table:
    raw = rows["raw"].combine_chunks()
    if raw.null_count:
        raw = pc.coalesce(raw, flow_texts(rows))
    columns = [rows["source_file"].cast(pa.string()), rows["row_number"], _reasons(rows, chosen, rules), raw]
    return pa.table(columns, schema=arrow_schema(QUARANTINE))


def _reasons(rows: pa.Table, chosen: np.ndarray, rules: list[Rule]) -> pa.Array:
    reasons: pa.Array = pa.nulls(len(chosen), pa.string())
    for number in np.unique(chosen).tolist():
        rule, mask = rules[number - 1], chosen == number
        of_rule = rows.filter(pa.array(mask))
        if rule.details:
            details = rule.details(of_rule)
        else:
            details = pa.array([rule.detail(row) for row in of_rule.to_pylist()], pa.string())
        texts = pc.binary_join_element_wise(rule.word, details, ": ") if rule.word else details
        reasons = pc.replace_with_mask(reasons, pa.array(mask), texts)
    return reasons
