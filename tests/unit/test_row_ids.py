"""The ids that sources give their rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import fs
from tests.unit.logs import spec_of
from tests.unit.test_pan_os import line

from ndr.jobs.deltas.read import read_integration
from ndr.jobs.deltas.repetitions import distinct_by_id
from ndr.sources.integration.columns import ROW_ID
from ndr.sources.values.row_ids import row_ids

ids = st.lists(
    st.sampled_from(["C1", "C2", "C1234567", "C12345678", "C123456789abcdef0", "é", "x" * 64, "-", "0", "", None])
)


@given(ids)
def test_equal_ids_have_equal_numbers_and_others_have_others(texts: list[str | None]) -> None:
    numbers = row_ids(pa.array(["before", *texts], pa.string()).slice(1)).to_pylist()
    named = {text for text in texts if text not in ("-", "0", "", None)}
    assert [number is None for number in numbers] == [text not in named for text in texts]
    assert len({number for number in numbers if number is not None}) == len(named)
    assert {(text, number) for text, number in zip(texts, numbers, strict=True) if text in named} == {
        (text, row_ids(pa.array([text]))[0].as_py()) for text in named
    }


def test_an_id_of_two_parts_needs_both() -> None:
    first, second = pa.array(["a", "ab", "a", None]), pa.array([12, 2, None, 1])
    numbers = row_ids(first, second).to_pylist()
    assert numbers[2:] == [None, None]
    assert len(set(numbers[:2])) == 2
    assert row_ids(pa.array(["x" * 65]))[0].as_py() is None, "longer than any id"


FLOW: dict[str, Any] = {
    "zeek": {"ts": 1, "id.orig_h": "10.0.0.1", "id.resp_h": "10.0.0.2", "id.resp_p": 1, "proto": "tcp"},
    "strata": {"SourceAddress": "10.0.0.1", "DestinationAddress": "10.0.0.2", "LogType": "TRAFFIC", "TimeGenerated": 1},
    "suricata": {"event_type": "flow", "timestamp": 1, "src_ip": "10.0.0.1", "dest_ip": "10.0.0.2"},
    "ocsf": {"class_uid": 4001, "src_endpoint": {"ip": "10.0.0.1"}, "dst_endpoint": {"ip": "10.0.0.2"}},
    "integration": {"source_ip": "10.0.0.1", "destination_ip": "10.0.0.2", "event_action": "allow"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("zeek", [{"uid": "C1"}, {"uid": "C2"}]),
        ("strata", [{"DeviceSN": "1", "SequenceNo": 7}, {"DeviceSN": "1", "SequenceNo": 8}]),
        ("suricata", [{"flow_id": 1}, {"flow_id": 2}]),
        ("ocsf", [{"metadata": {"uid": "a"}}, {"metadata": {"uid": "b"}}]),
        ("integration", [{ROW_ID: 5}, {ROW_ID: "what a user calls so"}]),
    ],
)
def test_the_id_of_each_source(tmp_path: Path, source: str, named: list[dict[str, Any]]) -> None:
    path = tmp_path / "log.json"
    path.write_text("".join(json.dumps(FLOW[source] | each) + "\n" for each in [*named, named[0], {}]))
    numbers = read_integration(fs.LocalFileSystem(), [str(path)], spec_of(source))[ROW_ID].to_pylist()
    assert numbers[0] == numbers[2] != numbers[1]
    assert None not in numbers[:3]
    assert numbers[3] is None


def test_the_id_of_a_firewall_is_that_of_its_serial_number_and_sequence(tmp_path: Path) -> None:
    path = tmp_path / "pan.log"
    path.write_text("\n".join([line(), line(c12="x"), line(c3="2"), line(c40="10"), line(c40="0")]))
    numbers = read_integration(fs.LocalFileSystem(), [str(path)], spec_of("pan_os"))[ROW_ID].to_pylist()
    assert numbers[0] == numbers[1]
    assert len(set(numbers[1:4])) == 3
    assert numbers[4] is None


def test_one_row_of_an_id_is_kept_where_all_is_equal() -> None:
    flows = pa.table({"source_ip": ["a", "a", "b", "a", "a", "a"], ROW_ID: [1, 1, 1, 2, None, None]})
    assert distinct_by_id(flows).tolist() == [True, False, True, True, True, True]
    assert distinct_by_id(flows.drop_columns([ROW_ID])).all()
