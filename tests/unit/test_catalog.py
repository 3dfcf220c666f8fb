"""Which published partitions are found for a time, and what a manifest that can't be read stops."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.lineage import newest_first
from ndr.contract.manifest import FORMAT, InputRange, Manifest, Owner
from ndr.contract.time import DAY, EPOCH, SLICE, Interval, merged
from ndr.store.catalog import published_pieces
from ndr.store.manifest import put_manifest, read_manifest
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema

spans = st.tuples(st.integers(0, 40), st.integers(1, 40)).map(lambda span: (span[0], span[0] + span[1]))
OWNER = Owner("p", "v1")
DAY_ONE, SLICE_FOUR = Interval(EPOCH, EPOCH + DAY), Interval(EPOCH + 4 * SLICE, EPOCH + 5 * SLICE)
ELSEWHERE = Interval(EPOCH + 9 * SLICE, EPOCH + 10 * SLICE)


@given(st.lists(st.tuples(spans, st.integers(0, 3)), max_size=8), spans)
def test_for_every_slice_the_partition_published_last_answers(
    given_spans: list[tuple[tuple[int, int], int]], wanted_span: tuple[int, int]
) -> None:
    partitions = [
        (f"run-{number}", Interval(EPOCH + first * SLICE, EPOCH + last * SLICE), EPOCH + timedelta(seconds=age))
        for number, ((first, last), age) in enumerate(given_spans)
    ]
    wanted = Interval(EPOCH + wanted_span[0] * SLICE, EPOCH + wanted_span[1] * SLICE)

    pieces = newest_first(partitions, wanted, lambda each: each[1], lambda each: (each[2], each[0]))

    for piece in wanted.steps(SLICE):
        covering = [each for each in partitions if piece.start in each[1]]
        newest = max(covering, key=lambda each: (each[2], each[0]), default=None)
        answering = [partition for partition, interval in pieces if piece.start in interval]
        assert answering == ([newest] if newest else [])
    intervals = [interval for _, interval in pieces]
    assert all(interval.intersection(wanted) == interval for interval in intervals)
    assert sum((interval.duration for interval in intervals), timedelta()) == sum(
        (interval.duration for interval in merged(intervals)), timedelta()
    )


def _publish(prefix: str, interval: Interval, sessions: int = 1, owner: Owner = OWNER) -> Manifest:
    row = {"src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 53, "sessions_cnt": sessions, "src_bytes_sum": 1}
    rows = [row | {"slice_start": each.start} for each in interval.steps(SLICE)]
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    writer.write(pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS)), PAIR_COUNTS)
    return writer.commit(
        dataset="pair_counts", **owner._asdict(), code_version="c", start=interval.start, end=interval.end
    )


def _sessions(prefix: str, interval: Interval) -> list[int]:
    table = Scan.of(prefix, PAIR_COUNTS, interval, owner=OWNER).read().sort_by("slice_start")
    return table["sessions_cnt"].to_pylist()


def _path(tmp_path: Path, interval: Interval) -> Path:
    return Path(time_partition_uri(str(tmp_path), interval))


def test_a_bad_manifest_stops_only_what_needs_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prefix = tmp_path.as_uri()
    _publish(prefix, ELSEWHERE)
    _publish(prefix, SLICE_FOUR, 7)
    manifest = _path(tmp_path, SLICE_FOUR) / "_manifest.json"
    manifest.write_text('{"format": 2}')

    assert _sessions(prefix, ELSEWHERE) == [1]
    with pytest.raises(SchemaMismatchError, match=rf"{manifest} is not a manifest .*publish the partition again"):
        _sessions(prefix, DAY_ONE)

    os.utime(manifest, (0, 0))
    _publish(prefix, DAY_ONE, 2)
    assert _sessions(prefix, DAY_ONE) == [2] * 96
    assert str(manifest) in caplog.text

    _publish(prefix, SLICE_FOUR, 7)
    assert _sessions(prefix, SLICE_FOUR) == [7]


def test_a_manifest_of_a_newer_release_says_so(tmp_path: Path) -> None:
    prefix = tmp_path.as_uri()
    _publish(prefix, SLICE_FOUR)
    manifest = _path(tmp_path, SLICE_FOUR) / "_manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}, "more": 1'))
    with pytest.raises(SchemaMismatchError, match="was written by a newer release"):
        _sessions(prefix, SLICE_FOUR)


def test_a_partition_that_was_copied_to_another_time_is_refused(tmp_path: Path) -> None:
    prefix = tmp_path.as_uri()
    _publish(prefix, SLICE_FOUR)
    _path(tmp_path, SLICE_FOUR).rename(_path(tmp_path, ELSEWHERE))
    with pytest.raises(SchemaMismatchError, match="answers for .*01:00:00Z.* but its folder is that of .*02:15:00Z"):
        _sessions(prefix, DAY_ONE)


def test_another_projects_data_is_neither_read_nor_written_over(tmp_path: Path) -> None:
    prefix = tmp_path.as_uri()
    _publish(prefix, SLICE_FOUR, owner=Owner("p", "v2"))
    with pytest.raises(
        SchemaMismatchError, match="belongs to project p, version v2, and this run is of project p, ver"
    ):
        _sessions(prefix, SLICE_FOUR)
    with pytest.raises(SchemaMismatchError, match="belongs to project p, version v2"):
        _publish(prefix, SLICE_FOUR, 7)
    assert '"v2"' in (_path(tmp_path, SLICE_FOUR) / "_manifest.json").read_text()


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        (lambda table: table.slice(0, 0), "0 rows where the manifest names 1"),
        (lambda table: table.drop_columns(["src_bytes_sum"]), "which are not those that the manifest names"),
    ],
)
def test_a_file_that_is_not_what_its_manifest_says_is_refused(tmp_path: Path, changed: object, found: str) -> None:
    _publish(tmp_path.as_uri(), SLICE_FOUR)
    (file,) = tmp_path.rglob("*.parquet")
    pq.write_table(changed(pq.read_table(file)), file)  # type: ignore[operator]
    with pytest.raises(SchemaMismatchError, match=rf"{file.name} has .*{found}.*Publish its partition again"):
        _sessions(tmp_path.as_uri(), SLICE_FOUR)


def test_manifests_come_with_what_was_read_unless_that_is_not_asked(tmp_path: Path) -> None:
    prefix, reads = tmp_path.as_uri(), InputRange(dataset="deltas", start=DAY_ONE.start, end=DAY_ONE.end)
    published = _publish(prefix, DAY_ONE)
    put_manifest(time_partition_uri(prefix, DAY_ONE), published.model_copy(update={"reads": (reads,)}))
    (piece,) = published_pieces(prefix, DAY_ONE)
    assert piece.partition.manifest.reads == (reads,)
    (piece,) = published_pieces(prefix, DAY_ONE, without_reads=True)
    assert piece.partition.manifest.reads == ()
    found = read_manifest(time_partition_uri(prefix, DAY_ONE))
    assert found is not None
    assert found.reads == (reads,)
