"""Rows of FG-A as FG-B reads them: files as they are, copies of long small ones, and bundles of the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ndr.contract.datasets import FG_A
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import DAY, EPOCH, SLICE, Interval
from ndr.jobs.fg_b import row_source
from ndr.jobs.fg_b.row_source import TEXT_COLUMNS, ScanRows
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter, in_key_order
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema

FACTS = {"dataset": "fg_a", "project_name": "p", "feature_spec_version": "v1", "code_version": "c"}
TWO_DAYS = Interval(EPOCH, EPOCH + 2 * DAY)
COLUMNS = (*TEXT_COLUMNS, "window_end", "sessions_cnt", "peer_ip_entropy")
ORDER = [(name, "ascending") for name in ("host_ip", "window_end", "sessions_cnt")]


def publish(prefix: str, interval: Interval, hosts: int) -> None:
    slices, zero = interval.slice_count(), np.zeros(hosts * interval.slice_count())
    host, end = (axis.ravel() for axis in np.indices((hosts, slices)))
    columns = {of.name: pa.array(zero).cast(pa.int64()).cast(of.type) for of in arrow_schema(FG_A)}
    columns |= {name: pa.array(["x"]).take(pa.array(zero.astype(int))) for name in ("role", "time_band")}
    columns["host_ip"] = pa.array([f"10.0.0.{number + 1}" for number in range(hosts)]).take(pa.array(host))
    columns["window_label"] = pa.array(["15m"]).take(pa.array(zero.astype(int)))
    ends = [interval.start + (number + 1) * SLICE for number in range(slices)]
    columns["window_end"] = pa.array(ends, pa.timestamp("us", "UTC")).take(pa.array(end))
    columns["sessions_cnt"], columns["peer_ip_entropy"] = pa.array(host * 1000 + end), pa.array(end / 7)
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    writer.write(in_key_order(pa.table(columns), FG_A), FG_A)
    writer.commit(**FACTS, start=interval.start, end=interval.end)


def read(scan: Scan) -> pa.Table:
    with ScanRows(scan) as rows:
        pieces = [
            pa.concat_tables([rows.read(piece, COLUMNS)]).select(COLUMNS).cast(read_schema(scan))
            for piece in range(len(rows.piece_rows))
        ]
        assert rows.piece_rows == [len(piece) for piece in pieces]
    return pa.concat_tables(pieces).sort_by(ORDER)


def read_schema(scan: Scan) -> pa.Schema:
    return pa.schema([arrow_schema(scan.dataset).field(name) for name in COLUMNS])


def test_copies_bundles_and_files_have_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = tmp_path.as_uri()
    publish(prefix, Interval(EPOCH, EPOCH + DAY), 5)
    publish(prefix, Interval(EPOCH + DAY, EPOCH + 2 * DAY), 2)
    publish(prefix, Interval(EPOCH + DAY, EPOCH + DAY + SLICE), 1)  # a part of the second day, built again
    scan = Scan.of(prefix, FG_A, TWO_DAYS, COLUMNS)
    wanted = scan.read().select(COLUMNS).sort_by(ORDER)
    assert len(wanted) == 5 * 96 + 2 * 95 + 1
    for long_from in (1, 300, 10_000):
        monkeypatch.setattr(row_source, "_LONG_FILE", long_from)
        assert read(scan).equals(wanted)
    monkeypatch.setattr(row_source, "_PLAIN_BYTES", 0)  # so that copies are compressed
    assert read(scan).equals(wanted)
    monkeypatch.setattr(row_source, "is_small", lambda file: False)
    assert read(scan).equals(wanted)


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_is_not_as_published_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool) -> None:
    publish(tmp_path.as_uri(), Interval(EPOCH, EPOCH + DAY), 1)
    monkeypatch.setattr(row_source, "_LONG_FILE", 1)
    scan = Scan.of(tmp_path.as_uri(), FG_A, TWO_DAYS, COLUMNS)
    (file,) = tmp_path.rglob("*.parquet")
    if gone:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(SchemaMismatchError, match=f"{file.name} can't be read as fg_a.*build its partition again"):
        ScanRows(scan)
