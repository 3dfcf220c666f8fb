"""Flows in folders that are named by time: each row counts once, in its own slice, whenever its file came."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import DELTAS
from ndr.contract.errors import EmptyResultError
from ndr.contract.layout import TimeLayout
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, SLICE, Interval, floor_to, instant_of, parse_instant
from ndr.store.scan import Scan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DELAY = timedelta(minutes=15)
START = parse_instant("2026-01-05T05:30:00Z")
SPAN = Interval(START, START + 8 * SLICE)
HOURLY, DAILY = "%Y/%m/%d/%H/", "region=eu-west-1/eventDay=%Y%m%d/"
SECOND = timedelta(seconds=1)


class Stream(Project):
    """A project whose flows are delivered to folders that are named by time."""

    def _specs(self) -> dict[str, dict[str, Any]]:
        specs = super()._specs()
        specs["delta_builder"]["inputs"] |= {"layout": self.layout.pattern, "delivery_delay": "PT15M"}
        return specs

    @property
    def layout(self) -> TimeLayout:
        return TimeLayout(DAILY if self.root.name == "daily" else HOURLY, DELAY)

    def write(self, written: datetime, flows: Iterable[dict[str, Any]], named: datetime | None = None) -> Path:
        """Put a file as if it were written at a time."""
        folder = self.root / "integration" / self.layout.folder_name(named or written)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"flows-{written:%H%M%S}-{len(os.listdir(folder))}.json"
        path.write_text("".join(json.dumps(flow) + "\n" for flow in flows))
        os.utime(path, (written.timestamp(), written.timestamp()))
        return path

    def write_all(self, flows: Sequence[dict[str, Any]], every: timedelta = timedelta(minutes=5)) -> int:
        """Write each flow with those that arrive in the same minutes; it arrives up to nine minutes after its time.

        Return how many rows are read when each slice of SPAN is built once.
        """
        by_file: dict[datetime, list[dict[str, Any]]] = {}
        for number, flow in enumerate(flows):
            arrived = _start(flow) + timedelta(seconds=number % 540)
            by_file.setdefault(floor_to(arrived, every) + every, []).append(flow)
        for written, of_file in by_file.items():
            self.write(written, of_file)
        return sum(
            len(of_file)
            * (
                Interval(floor_to(written - DELAY, SLICE), floor_to(written, SLICE) + SLICE).intersection(SPAN) or SPAN
            ).slice_count()
            for written, of_file in by_file.items()
        )


def _start(flow: dict[str, Any]) -> datetime:
    return instant_of(round(flow["event_start"] * 1_000_000))


@pytest.fixture(params=["hourly", "daily"])
def stream(tmp_path: Path, request: pytest.FixtureRequest) -> Stream:
    return Stream(tmp_path / request.param)


@pytest.fixture
def hourly(tmp_path: Path) -> Stream:
    return Stream(tmp_path / "hourly")


def _one_by_one(project: Project, span: Interval = SPAN) -> list[Manifest]:
    return [manifest for part in span.steps(SLICE) for manifest in project.deltas(part)]


def _as_mini_batches(root: Path, flows: Sequence[dict[str, Any]]) -> Project:
    project = Project(root / "mini-batches")
    project.deliver(SPAN, flows)
    project.deltas(SPAN)
    return project


def _flow_count(project: Project, interval: Interval) -> int:
    rows = Scan.of(project.uri("deltas"), DELTAS, interval).read().to_pylist()
    return sum(row["sessions_cnt"] for row in rows if row["role"] == "outbound")


def test_each_row_counts_in_its_own_slice_however_the_batches_are_cut(stream: Stream, tmp_path: Path) -> None:
    flows = random_flows(SPAN, 400, seed=1)
    read = stream.write_all(flows)
    expected = _as_mini_batches(tmp_path, flows).published_deltas(SPAN)
    manifests = _one_by_one(stream)
    assert stream.published_deltas(SPAN) == expected
    rows = [manifest.rows for manifest in manifests if manifest.rows]
    assert sum(each.rows_used for each in rows) == sum(each.rows_in for each in rows) == len(flows)
    assert sum(each.rows_of_other_times for each in rows) == read - len(flows) > 300
    assert all(manifest.coverage == 1.0 for manifest in manifests)
    (whole,) = stream.deltas(SPAN)
    assert whole.rows is not None
    assert (whole.rows.rows_in, whole.rows.rows_of_other_times) == (len(flows), 0)
    assert stream.published_deltas(SPAN) == expected


def test_a_manifest_names_the_files_that_can_hold_rows_of_its_time(hourly: Stream) -> None:
    hourly.write_all(random_flows(SPAN, 200, seed=2))
    batch = Interval(START + 2 * SLICE, START + 3 * SLICE)  # 06:00 to 06:15
    (manifest,) = hourly.deltas(batch)
    assert [entry.uri.removeprefix(hourly.uri("integration")) for entry in manifest.inputs] == ["2026/01/05/06"]
    written = sorted(file.modified_at for entry in manifest.inputs for file in entry.files)
    assert (written[0], written[-1]) == (batch.start, batch.end + DELAY - timedelta(minutes=5))


def test_equal_rows_of_two_files_are_two_flows_and_a_copy_of_a_file_is_none(hourly: Stream) -> None:
    batch = Interval(START, START + SLICE)
    flows = random_flows(batch, 20, seed=3)
    hourly.write(batch.end, flows)
    hourly.write(batch.end + SECOND, flows[:15])
    hourly.write(batch.end + DAY, flows, named=batch.start)
    (manifest,) = hourly.deltas(batch)
    assert manifest.rows is not None
    assert (manifest.rows.rows_used, manifest.rows.rows_repeated) == (35, 0)
    assert [len(entry.files) for entry in manifest.inputs] == [3]


def test_a_row_that_is_older_than_the_delay_is_kept_and_counts_once_its_slice_is_built_again(stream: Stream) -> None:
    batch = Interval(START, START + SLICE)
    (session,) = random_flows(batch, 1, seed=4)
    stream.write(batch.end, random_flows(batch, 10, seed=5))
    stream.deltas(batch)
    ended = batch.end + 3 * SLICE  # a session of an hour, logged when it ended
    stream.write(ended, [session])
    manifests = _one_by_one(stream, Interval(batch.end, ended + SLICE))
    quarantined = [each.rows.rows_quarantined for each in manifests if each.rows]
    assert quarantined == [0, 0, 0, 1]
    assert _flow_count(stream, batch) == 10
    for _ in range(2):
        stream.deltas(batch)
        assert _flow_count(stream, batch) == 11
    stream.deltas(Interval(batch.start, ended + SLICE))
    assert _flow_count(stream, Interval(batch.start, ended + SLICE)) == 11


def test_a_row_that_is_kept_and_read_again_from_a_copy_counts_once(hourly: Stream) -> None:
    batch = Interval(START, START + SLICE)
    (session,) = random_flows(batch, 1, seed=4)
    written = batch.end + timedelta(minutes=14)
    path = hourly.write(written + SLICE, [session], named=batch.start)
    home = Interval(floor_to(written, SLICE) + SLICE, floor_to(written, SLICE) + 2 * SLICE)
    (manifest,) = hourly.deltas(home)
    assert manifest.rows is not None
    assert manifest.rows.rows_quarantined == 1
    copied = (batch.end + DAY).timestamp()
    os.utime(path, (copied, copied))
    (manifest,) = hourly.deltas(batch)
    assert manifest.rows is not None
    assert (manifest.rows.rows_used, manifest.rows.rows_repeated) == (1, 1)


def test_history_that_was_copied_later_is_built_from_its_folders(stream: Stream, tmp_path: Path) -> None:
    flows = random_flows(SPAN, 200, seed=6)
    for flow in flows:
        flow["named"] = floor_to(_start(flow), timedelta(hours=1)).timestamp()
    for hour in sorted({flow["named"] for flow in flows}):
        of_hour = [flow for flow in flows if flow["named"] == hour]
        stream.write(SPAN.end + 100 * DAY, of_hour, named=instant_of(round(hour * 1_000_000)))
    _one_by_one(stream)
    assert stream.published_deltas(SPAN) == _as_mini_batches(tmp_path, flows).published_deltas(SPAN)


def test_slices_are_not_replaced_by_none_when_their_files_are_gone(hourly: Stream) -> None:
    batch = Interval(START, START + 8 * SLICE)
    first = Interval(START, START + SLICE)
    path = hourly.write(first.end, random_flows(first, 10, seed=7))
    hourly.write(batch.end, random_flows(Interval(batch.end - SLICE, batch.end), 10, seed=8))
    hourly.deltas(batch)
    hourly.deltas(batch)  # the time between the two files, without any, was not lost
    path.unlink()
    with pytest.raises(EmptyResultError):
        hourly.deltas(batch)
    (manifest,) = hourly.deltas(batch, replace_with_empty=True)
    assert manifest.rows is not None
    assert manifest.rows.rows_used == 10


def test_nothing_delivered_is_said_of_files(hourly: Stream) -> None:
    (manifest,) = hourly.deltas(Interval(START, START + SLICE))
    assert manifest.coverage == 0.0
    assert manifest.note is not None
    assert manifest.note.startswith("Nothing was delivered: there is no file below")


def test_both_engines_read_the_same_files(tmp_path: Path, spark: SparkSession) -> None:
    flows = random_flows(SPAN, 300, seed=9)
    batch = Interval(START + SLICE, START + 3 * SLICE)
    found = []
    for folder, session in (("local", None), ("spark", spark)):
        project = Stream(tmp_path / folder / "hourly", spark=session)
        project.write_all(flows)
        project.write(batch.end - SECOND, random_flows(Interval(START, START + timedelta(minutes=5)), 3, seed=10))
        manifests = [*project.deltas(batch), *project.deltas(batch)]
        found.append(([(each.rows, each.coverage) for each in manifests], project.published_deltas(batch)))
    assert found[0] == found[1]
    assert found[0][0][0][0].rows_quarantined == 3
