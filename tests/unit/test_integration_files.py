"""Integration files in every spelling, and what is wrong with the rows that can't be used."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from ndr.contract.datasets import INTEGRATION, QUARANTINE
from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.time import Interval
from ndr.jobs.deltas.read import read_integration
from ndr.sources.integration.columns import FLOW_COLUMNS, READ_COLUMNS
from ndr.sources.integration.source import fields
from ndr.sources.integration.validity import split
from ndr.sources.json_lines import HEAD_BYTES, LONGEST_LINE, LongLine, blocks, lines_of, parse_block
from ndr.sources.json_shapes import by_shape
from ndr.store.schema import arrow_schema

BATCH = Interval.parse("2026-01-31T06:00:00Z", "2026-01-31T06:15:00Z")
GOOD = {
    "source_ip": "10.0.0.1",
    "source_port": 50000,
    "destination_ip": "2001:db8::1",
    "destination_port": 443,
    "source_bytes": 100,
    "destination_bytes": 200,
    "event_start": "2026-01-31T06:01:02.500Z",
    "event_end": "2026-01-31T06:01:03Z",
    "event_action": "allow",
    "event_name": "TRAFFIC",
    "event_reason": "tcp-fin",
    "network_transport": "tcp",
}
READ_AS = GOOD | {
    "event_start": datetime(2026, 1, 31, 6, 1, 2, 500_000, UTC),
    "event_end": datetime(2026, 1, 31, 6, 1, 3, tzinfo=UTC),
}


def spec(**changes: Any) -> DeltaBuilderSpec:
    prefixes = {"inputs": {"integration": "s3://data/integration/"}, "outputs": {"deltas": "s3://data/deltas/"}}
    return DeltaBuilderSpec.model_validate(prefixes | changes)


def read(*paths: Path, **changes: Any) -> pa.Table:
    return read_integration(fs.LocalFileSystem(), [str(path) for path in paths], spec(**changes))


def written(folder: Path, *rows: Any) -> Path:
    """Write rows as JSON lines; text and bytes stand as they are."""
    lines = [
        row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row)).encode() for row in rows
    ]
    path = folder / "flows.json"
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def flows_of(path: Path, **changes: Any) -> list[dict[str, Any]]:
    flows, quarantined = split(read(path, **changes), BATCH)
    assert quarantined.to_pylist() == []
    return flows.to_pylist()


def reasons_of(path: Path) -> list[str]:
    return split(read(path), BATCH).quarantined["reason"].to_pylist()


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name not in names}


@pytest.mark.parametrize("suffix", ["json", "jsonl", "ndjson", "json.gz", "JSONL.GZ", "parquet", "pq"])
def test_formats_read_alike(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"flows.{suffix}"
    text = "".join(json.dumps(row) + "\n" for row in (GOOD, GOOD)).encode()
    if suffix in ("parquet", "pq"):
        pq.write_table(pa.Table.from_pylist([READ_AS, READ_AS]), path)
    else:
        path.write_bytes(gzip.compress(text) if suffix.lower().endswith("gz") else text)
    table = read(path)
    assert table.schema == READ_COLUMNS
    assert table.select(FLOW_COLUMNS.names).to_pylist() == [READ_AS, READ_AS]
    assert table["source_file"].to_pylist() == [str(path)] * 2
    assert table["row_number"].to_pylist() == [0, 1]
    assert table["problem"].null_count == table["raw"].null_count == 2


def test_files_come_in_order_with_rows_counted_in_each(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    first = written(tmp_path / "a", GOOD, "{", GOOD)
    second = written(tmp_path / "b", GOOD | {"source_ip": "10.0.0.9"})
    table = read(first, second)
    assert table["row_number"].to_pylist() == [0, 1, 2, 0]
    assert table["source_ip"].to_pylist() == ["10.0.0.1", None, "10.0.0.1", "10.0.0.9"]


def test_the_first_bytes_tell_the_format_and_input_format_overrules_them(tmp_path: Path) -> None:
    path = tmp_path / "part-0000"
    path.write_text(json.dumps(GOOD))
    assert flows_of(path, input_format="JSON") == flows_of(path) == [READ_AS]
    with pytest.raises(SchemaMismatchError, match="part-0000 can't be read to its end as PARQUET"):
        read(path, input_format="PARQUET")
    pq.write_table(pa.Table.from_pylist([READ_AS]), path)
    assert flows_of(path) == [READ_AS]
    with pytest.raises(SchemaMismatchError, match="it is Parquet, and input_format of the JobSpec is JSON"):
        read(path, input_format="JSON")


def test_field_mapping_and_extra_columns(tmp_path: Path) -> None:
    row = {"src": "10.0.0.1", "t": 1769839262.5, "vsys": "vsys1", "source_ip": "ignored"} | without(
        "source_ip", "event_start"
    )
    path = written(tmp_path, row | {"source_ip": "ignored"})
    assert flows_of(path, field_mapping={"source_ip": "src", "event_start": "t"}) == [READ_AS]


def test_nothing_is_a_legal_batch(tmp_path: Path) -> None:
    empty = tmp_path / "none.jsonl"
    empty.touch()
    no_rows = tmp_path / "none.parquet"
    pq.write_table(arrow_schema(INTEGRATION).empty_table(), no_rows)
    for paths in ([], [empty], [empty, no_rows]):
        table = read(*paths)
        assert table.schema == READ_COLUMNS
        flows, quarantined = split(table, BATCH)
        assert flows.num_rows == quarantined.num_rows == 0
        assert quarantined.schema == arrow_schema(QUARANTINE)


@pytest.mark.parametrize(
    ("column", "spelled", "value"),
    [
        ("destination_port", "443", 443),
        ("destination_port", 443.0, 443),
        ("source_bytes", " 12 ", 12),
        ("source_bytes", None, 0),
        ("destination_bytes", None, 0),
        ("source_port", None, None),
        ("event_name", "traffic", "TRAFFIC"),
        ("event_name", None, None),
        ("event_reason", None, None),
        ("event_action", "Allow", "allow"),
        ("network_transport", "TCP", "tcp"),
        ("network_transport", "58", "ipv6-icmp"),
        ("source_ip", "::ffff:10.0.0.1", "10.0.0.1"),
        ("destination_ip", "2001:DB8:0:0:0::1", "2001:db8::1"),
        ("destination_ip", "fe80::1%eth0", "fe80::1"),
        ("destination_ip", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("event_end", "2026-01-31T08:01:03+02:00", READ_AS["event_end"]),
        ("event_end", "2026-01-31 06:01:03+00:00", READ_AS["event_end"]),
        ("event_end", "20260131T060103Z", READ_AS["event_end"]),
        ("event_end", 1769839263, READ_AS["event_end"]),
        ("event_end", 1769839263.0, READ_AS["event_end"]),
        ("event_end", "1769839263", READ_AS["event_end"]),
        ("event_end", 1769839263000, READ_AS["event_end"]),
        ("event_end", 1769839263.25, READ_AS["event_end"] + timedelta(milliseconds=250)),
        ("event_end", 1769839263000.25, READ_AS["event_end"] + timedelta(microseconds=250)),
    ],
)
def test_spellings(tmp_path: Path, column: str, spelled: Any, value: Any) -> None:
    odd = GOOD | {column: spelled}
    assert flows_of(written(tmp_path, odd)) == [READ_AS | {column: value}]
    # Among rows of another type, so that the block can't be parsed as a whole.
    assert flows_of(written(tmp_path, GOOD, odd)) == [READ_AS, READ_AS | {column: value}]
    assert flows_of(written(tmp_path, odd, GOOD)) == [READ_AS | {column: value}, READ_AS]


def test_icmp_needs_no_port(tmp_path: Path) -> None:
    row = without("destination_port", "source_port") | {"network_transport": "icmp"}
    assert flows_of(written(tmp_path, row))[0]["destination_port"] == 0


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (pa.timestamp("ns", tz="Europe/Berlin"), READ_AS["event_end"]),
        (pa.timestamp("ms"), datetime(2026, 1, 31, 6, 1, 3)),
        (pa.string(), "2026-01-31T06:01:03Z"),
        (pa.int64(), 1769839263),
        (pa.float64(), 1769839263000.0),
    ],
)
def test_times_in_parquet(tmp_path: Path, type_: pa.DataType, value: Any) -> None:
    columns = {name: pa.array([found]) for name, found in READ_AS.items()} | {"event_end": pa.array([value], type_)}
    pq.write_table(pa.table(columns), tmp_path / "flows.parquet")
    assert flows_of(tmp_path / "flows.parquet") == [READ_AS]


MALFORMED = [
    ("{", "bad_json: "),
    ("[1]", "bad_json: the line is a list, not an object"),
    (b'{"source_ip": "\xff"}', "bad_json: "),
    ('{"source_ip": "\\ud800"}', "bad_json: source_ip holds half of a surrogate pair"),
    ('{"source_bytes": NaN}', "bad_json: NaN is not a JSON number"),
    (GOOD | {"source_bytes": True}, "bad_source_bytes: true is neither text nor a number"),
    (GOOD | {"source_ip": "10.0.0.256"}, "bad_source_ip: '10.0.0.256' is not an IP address"),
    (GOOD | {"source_ip": "010.0.0.1"}, "bad_source_ip: '010.0.0.1' is not an IP address"),
    (GOOD | {"destination_ip": ""}, "bad_destination_ip: '' is not an IP address"),
    (GOOD | {"destination_port": "eighty"}, "bad_destination_port: 'eighty' is not a whole number"),
    (GOOD | {"destination_port": 80.5}, "bad_destination_port: '80.5' is not a whole number"),
    (GOOD | {"destination_port": 65536}, "bad_destination_port: 65536 is not in 0 to 65535"),
    (GOOD | {"source_port": -1}, "bad_source_port: -1 is not in 0 to 65535"),
    (GOOD | {"source_bytes": 2**63}, "bad_source_bytes: '9223372036854775808' is not a whole number"),
    (GOOD | {"source_bytes": -1}, "negative_bytes: source_bytes is -1"),
    (GOOD | {"destination_bytes": -7}, "negative_bytes: destination_bytes is -7"),
    (GOOD | {"source_bytes": 2**53 + 1}, "excessive_bytes: source_bytes is 9007199254740993, more than 2**53"),
    (GOOD | {"event_start": "2026-01-31T06:01:02"}, "bad_event_start: '2026-01-31T06:01:02' is not ISO 8601 with"),
    (GOOD | {"event_end": "2026-02-30T00:00:00Z"}, "bad_event_end: '2026-02-30T00:00:00Z' is not ISO 8601 with a zone"),
    (GOOD | {"event_end": "yesterday"}, "bad_event_end: 'yesterday' is not ISO 8601 with a zone"),
    (GOOD | {"event_end": "2026-01-31T06:01:02Z"}, "end_before_start: from 2026-01-31T06:01:02.500000Z to "),
    (GOOD | {"event_end": "2027-02-28T00:00:00Z"}, "excessive_duration: "),
    (GOOD | {"event_start": "2026-01-31T05:59:59.999999Z"}, "outside_batch: event_start 2026-01-31T05:59:59.999999Z"),
    (
        GOOD | {"event_start": "2026-01-31T06:15:00Z", "event_end": "2026-01-31T06:15:00Z"},
        "outside_batch: event_start 2026-01-31T06:15:00Z is not in [2026-01-31T06:00:00Z, 2026-01-31T06:15:00Z)",
    ),
    (GOOD | {"event_action": "reject"}, "unknown_action: event_action is 'reject', not allow or deny or drop or alert"),
    (GOOD | {"event_name": "SYSTEM"}, "unknown_name: event_name is 'SYSTEM', not TRAFFIC or THREAT"),
    *((without(name), f"missing_{name}: the row has none") for name in (
        "source_ip", "destination_ip", "destination_port", "event_start", "event_end", "event_action",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("row", "reason"), MALFORMED)
def test_each_reason(tmp_path: Path, row: Any, reason: str) -> None:
    path = written(tmp_path, GOOD, row, GOOD)
    flows, quarantined = split(read(path), BATCH)
    assert flows.to_pylist() == [READ_AS, READ_AS]
    (found,) = quarantined.to_pylist()
    assert (found["source_file"], found["row_number"]) == (str(path), 1)
    assert found["reason"].startswith(reason)
    # Alone in its file it meets the same fate, whichever way the block was parsed.
    if isinstance(row, dict):
        assert reasons_of(written(tmp_path, row))[0].partition(":")[0] == reason.partition(":")[0]


def test_the_row_is_kept_as_it_came(tmp_path: Path) -> None:
    text = '{"source_ip":"10.0.0.1", "source_bytes":"eighty"}'
    raws = split(read(written(tmp_path, GOOD, "", "{", text, GOOD | {"event_action": "nod"})), BATCH).quarantined["raw"]
    assert raws[:2].to_pylist() == ["{", text]
    assert json.loads(raws[2].as_py())["event_action"] == "nod"


def test_a_row_of_parquet_is_kept_as_json(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([READ_AS, READ_AS | {"source_ip": "x"}]), tmp_path / "flows.parquet")
    (row,) = split(read(tmp_path / "flows.parquet"), BATCH).quarantined.to_pylist()
    assert (row["row_number"], row["reason"]) == (1, "bad_source_ip: 'x' is not an IP address")
    assert json.loads(row["raw"])["source_ip"] == "x"


def test_a_missing_file_names_itself(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=r"gone\.json does not exist"):
        read(tmp_path / "gone.json")
    with pytest.raises(InvalidRequestError, match=r"gone\.parquet does not exist"):
        read(tmp_path / "gone.parquet")


@pytest.mark.parametrize("suffix", ["json.gz", "parquet"])
@pytest.mark.parametrize("damage", ["truncated", "foreign"])
def test_a_damaged_file_names_itself(tmp_path: Path, suffix: str, damage: str) -> None:
    path = tmp_path / f"flows.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.Table.from_pylist([READ_AS] * 100), path)
    else:
        path.write_bytes(gzip.compress((json.dumps(GOOD) + "\n").encode() * 100))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if damage == "truncated" else b"no such format" * 9)
    with pytest.raises(SchemaMismatchError, match=rf"flows\.{suffix} can't be read to its end"):
        read(path)


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_a_file_of_another_kind_says_what_to_map(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"flows.{suffix}"
    rows = [{"src": "10.0.0.1", "dst": "10.0.0.2", "dport": 80}] * 3
    if suffix == "json":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    with pytest.raises(SchemaMismatchError) as caught:
        read(path)
    message = str(caught.value)
    assert f"flows.{suffix} has none of the columns" in message
    assert "it has dport, dst, src" in message
    assert '"field_mapping": {"source_ip": "<its column>", ' in message


@given(st.lists(st.binary(max_size=30)), st.integers(1, 50))
def test_blocks_end_with_lines_and_lose_nothing(pieces: list[bytes], block_bytes: int) -> None:
    text = b"\n".join(pieces)
    cut = list(blocks(pa.BufferReader(text), block_bytes))
    assert b"".join(cut) == text
    assert all(block.endswith(b"\n") for block in cut[:-1])


@given(
    st.lists(st.integers(0, 60).map(lambda length: b"x" * length), max_size=20),
    st.integers(1, 20),
    st.integers(20, 40),
)
def test_longer_lines_come_apart_in_their_place_however_the_stream_is_read(
    lines: list[bytes], block_bytes: int, longest: int
) -> None:
    text = b"\n".join(lines)
    found: list[bytes | LongLine] = []
    largest = 0
    for block in blocks(pa.BufferReader(text), block_bytes, longest):
        if isinstance(block, LongLine):
            found.append(block)
        else:
            largest = max(largest, len(block))
            found += block.removesuffix(b"\n").split(b"\n")
    while lines and not lines[-1]:  # the end of the text ends the line before it
        lines = lines[:-1]
    while found and not found[-1]:
        found.pop()
    assert found == [line if len(line) <= longest else LongLine(line, len(line)) for line in lines]
    assert largest <= longest + block_bytes


def test_a_line_that_is_too_long_is_one_quarantined_row_with_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "flows.json.gz"
    long = json.dumps(GOOD | {"event_reason": "a" * (LONGEST_LINE + 1)})
    path.write_bytes(gzip.compress("\n".join([json.dumps(GOOD), long, json.dumps(GOOD)]).encode()))
    flows, quarantined = split(read(path), BATCH)
    assert flows.num_rows == 2
    (row,) = quarantined.to_pylist()
    assert row["reason"] == f"long_line: the line has {len(long):,} bytes, and a flow has at most {LONGEST_LINE}"
    assert (row["row_number"], row["raw"]) == (1, long[:HEAD_BYTES])


@settings(max_examples=30)
@given(
    st.lists(
        st.lists(st.just(json.dumps(GOOD).encode()) | st.sampled_from([b"", b"  ", b"{}", b"odd"]), max_size=4),
        max_size=8,
    ),
    st.booleans(),
)
def test_small_files_read_together_are_those_read_alone(
    tmp_path_factory: Any, files: list[list[bytes]], ends: bool
) -> None:
    folder = tmp_path_factory.mktemp("small")
    paths = []
    for number, lines in enumerate(files):
        paths.append(folder / f"{number}.json")
        paths[-1].write_bytes(b"\n".join(lines) + b"\n" * ends)
    alone = [row for path in paths for row in read(path).to_pylist()]
    assert read(*paths).to_pylist() == alone
    assert len(alone) == sum(bool(line.strip()) for lines in files for line in lines)


def test_a_small_file_without_a_flows_columns_names_itself_among_others(tmp_path: Path) -> None:
    good, foreign = tmp_path / "0.json", tmp_path / "1.json"
    good.write_text(json.dumps(GOOD) + "\n")
    foreign.write_text('{"src": "10.0.0.1"}\n')
    with pytest.raises(SchemaMismatchError, match=r"1\.json has none of the columns .* it has src"):
        read(good, foreign, good)


odd_values = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8)
rows_strategy = st.lists(
    st.builds(
        lambda changes: json.dumps(GOOD | changes).encode(),
        st.dictionaries(st.sampled_from([*GOOD, "extra"]), odd_values, max_size=2),
    )
    | st.binary(max_size=12).filter(lambda line: b"\n" not in line)
    | st.just(json.dumps(GOOD).encode()),
    max_size=30,
)


@settings(deadline=None, max_examples=60)
@given(rows_strategy, st.booleans())
def test_every_row_is_used_or_quarantined(tmp_path_factory: Any, lines: list[bytes], many: bool) -> None:
    folder = tmp_path_factory.mktemp("rows")
    good = [json.dumps(GOOD).encode()] * (60 if many else 1)
    path = written(folder, *good, *lines, *good)
    table = read(path)
    flows, quarantined = split(table, BATCH)
    rows = [line for line in lines if line.strip()]
    assert table.num_rows == flows.num_rows + quarantined.num_rows == len(rows) + 2 * len(good)
    assert set(quarantined["row_number"].to_pylist()) <= set(range(len(good), len(good) + len(rows)))
    assert flows.num_rows >= sum(line == good[0] for line in [*good, *rows, *good])


@settings(deadline=None, max_examples=60)
@given(rows_strategy)
def test_a_row_means_the_same_alone_and_among_others(tmp_path_factory: Any, lines: list[bytes]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    lines = [line for line in lines if line.strip()]
    names = [*FLOW_COLUMNS.names, "problem"]
    good = json.dumps(GOOD).encode()
    together = read(written(folder, good, *lines)).select(names).to_pylist()[1:]
    alone = [read(written(folder, good, line)).select(names).to_pylist()[1] for line in lines]
    assert together == alone


def test_one_odd_line_does_not_slow_its_block(tmp_path: Path) -> None:
    block = b"".join(
        json.dumps(row).encode() + b"\n" for row in [GOOD] * 400 + [GOOD | {"source_port": "x"}] + [GOOD] * 400
    )
    shapes = by_shape(block, fields(spec()))
    assert shapes
    assert shapes.rest.nonzero()[0].tolist() == [400]
    (run,) = parse_block(block, fields(spec()))
    assert len(run.problem) == len(lines_of(block)) == 801
    assert run.columns["source_port"].to_pylist()[399:402] == ["50000", "x", "50000"]
