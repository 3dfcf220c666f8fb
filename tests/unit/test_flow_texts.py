"""Flows as JSON text, against json.dumps row by row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.datasets import INTEGRATION
from ndr.contract.time import format_instant
from ndr.sources.integration.columns import FLOW_COLUMNS
from ndr.sources.integration.texts import flow_texts, instant_texts

instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)).map(
    lambda naive: naive.replace(tzinfo=UTC)
) | st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(codec="utf-8"), max_size=5),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "timestamp": instants,
}
rows_strategy = st.lists(
    st.fixed_dictionaries({column.name: st.none() | VALUES[column.type] for column in INTEGRATION.columns}), max_size=4
)


def _as_json(row: dict[str, Any]) -> str:
    def text(value: object) -> str:
        return format_instant(value) if isinstance(value, datetime) else str(value)

    return json.dumps({name: row[name] for name in FLOW_COLUMNS.names}, default=text, ensure_ascii=False)


@given(rows_strategy)
def test_flows_are_written_as_json_dumps_writes_each(rows: list[dict[str, Any]]) -> None:
    columns = []
    for field in FLOW_COLUMNS:
        values = [row[field.name] for row in rows]
        is_text = pa.types.is_dictionary(field.type)
        columns.append(pa.array(values, pa.string()).dictionary_encode() if is_text else pa.array(values, field.type))
    table = pa.table(columns, schema=FLOW_COLUMNS)
    assert flow_texts(table).to_pylist() == [_as_json(row) for row in rows]
    starts = table["event_start"].combine_chunks()
    expected = [start and format_instant(start) for start in table["event_start"].to_pylist()]
    assert instant_texts(starts).to_pylist() == expected
