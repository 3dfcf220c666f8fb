"""Slices that overtake each other: the next mini-batch repairs FG-A and pair counts of the last day by itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import FG_A, PAIR_COUNTS
from ndr.contract.errors import EmptyResultError, SchemaMismatchError
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.jobs.fg_b.targets import Target
from ndr.store.partition import time_partition_uri
from ndr.store.scan import Scan

DAY_ONE = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-06"))
SLICES = [Interval(DAY_ONE.end + number * SLICE, DAY_ONE.end + (number + 1) * SLICE) for number in range(100)]
FLOWS = {each: random_flows(each, 12, seed=number) for number, each in enumerate(SLICES[:6])}


def _project(root: Path, *slices: Interval) -> Project:
    """Return a project of which a day is loaded in bulk, and slices of the next day are delivered."""
    project = Project(root)
    project.deliver(DAY_ONE, random_flows(DAY_ONE, 150, seed=77))
    project.fifteen_minute_steps(DAY_ONE)
    for each in slices:
        project.deliver(each, FLOWS[each])
    return project


def _published(project: Project, until: Interval) -> list[list[dict[str, Any]]]:
    found = []
    for dataset, folder in ((FG_A, "fg_a"), (PAIR_COUNTS, "pair_counts")):
        table = Scan.of(project.uri(folder), dataset, Interval(DAY_ONE.start, until.end)).read()
        found.append(table.sort_by([(name, "ascending") for name in dataset.key]).to_pylist())
    return found


def _coverage(project: Project, until: Interval) -> float:
    """The window_coverage of the 24 hours that end with a slice."""
    rows = Scan.of(project.uri("fg_a"), FG_A, until, ["window_label", "window_coverage"]).read().to_pylist()
    (found,) = {row["window_coverage"] for row in rows if row["window_label"] == "24h"}
    return float(found)


def _times(manifests: list[Manifest]) -> list[Interval]:
    return [manifest.interval for manifest in manifests]


def test_a_slice_that_was_overtaken_is_repaired_by_the_next_mini_batch(tmp_path: Path) -> None:
    in_order, overtaken = _project(tmp_path / "in_order", *SLICES[:4]), _project(tmp_path / "overtaken", *SLICES[:4])
    for each in SLICES[:4]:
        in_order.fifteen_minute_steps(each)
    overtaken.fifteen_minute_steps(SLICES[1])
    overtaken.fifteen_minute_steps(SLICES[2])
    overtaken.fifteen_minute_steps(SLICES[0])
    assert _published(overtaken, SLICES[2]) != _published(in_order, SLICES[2])
    assert _coverage(overtaken, SLICES[2]) == 95 / 96

    overtaken.deltas(SLICES[3])
    repaired = overtaken.fg_a(SLICES[3])
    assert _times(repaired) == [SLICES[3], Interval(SLICES[1].start, SLICES[2].end)]
    assert _coverage(overtaken, SLICES[2]) == 1.0, "a change of what is published is repaired like any other"
    assert _times(overtaken.pair_counts(SLICES[3])) == [SLICES[3]]
    assert _published(overtaken, SLICES[3]) == _published(in_order, SLICES[3])
    assert _times(overtaken.fg_a(SLICES[3])) == [SLICES[3]], "what is unchanged is left as it is"


def test_coverage_follows_from_the_windows_and_not_from_the_slice_alone(tmp_path: Path) -> None:
    project = _project(tmp_path, *SLICES[:3])
    project.deltas(SLICES[1])
    (manifest, *_) = project.fg_a(SLICES[1])
    assert manifest.coverage == 1 / 2, "of the 30 minutes, 15 are absent"
    project.deltas(SLICES[0])
    (manifest, *_) = project.fg_a(SLICES[1])
    assert manifest.coverage == 1.0
    (absent, *_) = project.fg_a(SLICES[2])
    assert absent.coverage == 0.0


def test_steps_that_failed_are_made_up_for(tmp_path: Path) -> None:
    in_order, failing = _project(tmp_path / "in_order", *SLICES[:3]), _project(tmp_path / "failing", *SLICES[:3])
    for each in SLICES[:3]:
        in_order.fifteen_minute_steps(each)
    failing.deltas(SLICES[0])
    failing.deltas(SLICES[1])
    failing.pair_counts(SLICES[1])
    failing.fifteen_minute_steps(SLICES[2])
    assert _published(failing, SLICES[2]) == _published(in_order, SLICES[2])


def test_what_is_older_than_a_day_is_left_to_late(tmp_path: Path) -> None:
    project = _project(tmp_path)
    project.deltas(DAY_ONE)
    batch = SLICES[97]
    project.deltas(batch)
    assert _times(project.fg_a(batch)) == [batch]
    project.deltas(SLICES[0])
    repaired = _times(project.fg_a(SLICES[0]))
    assert repaired == [SLICES[0], Interval(DAY_ONE.start + SLICE, DAY_ONE.end)]


def test_a_bad_manifest_of_an_earlier_slice_is_named_and_repaired(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = _project(tmp_path, *SLICES[:2])
    project.fifteen_minute_steps(SLICES[0])
    before = _published(project, SLICES[0])
    bad = Path(time_partition_uri(str(tmp_path / "fg_a"), SLICES[0])) / "_manifest.json"
    bad.write_text("{}")
    project.deltas(SLICES[1])
    assert _times(project.fg_a(SLICES[1])) == [SLICES[1], SLICES[0]]
    assert str(bad) in caplog.text
    assert _published(project, SLICES[0]) == before


def test_a_bad_manifest_of_deltas_that_are_read_stops_the_job_and_is_named(tmp_path: Path) -> None:
    project = _project(tmp_path, *SLICES[:2])
    project.deltas(SLICES[0])
    project.deltas(SLICES[1])
    bad = Path(time_partition_uri(str(tmp_path / "deltas"), SLICES[0])) / "_manifest.json"
    bad.write_text("{}")
    with pytest.raises(SchemaMismatchError, match=str(bad)):
        project.fg_a(SLICES[1])
    assert _times(project.pair_counts(SLICES[1]))[0] == SLICES[1], "pair counts of one slice do not need the other"


def test_features_are_not_replaced_by_none_when_the_deltas_are_gone(tmp_path: Path) -> None:
    project = _project(tmp_path, SLICES[0])
    project.fifteen_minute_steps(SLICES[0])
    before = _published(project, SLICES[0])
    shutil.move(tmp_path / "deltas", tmp_path / "elsewhere")
    for step in (project.fg_a, project.pair_counts):
        with pytest.raises(
            EmptyResultError, match=r"No deltas below .*/deltas/ are published for .* rows of .* are pub"
        ):
            step(SLICES[0])
    assert _published(project, SLICES[0]) == before
    for step in (project.fg_a, project.pair_counts):
        step(SLICES[0], replace_with_empty=True)
    assert _published(project, SLICES[0]) != before


def test_a_forced_empty_slice_does_not_stop_the_repair_of_later_ones(tmp_path: Path) -> None:
    project = _project(tmp_path, *SLICES[:3])
    for each in SLICES[:2]:
        project.fifteen_minute_steps(each)
    shutil.rmtree(tmp_path / "integration")
    project.deltas(SLICES[0], replace_with_empty=True)
    project.deliver(SLICES[2], FLOWS[SLICES[2]])
    project.fifteen_minute_steps(SLICES[2])
    assert not Scan.of(project.uri("pair_counts"), PAIR_COUNTS, SLICES[0]).read().num_rows


def test_a_pair_baseline_of_other_deltas_is_not_used(tmp_path: Path) -> None:
    """A day of the lookback is rebuilt after the baseline: novelty follows from the deltas, not from the baseline."""
    days = Interval(DAY_ONE.start, DAY_ONE.start + 3 * DAY)
    changes = {"fg_b_builder": {"min_coverage": 0.01, "safety_gap": {"30d": 1}}}
    project, without = Project(tmp_path / "baseline", changes), Project(tmp_path / "without", changes)
    for number, day in enumerate(days.steps(DAY)):
        for each in (project, without):
            each.deliver(day, random_flows(day, 60, seed=number))
    for each in (project, without):
        each.fifteen_minute_steps(days)
    batch = Interval(days.end, days.end + SLICE)
    ((_, baseline),) = project.baselines([Target(days.end, "30d")])
    assert isinstance(baseline, Manifest)
    first = next(days.steps(DAY))
    for each in (project, without):
        each.deliver(batch, random_flows(batch, 40, seed=9))
        each.deltas(batch)
    (features, *_) = project.fg_a(batch)
    assert features.inputs, "the baseline, which stops a day before its end, serves while its inputs are unchanged"
    assert _fg_a_rows(project, batch) == _fg_a_rows(without, batch, build=True)
    for each in (project, without):
        each.deliver(first, random_flows(first, 60, seed=50))
        each.deltas(first)
    (features, *_) = project.fg_a(batch)
    assert features.inputs == ()
    assert features.reads[1].day_digests != {}
    assert _fg_a_rows(project, batch) == _fg_a_rows(without, batch, build=True)


def _fg_a_rows(project: Project, batch: Interval, build: bool = False) -> list[dict[str, Any]]:
    if build:
        project.fg_a(batch)
    rows = Scan.of(project.uri("fg_a"), FG_A, batch).read()
    return rows.sort_by([(name, "ascending") for name in FG_A.key]).to_pylist()
