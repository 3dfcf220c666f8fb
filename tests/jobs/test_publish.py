from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, EPOCH, SLICE, Interval
from ndr.store import publish
from ndr.store.manifest import read_manifest
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, check_table, new_run_id
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema, coded_schema

FACTS = {"dataset": "pair_counts", "project_name": "p", "feature_spec_version": "v1", "code_version": "c"}
DAY_ONE = Interval(EPOCH, EPOCH + DAY)


def _table(slices: range, sessions: int) -> pa.Table:
    rows = [
        {"src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 53, "slice_start": EPOCH + number * SLICE,
         "sessions_cnt": sessions, "bytes": 10 * sessions}
        for number in slices
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS))


def _publish(prefix: str, interval: Interval, table: pa.Table) -> Manifest:
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    writer.write(table, PAIR_COUNTS)
    return writer.commit(**FACTS, start=interval.start, end=interval.end)


def _sessions(prefix: str, interval: Interval) -> list[int]:
    table = Scan.of(prefix, PAIR_COUNTS, interval).read().sort_by("slice_start")
    return table["sessions_cnt"].to_pylist()


def test_a_rebuilt_slice_replaces_its_rows_of_the_day(tmp_path: Path) -> None:
    prefix = tmp_path.as_uri()
    _publish(prefix, DAY_ONE, _table(range(96), 1))
    rebuilt = Interval(EPOCH + 4 * SLICE, EPOCH + 6 * SLICE)
    _publish(prefix, rebuilt, _table(range(4, 5), 7))

    assert _sessions(prefix, DAY_ONE) == [1] * 4 + [7] + [1] * 90
    assert _sessions(prefix, Interval(EPOCH + 5 * SLICE, EPOCH + 7 * SLICE)) == [1]


def test_a_run_that_dies_before_its_manifest_changes_nothing(tmp_path: Path) -> None:
    prefix = tmp_path.as_uri()
    first = _publish(prefix, DAY_ONE, _table(range(3), 1))
    PartitionWriter(time_partition_uri(prefix, DAY_ONE)).write(_table(range(96), 9), PAIR_COUNTS)

    assert read_manifest(time_partition_uri(prefix, DAY_ONE)) == first
    assert _sessions(prefix, DAY_ONE) == [1, 1, 1]


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    prefix = tmp_path.as_uri()
    _publish(prefix, DAY_ONE, _table(range(3), 1))
    manifest = _publish(prefix, DAY_ONE, _table(range(2), 2))
    assert _sessions(prefix, DAY_ONE) == [2, 2]
    assert manifest.tables["pair_counts"].rows == 2
    assert (tmp_path / "dt=1970-01-01" / "19700101T000000Z-PT1440M" / "_SUCCESS").exists()


def test_only_versions_that_nobody_can_still_read_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = tmp_path.as_uri()
    for _ in range(3):
        _publish(prefix, DAY_ONE, _table(range(1), 1))
    folder = tmp_path / "dt=1970-01-01" / "19700101T000000Z-PT1440M"
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 3, "a day has not passed"
    monkeypatch.setattr(publish, "SWEEP_AFTER", timedelta(seconds=-5))
    last = _publish(prefix, DAY_ONE, _table(range(1), 5))
    kept = sorted(path.name for path in folder.iterdir() if path.is_dir())
    assert len(kept) == 2
    assert last.run_id in kept


def test_unsorted_twofold_or_misshapen_rows_are_refused() -> None:
    good = _table(range(3), 1)
    check_table(good, PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match="1 keys occur twice, the first is .*'10.0.0.1'"):
        check_table(pa.concat_tables([good.slice(0, 1), good]), PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match="not sorted"):
        check_table(good.take([2, 0, 1]), PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match=r"missing"):
        check_table(good.drop_columns(["bytes"]), PAIR_COUNTS)


def test_text_may_be_codes_in_any_order_of_words(tmp_path: Path) -> None:
    plain = pa.concat_tables([_table(range(3), 1), _table(range(2), 1)])
    hosts = pa.DictionaryArray.from_arrays(pa.array([1, 1, 1, 0, 0], pa.int32()), ["10.0.0.9", "10.0.0.1"])
    coded = plain.set_column(0, "src_ip", hosts).cast(coded_schema(PAIR_COUNTS))
    check_table(coded, PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match="not sorted"):
        check_table(coded.take([3, 0]), PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match=r"1 keys occur twice, the first is .*'10.0.0.9'"):
        check_table(pa.concat_tables([coded, coded.slice(4)]), PAIR_COUNTS)

    _publish(tmp_path.as_uri(), DAY_ONE, coded)
    scan = Scan.of(tmp_path.as_uri(), PAIR_COUNTS, DAY_ONE)
    assert scan.read().schema == arrow_schema(PAIR_COUNTS)
    assert scan.read(coded=True).schema == coded_schema(PAIR_COUNTS)
    assert scan.read().to_pylist() == scan.read(coded=True).to_pylist() == coded.to_pylist()


def test_a_long_table_is_published_as_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "FILE_ROWS", 4)
    monkeypatch.setattr(publish, "ROW_GROUP_ROWS", 3)
    manifest = _publish(tmp_path.as_uri(), DAY_ONE, _table(range(10), 1))
    entry = manifest.tables["pair_counts"]
    assert [file.rows for file in entry.files] == [4, 4, 2]
    assert len({file.path for file in entry.files}) == 3
    assert entry.rows == 10
    found = Scan.of(tmp_path.as_uri(), PAIR_COUNTS, DAY_ONE).read()
    assert found.sort_by("slice_start").equals(_table(range(10), 1))


def test_a_file_that_is_gone_names_itself(tmp_path: Path) -> None:
    prefix = tmp_path.as_uri()
    manifest = _publish(prefix, DAY_ONE, _table(range(3), 1))
    path = manifest.tables["pair_counts"].files[0].path
    (tmp_path / "dt=1970-01-01" / "19700101T000000Z-PT1440M" / path).unlink()
    with pytest.raises(SchemaMismatchError, match=rf"{path} can't be read as pair_counts"):
        Scan.of(prefix, PAIR_COUNTS, DAY_ONE).read()


def test_nothing_published_reads_as_no_rows(tmp_path: Path) -> None:
    scan = Scan.of(tmp_path.as_uri(), PAIR_COUNTS, DAY_ONE)
    assert scan.read().schema == arrow_schema(PAIR_COUNTS)
    assert scan.read().num_rows == 0


def test_run_ids_sort_by_time_and_differ() -> None:
    ids = [new_run_id() for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(len(run_id) == len(ids[0]) for run_id in ids)
