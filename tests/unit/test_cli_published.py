"""The summary of the published data, from manifests alone."""

from __future__ import annotations

import io
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PEER_DELTAS, Dataset, fg_b_host
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.manifest import RowAccount
from ndr.contract.time import DAY, Interval
from ndr.local.commands.status import other_networks_sentence, published_listing
from ndr.local.console import progress
from ndr.local.console.tables import shown
from ndr.local.deployment.published import flow_account, published_tables
from ndr.store.partition import baseline_partition_uri, time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

FIRST = Interval(datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC))
QUARTER = Interval(FIRST.end, FIRST.end + DAY / 4)
FACTS = {"project_name": "p", "feature_spec_version": "v1", "code_version": "test"}
ZERO: dict[str, Any] = {"int64": 0, "string": "", "bool": False, "float64": 0.0, "timestamp": FIRST.start}


def table(dataset: Dataset, rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows as the dataset's table. A missing value is zero."""
    zeros = {column.name: ZERO[column.type] for column in dataset.columns}
    return pa.Table.from_pylist([{**zeros, **row} for row in rows], schema=arrow_schema(dataset))


@pytest.fixture
def jobspecs(tmp_path: Path) -> dict[str, SimpleNamespace]:
    """The prefixes of a set of JobSpecs. The tested code reads nothing else."""
    prefix = {name: (tmp_path / name).as_uri() for name in ("deltas", "fg_a", "pair_counts", "fg_b", "machines")}
    specs = {
        "delta_builder": SimpleNamespace(outputs=SimpleNamespace(deltas=prefix["deltas"])),
        "fg_a_builder": SimpleNamespace(outputs=SimpleNamespace(fg_a=prefix["fg_a"])),
        "pair_counts_builder": SimpleNamespace(outputs=SimpleNamespace(pair_counts=prefix["pair_counts"])),
        "fg_b_builder": SimpleNamespace(outputs=SimpleNamespace(fg_b=prefix["fg_b"])),
        "machine_inventory_unload": SimpleNamespace(output=SimpleNamespace(s3_prefix=prefix["machines"])),
    }
    return {name: SimpleNamespace(spec=spec) for name, spec in specs.items()}


def publish(prefix: str, interval: Interval, rows: RowAccount | None = None, coverage: float = 1.0) -> None:
    writer = PartitionWriter(time_partition_uri(prefix, interval))
    for dataset in (DELTAS, PEER_DELTAS):
        writer.write(
            table(dataset, [{"host_ip": "10.0.0.1", "role": "outbound", "slice_start": interval.start}]), dataset
        )
    writer.commit(dataset="deltas", start=interval.start, end=interval.end, rows=rows, coverage=coverage, **FACTS)


def test_nothing_published_is_an_empty_list(jobspecs: dict[str, SimpleNamespace]) -> None:
    assert published_tables(jobspecs) == []
    assert flow_account(jobspecs) == RowAccount(rows_in=0, rows_used=0, rows_quarantined=0)


def test_partitions_add_up_and_coverage_is_weighed_by_length(jobspecs: dict[str, SimpleNamespace]) -> None:
    prefix = jobspecs["delta_builder"].spec.outputs.deltas
    publish(prefix, FIRST, RowAccount(rows_in=10, rows_used=7, rows_quarantined=3), coverage=1.0)
    publish(prefix, QUARTER, RowAccount(rows_in=5, rows_used=5, rows_quarantined=0), coverage=0.5)
    deltas, peers = published_tables(jobspecs)
    assert (deltas.dataset, peers.dataset) == ("deltas", "peer_deltas")
    assert (deltas.first, deltas.last, deltas.partitions, deltas.rows) == (FIRST.start, QUARTER.end, 2, 2)
    assert deltas.coverage == pytest.approx((1.0 * 24 + 0.5 * 6) / 30)
    assert flow_account(jobspecs) == RowAccount(rows_in=15, rows_used=12, rows_quarantined=3)


def test_partitions_of_other_networks_are_counted_and_told(jobspecs: dict[str, Any]) -> None:
    """One of three partitions is of other networks than the default ones; one is of a release that did not say."""
    prefix, rows = jobspecs["fg_a_builder"].spec.outputs.fg_a, table(FG_A, [])
    other = Networks(internal={"site": ("203.0.113.0/24",)}).digest
    for day, digest in enumerate((Networks().digest, other, None)):
        writer = PartitionWriter(time_partition_uri(prefix, Interval(FIRST.start + day * DAY, FIRST.end + day * DAY)))
        writer.write(rows, FG_A)
        interval = {"start": FIRST.start + day * DAY, "end": FIRST.end + day * DAY}
        writer.commit(dataset="fg_a", networks=digest, **interval, **FACTS)
    listing = published_listing(published_tables(jobspecs))
    (shown,) = listing.records()
    assert (shown["partitions"], shown["other_networks"]) == (3, 1)
    assert other_networks_sentence(shown).startswith("fg_a: 1 of 3 partitions built with other networks")


def test_partition_without_a_manifest_is_not_published(jobspecs: dict[str, SimpleNamespace]) -> None:
    prefix = jobspecs["pair_counts_builder"].spec.outputs.pair_counts
    PartitionWriter(time_partition_uri(prefix, FIRST)).write(
        table(PAIR_COUNTS, [{"src_ip": "a", "dst_ip": "b", "sessions_cnt": 1}]), PAIR_COUNTS
    )
    assert published_tables(jobspecs) == []


def test_baselines_are_named_by_horizon(jobspecs: dict[str, SimpleNamespace]) -> None:
    host = fg_b_host([])
    for horizon in ("7d", "30d"):
        writer = PartitionWriter(baseline_partition_uri(jobspecs["fg_b_builder"].spec.outputs.fg_b, horizon, FIRST.end))
        writer.write(table(host, []), host)
        writer.commit(dataset="fg_b", start=FIRST.start, end=FIRST.end, **FACTS)
    assert [each.dataset for each in published_tables(jobspecs)] == ["fg_b_host 7d", "fg_b_host 30d"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (3.14159, "3.1"),
        (1234.5, "1,234"),
        (datetime(2026, 2, 1, 6, 15, 0, 9, tzinfo=UTC), "2026-02-01T06:15:00Z"),
    ],
)
def test_values_are_written_for_a_reader(value: object, text: str) -> None:
    assert shown(value) == text


def test_silence_is_broken_by_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PIPED_SILENCE_SECONDS", 0.0)
    said = threading.Event()

    class Output(io.StringIO):
        def write(self, text: str) -> int:
            if "still running: the long part" in text:
                said.set()
            return super().write(text)

    lines = progress.Progress(Console(file=Output(), width=200))
    with lines.doing("the long part"):
        assert said.wait(60)
