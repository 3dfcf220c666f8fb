from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, EPOCH, SLICE, Interval, compact_instant
from ndr.store import publish
from ndr.store.manifest import put_manifest, read_manifest
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, check_table, new_run_id, repeating_columns
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema, coded_schema

FACTS = {"dataset": "pair_counts", "project_name": "p", "feature_spec_version": "v1", "code_version": "c"}
DAY_ONE = Interval(EPOCH, EPOCH + DAY)


def _table(slices: range, sessions: int) -> pa.Table:
    rows = [
        {"src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 53, "slice_start": EPOCH + number * SLICE,
         "sessions_cnt": sessions, "allow_cnt": sessions, "deny_cnt": 0, "src_bytes_sum": 10 * sessions,
         "dst_bytes_sum": 0}
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


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(hours=1)], ids=["the same instant", "an hour ahead"])
def test_a_version_is_a_microsecond_younger_than_one_whose_clock_was_not_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return now

    monkeypatch.setattr(publish, "datetime", Clock)
    prefix, uri = tmp_path.as_uri(), time_partition_uri(tmp_path.as_uri(), DAY_ONE)
    first = _publish(prefix, DAY_ONE, _table(range(3), 1))
    put_manifest(uri, first.model_copy(update={"published_at": now + ahead}))

    second = _publish(prefix, DAY_ONE, _table(range(3), 2))
    assert second.published_at == now + ahead + timedelta(microseconds=1)
    assert read_manifest(uri) == second


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


def test_a_version_is_swept_a_day_after_its_run_began(tmp_path: Path) -> None:
    partition = tmp_path / "dt=1970-01-01" / "19700101T000000Z-PT1440M"
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    for age in (DAY + minute, DAY - minute):
        (partition / f"{compact_instant(now - age)}-0123456789ab").mkdir(parents=True)
    manifest = _publish(tmp_path.as_uri(), DAY_ONE, _table(range(1), 1))
    kept = sorted(path.name for path in partition.iterdir() if path.is_dir())
    assert kept == [f"{compact_instant(now - DAY + minute)}-0123456789ab", manifest.run_id]


def test_two_rows_of_one_key_or_in_the_wrong_order_are_refused() -> None:
    two = _table(range(2), 1)
    check_table(two.slice(0, 1), PAIR_COUNTS)
    check_table(two.slice(0, 0), PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match="1 keys occur twice"):
        check_table(two.take([1, 1]), PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match="not sorted"):
        check_table(two.take([1, 0]), PAIR_COUNTS)


def test_unsorted_twofold_or_misshapen_rows_are_refused() -> None:
    good = _table(range(3), 1)
    check_table(good, PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match="1 keys occur twice, the first is .*'10.0.0.1'"):
        check_table(pa.concat_tables([good.slice(0, 1), good]), PAIR_COUNTS)
    with pytest.raises(SchemaMismatchError, match="not sorted"):
        check_table(good.take([2, 0, 1]), PAIR_COUNTS)
    renamed = good.rename_columns([{"dst_bytes_sum": "octets"}.get(name, name) for name in good.column_names])
    with pytest.raises(
        SchemaMismatchError, match=r"columns \['[^,]*octets[^,]*'\] are unexpected, \['[^,]*dst_bytes_sum[^,]*'\]"
    ):
        check_table(renamed, PAIR_COUNTS)


def test_a_partition_of_a_release_without_a_column_is_named_with_it(tmp_path: Path) -> None:
    before = replace(PAIR_COUNTS, columns=tuple(each for each in PAIR_COUNTS.columns if each.name != "dst_bytes_sum"))
    writer = PartitionWriter(time_partition_uri(tmp_path.as_uri(), DAY_ONE))
    writer.write(_table(range(3), 1).drop_columns(["dst_bytes_sum"]), before)
    writer.commit(**FACTS, start=DAY_ONE.start, end=DAY_ONE.end)
    key = Scan.of(tmp_path.as_uri(), PAIR_COUNTS, DAY_ONE, PAIR_COUNTS.key).read()
    assert key.num_rows == 3, "what it has can be read"
    sentence = r"pair_counts-00000\.parquet has no dst_bytes_sum, .*earlier release wrote it.*again with the same batch"
    with pytest.raises(SchemaMismatchError, match=sentence):
        Scan.of(tmp_path.as_uri(), PAIR_COUNTS, DAY_ONE).read()


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


def test_a_large_table_is_cut_into_files_of_four_row_groups(tmp_path: Path) -> None:
    rows = 4 * 131_072 + 1
    starts = np.datetime64(EPOCH.replace(tzinfo=None), "us") + np.arange(rows) * np.timedelta64(15, "m")
    same = {"src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 53, "sessions_cnt": 1}
    same |= {"allow_cnt": 1, "deny_cnt": 0, "src_bytes_sum": 1, "dst_bytes_sum": 0}
    schema = arrow_schema(PAIR_COUNTS)
    columns = {name: pa.repeat(pa.scalar(value, schema.field(name).type), rows) for name, value in same.items()}
    table = pa.table(columns | {"slice_start": pa.array(starts, schema.field("slice_start").type)})
    manifest = _publish(tmp_path.as_uri(), DAY_ONE, table.select(schema.names).cast(schema))
    files = manifest.tables["pair_counts"].files
    assert [(file.path, file.rows) for file in files] == [
        (f"{manifest.run_id}/pair_counts-00000.parquet", rows - 1),
        (f"{manifest.run_id}/pair_counts-00001.parquet", 1),
    ]
    footer = pq.read_metadata(Path(time_partition_uri(str(tmp_path), DAY_ONE)) / files[0].path)
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == [131_072] * 4


@pytest.mark.parametrize(("rows", "compression"), [(16 * 1024 - 1, "SNAPPY"), (16 * 1024, "ZSTD")])
def test_a_short_file_is_written_to_be_read_at_once_and_a_long_one_to_be_small(
    rows: int, compression: str, tmp_path: Path
) -> None:
    manifest = _publish(tmp_path.as_uri(), DAY_ONE, _table(range(rows), 1))
    (file,) = manifest.tables["pair_counts"].files
    path = Path(time_partition_uri(str(tmp_path), DAY_ONE)) / file.path
    footer = pq.read_metadata(path)
    assert {footer.row_group(0).column(place).compression for place in range(footer.num_columns)} == {compression}
    # A second copy of the schema, in Arrow's form, would say nothing more.
    assert footer.metadata is None
    assert pq.read_schema(path) == arrow_schema(PAIR_COUNTS)


def test_tables_that_are_written_later_and_empty_ones_are_files_too(tmp_path: Path) -> None:
    writer = PartitionWriter(time_partition_uri(tmp_path.as_uri(), DAY_ONE), "run")
    for table in (_table(range(0), 1), _table(range(3), 1)):
        writer.write(table, PAIR_COUNTS)
    files = writer.tables["pair_counts"].files
    assert [(file.path, file.rows) for file in files] == [
        ("run/pair_counts-00000.parquet", 0),
        ("run/pair_counts-00001.parquet", 3),
    ]


def test_a_column_gets_a_dictionary_when_half_of_a_sample_of_a_long_table_repeats() -> None:
    rows, sample = 16_384, 2_048
    places = np.linspace(0, rows - 1, sample, dtype=np.int64)
    columns = {"text": pa.array(["word"] * rows), "same": pa.array([7] * rows)}
    for words in (sample // 2, sample // 2 + 1):
        values = np.arange(rows) + rows  # none of them twice, where the sample does not look
        values[places] = np.arange(sample) % words
        columns[f"of {words}"] = pa.array(values)
    table = pa.table(columns)
    assert repeating_columns(table) == ["text", "same", "of 1024"]
    assert repeating_columns(table.slice(1)) == ["text"], "of a short table, text alone"


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
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{12}", run_id) for run_id in ids)
