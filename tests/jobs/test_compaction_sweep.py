"""What a compacted day replaces is deleted two days later, by the next run after it, and nothing that is needed is."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pytest
from moto import mock_aws
from tests.jobs.job_chain import Project
from tests.jobs.ledger_table import create_ledger

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.time import DAY, SLICE, Interval, compact_instant, mini_batch_id, parse_instant
from ndr.jobs import run_compaction
from ndr.jobs.compaction.job import Compacted, LeftAlone, Outcome, compact_days
from ndr.jobs.leases import Leases
from ndr.store import manifest, publish, stream, sweep
from ndr.store.catalog import published_pieces
from ndr.store.partition import baseline_partition_uri, time_partition_uri
from ndr.store.publish import PartitionWriter, new_run_id
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema
from ndr.store.storage import delete_version
from ndr.store.sweep import Swept

MIDNIGHT = parse_instant("2026-01-05")
TODAY = Interval(MIDNIGHT, MIDNIGHT + DAY)
ARGUMENTS: Any = Namespace(day_start_ts_iso="2026-01-05", day_end_ts_iso="2026-01-06")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    for number in range(3):
        put(project, _slice(number), number)
    return project


def _slice(number: int) -> Interval:
    return Interval(MIDNIGHT + number * SLICE, MIDNIGHT + (number + 1) * SLICE)


def put(project: Project, interval: Interval, sessions: int) -> None:
    """Publish one row of pair counts a slice, as a run of the job does."""
    row = {"src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "dst_port": 53, "sessions_cnt": sessions, "src_bytes_sum": 1}
    rows = [row | {"slice_start": each.start} for each in interval.steps(SLICE)]
    writer = PartitionWriter(time_partition_uri(project.uri("pair_counts"), interval))
    writer.write(pa.Table.from_pylist(rows, arrow_schema(PAIR_COUNTS)), PAIR_COUNTS)
    facts = project.run("pair_counts_builder").facts
    writer.commit(dataset="pair_counts", start=interval.start, end=interval.end, **facts)


def sessions(project: Project) -> list[int]:
    rows = Scan.of(project.uri("pair_counts"), PAIR_COUNTS, TODAY).read().sort_by("slice_start")
    return list(rows["sessions_cnt"].to_pylist())


def run(project: Project, after: timedelta = timedelta()) -> list[Outcome]:
    return list(compact_days(project.run("compaction"), TODAY, datetime.now(UTC) + after))


def left(project: Project) -> set[str]:
    """Partitions, runs below them, and other files of the day's pair counts."""
    day = project.root / "pair_counts" / "dt=2026-01-05"
    return {str(path.relative_to(day)) for path in day.rglob("*") if path.name not in ("_manifest.json", "_SUCCESS")}


def test_slices_are_deleted_two_days_after_they_were_compacted(project: Project) -> None:
    before = left(project)
    (compacted,) = [each for each in run(project) if isinstance(each, Compacted)]
    assert run(project, 2 * DAY - timedelta(minutes=1)) == []
    assert before < left(project)

    swept = run(project, 2 * DAY + timedelta(minutes=1))

    assert {each.interval for each in swept if isinstance(each, Swept)} == {_slice(number) for number in range(3)}
    assert sessions(project) == [0, 1, 2]
    run_id = compacted.manifest.run_id
    name = mini_batch_id(Interval(MIDNIGHT, MIDNIGHT + 3 * SLICE))
    assert left(project) == {name, f"{name}/{run_id}", f"{name}/{run_id}/pair_counts-00000.parquet"}
    assert run(project, 3 * DAY) == []


def test_a_slice_that_was_built_again_stays_until_it_is_compacted_too(project: Project) -> None:
    run(project)
    put(project, _slice(1), 7)
    pieces = published_pieces(project.uri("pair_counts"), TODAY)
    assert [piece.partition.manifest.interval.slice_count() for piece in pieces] == [3, 1, 3]
    assert sessions(project) == [0, 7, 2]
    assert [type(each) for each in run(project)] == [Compacted]
    assert sessions(project) == [0, 7, 2]
    run(project, 5 * DAY)
    assert sessions(project) == [0, 7, 2]
    assert len({name.partition("/")[0] for name in left(project)}) == 1


@pytest.mark.parametrize("killed_at", range(1, 13))
def test_a_sweep_that_is_killed_anywhere_is_finished_by_the_next(
    project: Project, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    run(project)
    calls = 0

    class KilledError(BaseException):
        """As a signal, which no handler of errors sees."""

    def counted(function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == killed_at:
                raise KilledError
            return function(*arguments)

        return call

    with monkeypatch.context() as patch:
        for name in ("delete_version", "delete_file", "delete_folder"):
            patch.setattr(sweep, name, counted(getattr(sweep, name)))
        with pytest.raises(KilledError):
            run(project, 3 * DAY)
    assert sessions(project) == [0, 1, 2]
    run(project, 3 * DAY)
    assert sessions(project) == [0, 1, 2]
    assert len({name.partition("/")[0] for name in left(project)}) == 1
    assert not list((project.root / "pair_counts").rglob("*/*PT15M"))


@pytest.mark.parametrize("at", ["parquet_writer", "replace_manifest", "put_bytes"])
def test_a_compaction_that_is_killed_before_a_write_leaves_values_as_they_are_and_the_next_run_does_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def killed(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    writes = {"parquet_writer": stream, "replace_manifest": publish, "put_bytes": manifest}
    with monkeypatch.context() as patch:
        patch.setattr(writes[at], at, killed)
        with pytest.raises(KeyboardInterrupt):
            run(project)
    assert sessions(project) == [0, 1, 2]
    run(project)
    (partition,) = (project.root / "pair_counts" / "dt=2026-01-05").glob("*-PT45M")
    assert {"_manifest.json", "_SUCCESS"} <= {path.name for path in partition.iterdir()}
    run(project, 3 * DAY)
    (compacted,) = partition.glob("*/*.parquet")
    assert left(project) == {
        str(path.relative_to(partition.parent)) for path in (partition, compacted.parent, compacted)
    }
    assert sessions(project) == [0, 1, 2]


def test_files_of_a_run_in_progress_stay(project: Project) -> None:
    run(project)
    writer = PartitionWriter(time_partition_uri(project.uri("pair_counts"), _slice(9)))
    writer.write(arrow_schema(PAIR_COUNTS).empty_table(), PAIR_COUNTS)
    run(project, timedelta(hours=1))
    assert any(writer.run_id in name for name in left(project))
    run(project, 3 * DAY)
    assert not any(writer.run_id in name for name in left(project))


def test_files_of_earlier_versions_are_deleted_of_every_dataset(project: Project) -> None:
    old = f"{compact_instant(datetime.now(UTC) - 3 * DAY)}-{'0' * 12}"
    places = {
        time_partition_uri(project.uri("pair_counts"), _slice(0)): [old, new_run_id()],
        time_partition_uri(project.uri("deltas"), TODAY): [old],
        baseline_partition_uri(project.uri("fg_b"), "7d", MIDNIGHT): [old, new_run_id()],
    }
    paths = {}
    for uri, run_ids in places.items():
        for run_id in run_ids:
            writer = PartitionWriter(uri, run_id)
            writer.write(arrow_schema(PAIR_COUNTS).empty_table(), PAIR_COUNTS)
            paths[uri, run_id] = Path(uri.removeprefix("file://")) / run_id
    run(project)
    assert {name for name, path in paths.items() if path.exists()} == {name for name in paths if name[1] != old} | {
        (time_partition_uri(project.uri("pair_counts"), _slice(0)), old)
    }, "a reader may have looked up the version before that of a fresh manifest"
    run(project, 3 * DAY)
    assert not any(path.exists() for path in paths.values())


def test_a_slice_that_is_published_while_its_old_version_is_swept_stays(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(project)

    def late_publisher(uri: str, version: str | None) -> bool:
        """A run that lost its lease, and commits between the look and the deletion."""
        if uri.split("/")[-2] == mini_batch_id(_slice(1)):
            put(project, _slice(1), 7)
        return delete_version(uri, version)

    monkeypatch.setattr(sweep, "delete_version", late_publisher)
    swept = run(project, 3 * DAY)
    assert {each.interval for each in swept if isinstance(each, Swept)} == {_slice(0), _slice(2)}
    assert sessions(project) == [0, 7, 2]


def test_days_that_are_not_whole_or_not_over_are_refused(project: Project) -> None:
    for days, said in (
        (Interval(MIDNIGHT, MIDNIGHT + SLICE), "do not start and end at midnight UTC"),
        (Interval(MIDNIGHT, parse_instant("2126-01-01")), "are not over; the latest DayEndTsIso is"),
    ):
        with pytest.raises(InvalidRequestError, match=said):
            list(compact_days(project.run("compaction"), days))


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NDR_LEDGER_TABLE", "ledger")
    monkeypatch.setenv("NDR_PIPELINE_EXECUTION", "arn:compaction")
    with mock_aws():
        yield create_ledger("ledger")


def test_a_partition_under_the_lease_of_another_run_is_left_alone(project: Project, ledger: Any) -> None:
    builder = project.run("pair_counts_builder")
    whole = builder.lease_key("pair_counts", Interval(MIDNIGHT, MIDNIGHT + 3 * SLICE))
    other = Leases(ledger, builder, "arn:builder")
    assert other.claim(whole) is None
    leases = Leases(ledger, project.run("compaction"), "arn:compaction")
    (found,) = compact_days(leases.leased_run, TODAY)
    assert isinstance(found, LeftAlone)
    assert "is held by arn:builder until" in found.reason
    other.release(whole)

    run_compaction.job(project.run("compaction"), ARGUMENTS)
    assert len(published_pieces(project.uri("pair_counts"), TODAY)) == 1

    held = builder.lease_key("pair_counts", _slice(1))
    assert other.claim(held) is None
    swept = list(compact_days(leases.leased_run, TODAY, datetime.now(UTC) + 3 * DAY))
    assert {each.interval for each in swept if isinstance(each, Swept)} == {_slice(0), _slice(2)}
    items = {item["as_of"]: item for item in ledger.scan()["Items"]}
    assert items[mini_batch_id(_slice(1))]["holder"] == "arn:builder"
    assert items[mini_batch_id(Interval(MIDNIGHT, MIDNIGHT + 3 * SLICE))]["status"] == "completed"
    assert [name for name, item in items.items() if "lease_id" in item] == [mini_batch_id(_slice(1))]


def test_a_damaged_day_fails_by_name_after_the_others_are_compacted(project: Project, ledger: Any) -> None:
    (file,) = (project.root / "pair_counts").rglob(f"{mini_batch_id(_slice(1))}/*/*.parquet")
    file.write_bytes(b"no Parquet")
    with pytest.raises(SchemaMismatchError, match=r"1 day of datasets was left.*pair_counts of .*can't be read"):
        run_compaction.job(project.run("compaction"), ARGUMENTS)
    (item,) = [item for item in ledger.scan()["Items"] if "pair_counts" in item["series"]]
    assert item["status"] == "failed"
    assert "lease_id" not in item
