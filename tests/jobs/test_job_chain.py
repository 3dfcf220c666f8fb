from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.jobs.column_rules import broken_rules
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.columns import NEVER
from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PEER_DELTAS, QUARANTINE, Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import DAY, SLICE, Interval, parse_instant, unfilled
from ndr.jobs.fg_a.days import inputs_of
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.published_time import PublishedTime
from ndr.store.scan import Scan

START = parse_instant("2026-01-05")


def _rows(project: Project, dataset: Dataset, folder: str, interval: Interval) -> list[dict[str, Any]]:
    table = Scan.of(project.uri(folder), dataset, interval).read()
    return (table.sort_by([(name, "ascending") for name in dataset.key]) if dataset.key else table).to_pylist()


def test_history_in_bulk_equals_the_schedule_slice_by_slice(tmp_path: Path) -> None:
    """Three days loaded as one batch, and the same days as two batches and single slices, publish the same rows."""
    days = Interval(START, START + 3 * DAY)
    bulk, schedule = Project(tmp_path / "bulk"), Project(tmp_path / "schedule")
    flows = {day: random_flows(day, 400, seed=number) for number, day in enumerate(days.steps(DAY))}
    no_bytes = {"source_ip": "10.0.9.9", "source_bytes": 0, "destination_bytes": 0}
    flows[Interval(days.start, days.start + DAY)][0] |= no_bytes
    # Of one slice in the morning, nothing is ever delivered.
    morning = Interval(days.start + 2 * DAY + 40 * SLICE, days.start + 2 * DAY + 44 * SLICE)
    gap = Interval(morning.start + SLICE, morning.start + 2 * SLICE)
    first, last = Interval(days.start, days.start + 2 * DAY), Interval(days.start + 2 * DAY, days.end)
    flows[last] = [
        flow for flow in flows[last] if not gap.start.timestamp() <= flow["event_start"] < gap.end.timestamp()
    ]
    for day in first.steps(DAY):
        bulk.deliver(day, flows[day])
    for part in unfilled(last, [gap]):
        bulk.deliver(
            part, [flow for flow in flows[last] if part.start.timestamp() <= flow["event_start"] < part.end.timestamp()]
        )
    bulk.fifteen_minute_steps(days)

    for day in first.steps(DAY):
        schedule.deliver(day, flows[day])
    schedule.fifteen_minute_steps(first)
    until = Interval(first.end, morning.start)
    for batch in (until, *morning.steps(SLICE)):
        within = [
            flow for flow in flows[last] if batch.start.timestamp() <= flow["event_start"] < batch.end.timestamp()
        ]
        if batch != gap:
            schedule.deliver(batch, within)
        schedule.fifteen_minute_steps(batch)

    compared = Interval(days.start, morning.end)
    for dataset, folder in ((DELTAS, "deltas"), (PEER_DELTAS, "deltas"), (FG_A, "fg_a"), (PAIR_COUNTS, "pair_counts")):
        expected = _rows(bulk, dataset, folder, compared)
        assert len(expected) > 500
        assert _rows(schedule, dataset, folder, compared) == expected
        assert not broken_rules(dataset, Scan.of(bulk.uri(folder), dataset, compared).read())
    may_be_null = [column.name for column in FG_A.columns if column.null != NEVER]
    without_bytes = set()
    for row in _rows(bulk, FG_A, "fg_a", compared):
        no_byte = row["bytes_sent_sum"] + row["bytes_recv_sum"] == 0
        assert {row[name] is None for name in may_be_null} == {no_byte}
        without_bytes.add(no_byte)
    assert without_bytes == {True, False}
    (fresh,) = {row["lookback_days"] for row in _rows(bulk, FG_A, "fg_a", Interval(days.start, days.start + DAY))}
    assert fresh == 0, "on the first day, nothing is behind the novelty columns"
    first_windows = [row for row in _rows(bulk, FG_A, "fg_a", first) if row["window_label"] == "24h"]
    before_data = {row["window_end"] for row in first_windows if row["window_coverage"] < 1}
    assert max(before_data) == days.start + DAY - SLICE, "the first whole window ends a day after the first slice"
    seen = {(row["window_label"], row["window_coverage"]) for row in _rows(bulk, FG_A, "fg_a", morning)}
    assert {("24h", 95 / 96), ("1h", 0.75), ("30m", 0.5), ("15m", 1.0)} <= seen


def test_the_carried_pair_history_equals_reading_the_whole_lookback(tmp_path: Path) -> None:
    days = Interval(START, START + 5 * DAY)
    project = Project(tmp_path)
    for number, day in enumerate(days.steps(DAY)):
        project.deliver(day, random_flows(day, 150, seed=number))
    project.deltas(days)
    project.fg_a(days)

    last = Interval(days.end - DAY, days.end)
    whole = {dataset: Scan.of(project.uri("deltas"), dataset, days).read() for dataset in (DELTAS, PEER_DELTAS)}
    run = project.run("fg_a_builder")
    spec, rows = run.spec("fg_a_builder"), (whole[DELTAS], whole[PEER_DELTAS])
    published = PublishedTime.of([days], inputs_of(last, spec))
    expected = build_fg_a(last, spec, run.networks(), *rows, published=published)

    assert _rows(project, FG_A, "fg_a", last) == expected.to_pylist()
    new = sum(expected["new_pair_cnt"].to_pylist())
    rare = sum(expected["rare_pair_cnt"].to_pylist())
    assert new > 0
    assert rare > 0


def test_rows_in_are_rows_used_and_rows_quarantined(tmp_path: Path) -> None:
    batch = Interval(START, START + SLICE)
    project = Project(tmp_path)
    good = random_flows(batch, 20, seed=3)
    bad = [
        good[0] | {"source_ip": "nowhere"},
        good[1] | {"source_bytes": -1},
        good[2] | {"event_start": 0, "event_end": 1},
    ]
    project.deliver(batch, [*good, *bad])

    (manifest,) = project.deltas(batch)

    assert manifest.rows is not None
    assert manifest.rows.model_dump(
        exclude={"rows_not_flows", "records", "records_unpaired", "rows_of_other_times"}
    ) == {
        "rows_in": 23,
        "rows_used": 20,
        "rows_quarantined": 3,
        "rows_repeated": 0,
    }
    assert manifest.tables["quarantine"].rows == 3
    assert not broken_rules(QUARANTINE, Scan.of(project.uri("deltas"), QUARANTINE, batch).read())
    reasons = [row["reason"].split(":")[0] for row in _rows(project, QUARANTINE, "deltas", batch)]
    assert sorted(reasons) == ["bad_source_ip", "negative_bytes", "outside_batch"]
    sessions = [row["sessions_cnt"] for row in _rows(project, DELTAS, "deltas", batch) if row["role"] == "outbound"]
    assert sum(sessions) == 20


def test_an_empty_batch_publishes_an_empty_partition_and_says_so(tmp_path: Path) -> None:
    batch = Interval(START, START + SLICE)
    project = Project(tmp_path)
    (missing,) = project.deltas(batch)
    assert missing.note is not None
    assert missing.note.startswith("Nothing was delivered: there is no mini-batch below ")
    assert missing.coverage == 0.0
    project.deliver(batch, [])
    (empty,) = project.deltas(batch)
    assert empty.note == "The batch is empty: its files hold no rows."
    assert empty.coverage == 1.0
    assert [table.rows for table in empty.tables.values()] == [0, 0, 0]
    (features,) = project.fg_a(batch)
    assert features.note == "There was no session in any window of the batch."


def test_a_damaged_file_names_itself_and_nothing_is_published(tmp_path: Path) -> None:
    batch = Interval(START, START + SLICE)
    project = Project(tmp_path)
    project.deliver(batch, [], name="part-0.json.gz")
    path = next((tmp_path / "integration").rglob("part-0.json.gz"))
    path.write_bytes(b"\x1f\x8b\x08\x00broken")
    with pytest.raises(SchemaMismatchError, match=r"part-0\.json\.gz"):
        project.deltas(batch)
    assert not (tmp_path / "deltas").exists()


@pytest.mark.parametrize(("excluded", "new_ports"), [({}, 1), ({"multicast": []}, 0)])
def test_what_is_excluded_is_not_in_the_lookback_either(
    tmp_path: Path, excluded: dict[str, list[str]], new_ports: int
) -> None:
    project = Project(tmp_path, {"networks": {"excluded": excluded}})
    (flow,) = random_flows(Interval(START, START + SLICE), 1, seed=1)
    for at, peer in ((START, "224.0.0.251"), (START + 3 * DAY, "10.0.2.1")):
        there = flow | {"source_ip": "10.0.0.1", "destination_ip": peer, "destination_port": 5353}
        times = {"event_start": at.timestamp(), "event_end": at.timestamp() + 1}
        project.deliver(Interval(at, at + SLICE), [there | times])
        project.deltas(Interval(at, at + SLICE))
    batch = Interval(START + 3 * DAY, START + 3 * DAY + SLICE)
    project.fg_a(batch)
    rows = [row for row in _rows(project, FG_A, "fg_a", batch) if row["host_ip"] == "10.0.0.1"]
    assert {row["new_port_cnt"] for row in rows} == {new_ports}
    assert {row["lookback_days"] for row in rows} == {1}


def test_the_manifest_tells_what_was_read_and_by_which_code(tmp_path: Path) -> None:
    day = Interval(START, START + DAY)
    project = Project(tmp_path)
    project.deliver(day, random_flows(day, 50, seed=1))
    (deltas,) = project.deltas(day)
    (pairs,) = project.pair_counts(day)
    assert [entry.run_id for entry in pairs.inputs] == [deltas.run_id]
    assert (pairs.code_version, pairs.project_name, pairs.interval) == ("tests", "ndr-test", day)
    table = pa.table({"src": [row["src_ip"] for row in _rows(project, PAIR_COUNTS, "pair_counts", day)]})
    assert table.num_rows == pairs.tables["pair_counts"].rows
