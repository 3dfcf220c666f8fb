from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import SchemaMismatchError
from ndr.spark import messages
from ndr.spark.messages import Inputs, failure_message, messages_of, named, spelled

SCHEMA = pa.schema(
    [("host_ip", pa.string()), ("at", pa.timestamp("us", "UTC")), ("share", pa.float64()), ("is_weekend", pa.bool_())]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "host_ip": st.none() | st.text(max_size=5),
            "at": st.none() | st.integers(-(2**62), 2**62).map(lambda number: pa.scalar(number, SCHEMA[1].type)),
            "share": st.none() | st.floats(),
            "is_weekend": st.none() | st.booleans(),
        }
    ),
    max_size=30,
)


def _bits(table: pa.Table) -> list[tuple[object, ...]]:
    """Return rows that compare by bits: a float as its 64, an instant as its microseconds."""
    columns = [table["host_ip"], table["at"].cast(pa.int64()), table["is_weekend"]]
    floats = [None if value is None else np.float64(value).tobytes() for value in table["share"].to_pylist()]
    return list(zip(*(column.to_pylist() for column in columns), floats, strict=True))


@given(ROWS, st.data())
def test_values_come_out_as_the_bits_that_went_in(rows: list[dict[str, object]], data: st.DataObject) -> None:
    table = pa.table({name: [row[name] for row in rows] for name in SCHEMA.names}, schema=SCHEMA)
    parts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))), np.int32)
    batches = list(messages_of("rows", table, parts))
    for part in range(4):
        inputs = Inputs(batch for batch in batches if batch["part"][0].as_py() == part)
        assert inputs.part == (part if part in parts else None)
        assert _bits(inputs.table("rows", SCHEMA)) == _bits(table.filter(pa.array(parts == part)))


def test_large_pieces_are_cut_and_coded_text_becomes_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MESSAGE_BYTES", 1000)
    hosts = pa.array([f"10.0.0.{number % 7}" for number in range(500)]).dictionary_encode()
    table = pa.table({"host_ip": hosts, "cnt": range(500)})
    batches = list(messages_of("rows", table, np.zeros(500, np.int32)))
    assert len(batches) > 5
    whole = Inputs(batches)["rows"]
    assert whole.schema.field("host_ip").type == pa.string()
    assert whole.to_pylist() == table.to_pylist()


def test_a_named_error_is_the_same_on_the_other_side() -> None:
    error = named(spelled(SchemaMismatchError("part-0.json is damaged; deliver it again.")))
    assert type(error) is SchemaMismatchError
    assert str(error) == "part-0.json is damaged; deliver it again."
    inputs = Inputs([failure_message(error)])
    assert inputs.part == 0
    assert str(named(inputs["error"]["error"][0].as_py())) == str(error)
