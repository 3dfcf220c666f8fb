"""Merging sorted files: the order is that of sorting all rows, and memory holds a bounded number of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ndr.contract.datasets import PEER_DELTAS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import EPOCH, SLICE, Interval
from ndr.store import merge
from ndr.store.footer import PublishedFile
from ndr.store.merge import SourceFile, merged_blocks, merged_files
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.schema import arrow_schema

KEY = ["name", "number"]
keys = st.tuples(st.sampled_from(["", "a", "B", "é", "10.0.0.1", "10.0.0.10"]), st.integers(0, 9))
runs = st.lists(st.tuples(st.lists(keys, max_size=30), st.integers(1, 8)), max_size=6)


def _table(rows: list[tuple[str, int]]) -> pa.Table:
    names, numbers = [row[0] for row in rows], [row[1] for row in rows]
    return pa.table({"name": pa.array(names, pa.string()), "number": pa.array(numbers, pa.int64())})


def _blocks(rows: list[tuple[str, int]], length: int) -> Iterator[pa.Table]:
    yield from (_table(rows[begin : begin + length]) for begin in range(0, len(rows), length))


@given(runs)
@settings(deadline=None)
def test_blocks_follow_each_other_in_the_order_of_all_rows(given_runs: list[tuple[list[tuple[str, int]], int]]) -> None:
    merged = list(merged_blocks([_blocks(sorted(rows), length) for rows, length in given_runs], KEY))
    found = [tuple(row.values()) for table in merged for row in table.to_pylist()]
    assert found == sorted(row for rows, _ in given_runs for row in rows)
    assert all(table.num_rows <= 1.5 * sum(length for _, length in given_runs) for table in merged)


def test_runs_of_alike_keys_are_merged_a_block_of_each_at_a_time() -> None:
    """Their blocks end at almost the same keys: the rests must not be merged one by one."""
    given_runs = [[(f"{host:03d}", run) for host in range(64)] for run in range(20)]
    merged = list(merged_blocks([_blocks(rows, 8) for rows in given_runs], KEY))
    assert sum(table.num_rows for table in merged) == 20 * 64
    assert len(merged) <= 2 * 64 // 8


def _rows(hosts: int, slices: Interval) -> pa.Table:
    rows = [
        {
            "host_ip": f"10.0.0.{host}",
            "role": "outbound",
            "peer_ip": "192.0.2.1",
            "peer_port": 443,
            "slice_start": each.start,
            "sessions_cnt": host,
        }
        for each in slices.steps(SLICE)
        for host in range(hosts)
    ]
    return in_key_order(pa.Table.from_pylist(rows, arrow_schema(PEER_DELTAS)), PEER_DELTAS)


def _publish(folder: Path, table: pa.Table) -> PublishedFile:
    writer = PartitionWriter(folder.as_uri())
    writer.write(table, PEER_DELTAS)
    entry = writer.tables[PEER_DELTAS.name]
    (file,) = entry.files
    return PublishedFile(f"{folder.as_uri()}/{file.path}", file.rows, file.bytes, entry.schema_sha256)


def test_files_are_merged_with_a_share_of_memory_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MERGED_ROWS", 40)
    monkeypatch.setattr(merge, "LEAST_BLOCK", 2)
    spans = [Interval(EPOCH + number * SLICE, EPOCH + (number + 1) * SLICE) for number in range(8)]
    day = Interval(EPOCH, EPOCH + 8 * SLICE)
    files = [SourceFile(_publish(tmp_path / str(number), _rows(30, each)), None) for number, each in enumerate(spans)]
    files[3] = SourceFile(_publish(tmp_path / "day", _rows(30, day)), spans[3])
    merged = list(merged_files(files, PEER_DELTAS))
    assert pa.concat_tables(merged).to_pylist() == _rows(30, day).to_pylist()
    assert max(table.num_rows for table in merged) <= 40
    assert len(merged) >= 6


def test_a_file_that_is_not_what_its_manifest_says_is_refused(tmp_path: Path) -> None:
    file = _publish(tmp_path, _rows(3, Interval(EPOCH, EPOCH + SLICE)))
    with pytest.raises(SchemaMismatchError, match="has 3 rows where the manifest names 4"):
        list(merged_files([SourceFile(file._replace(rows=4), None)], PEER_DELTAS))
    with pytest.raises(SchemaMismatchError, match=r"gone.*can't be read.*build its partition again"):
        list(merged_files([SourceFile(file._replace(uri=f"{file.uri}-gone"), None)], PEER_DELTAS))
