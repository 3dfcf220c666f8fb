"""`ndr.read`: each table has exactly the rows that answer, and reads no file that a question does not need."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.jobs.job_chain import Project
from tests.jobs.published_project import (
    BASELINES,
    DAYS,
    FIRST,
    METRICS,
    REPEATED,
    SCORED,
    jobspec_file,
    place_of,
)

from ndr.contract.columns import Dataset
from ndr.contract.datasets import (
    DELTAS,
    FG_A,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    PAIR_COUNTS,
    PEER_DELTAS,
    fg_b_tables,
)
from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.table_names import TABLE_NAMES, table_name
from ndr.contract.time import DAY, SLICE, Interval, format_instant, parse_instant
from ndr.jobs.compaction.job import Compacted, compact_days
from ndr.read import Place, connect, read, sql
from ndr.store.footer import schema_sha256
from ndr.store.schema import arrow_schema, plain_schema

BY_TIME = {
    "deltas": (DELTAS, PEER_DELTAS),
    "fg_a": (FG_A,),
    "pair_counts": (PAIR_COUNTS,),
    "fg_c": (FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS),
}
COMPACTED = {"deltas": DELTAS, "fg_a": FG_A}
TIMED = [(folder, dataset) for folder, datasets in BY_TIME.items() for dataset in datasets]


@pytest.fixture
def changed(project: Project, tmp_path: Path) -> Project:
    """A copy whose files a test may change."""
    shutil.copytree(project.root, tmp_path / "v1")
    return Project(tmp_path / "v1", project.changes)


def sorted_rows(table: pa.Table, dataset: Dataset) -> list[dict[str, Any]]:
    return table.sort_by([(name, "ascending") for name in dataset.key]).to_pylist()


def manifests(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [(path.parent, json.loads(path.read_text())) for path in sorted(folder.rglob("_manifest.json"))]


def answers(project: Project, folder: str, dataset: Dataset, interval: Interval) -> pa.Table:
    """Slice by slice: the rows of the partition that was published last, read with plain Parquet."""
    found = manifests(project.root / folder)
    tables = [arrow_schema(dataset).empty_table()]
    for each in interval.steps(SLICE):
        covering = [
            (manifest["published_at"], path, manifest)
            for path, manifest in found
            if parse_instant(manifest["start"]) <= each.start and each.end <= parse_instant(manifest["end"])
        ]
        if covering:
            _, path, manifest = max(covering, key=lambda one: one[0])
            for file in manifest["tables"][dataset.name]["files"]:
                rows = pq.read_table(path / file["path"], partitioning=None).cast(arrow_schema(dataset))
                starts = rows[dataset.time_column]
                starts = pc.subtract(starts, pa.scalar(SLICE)) if dataset.is_window_end else starts
                tables.append(rows.filter(within(starts, each)))
    return pa.concat_tables(tables)


def within(starts: pa.ChunkedArray, interval: Interval) -> pa.ChunkedArray:
    first, last = (pa.scalar(instant, starts.type) for instant in (interval.start, interval.end))
    return pc.and_(pc.greater_equal(starts, first), pc.less(starts, last))


@pytest.mark.parametrize(("folder", "dataset"), TIMED, ids=lambda each: getattr(each, "name", each))
def test_a_table_has_for_each_instant_the_rows_published_last(
    project: Project, place: Place, folder: str, dataset: Dataset
) -> None:
    name = table_name(dataset.name)
    expected = sorted_rows(answers(project, folder, dataset, DAYS), dataset)
    assert expected
    assert sorted_rows(sql(f"select * from {name}", place).arrow(), dataset) == expected
    part = Interval(REPEATED.start - timedelta(minutes=30), REPEATED.end + timedelta(minutes=15))
    part = part if folder != "fg_c" else Interval(SCORED.start + SLICE, SCORED.end - SLICE)
    of_part = sorted_rows(answers(project, folder, dataset, part), dataset)
    assert of_part
    assert len(of_part) < len(expected)
    assert sorted_rows(read(name, part.start, part.end, place=place).arrow(), dataset) == of_part


def test_what_was_published_twice_is_there_once(project: Project, place: Place) -> None:
    """The day and the hour within it: all that manifests name is more."""
    named = sum(manifest["tables"]["deltas"]["rows"] for _, manifest in manifests(project.root / "deltas"))
    query = "select count(*) as rows, count(distinct (host_ip, role, slice_start)) as keys from deltas"
    (counted,) = sql(query, place).arrow().to_pylist()
    assert named > counted["rows"] == counted["keys"] > 0


@pytest.mark.parametrize("dataset", fg_b_tables(METRICS), ids=lambda each: each.name)
def test_a_table_of_the_baselines_has_the_rows_of_every_baseline(
    project: Project, place: Place, dataset: Dataset
) -> None:
    tables = [
        pq.read_table(path / file["path"], partitioning=None).cast(arrow_schema(dataset))
        for path, manifest in manifests(project.root / "fg_b")
        for file in manifest["tables"][dataset.name]["files"]
    ]
    expected = sorted_rows(pa.concat_tables(tables), dataset)
    assert {(row["baseline_end"], row["baseline_horizon"]) for row in expected} == {
        (each.end, each.horizon) for each in BASELINES
    }
    name = table_name(dataset.name)
    assert sorted_rows(sql(f"select * from {name}", place).arrow(), dataset) == expected
    one = read(name, FIRST + DAY, FIRST + 2 * DAY, horizon="7d", place=place).arrow()
    assert sorted_rows(one, dataset) == [row for row in expected if row["baseline_end"] == FIRST + DAY]


def test_quarantine_and_inventory(place: Place) -> None:
    assert read("quarantine", DAYS.start, DAYS.end, ["reason"], place=place).arrow().num_rows == 3
    machines = sql("select * from machine_inventory order by ip_address", place).arrow().to_pylist()
    assert [row["machine_name"] for row in machines] == ["VDI-02", "SRV-01"]
    assert {row["snapshot_month"] for row in machines} == {"2026-01"}
    assert read("machine_inventory", "2026-02-01", "2026-03-01", place=place).arrow().num_rows == 0


def test_every_table_of_the_contract_is_there_and_described(place: Place) -> None:
    connection = connect(place)
    shown = {name for (name,) in connection.sql("show tables").fetchall()}
    joined = {name for name in shown if name.endswith("_with_baseline")}
    assert shown - joined == set(TABLE_NAMES)
    assert joined == {f"{name}_with_baseline" for name in ("fg_a", "fg_c_hosts", "fg_c_pairs")}
    described = [name for name, *_ in connection.sql("describe fg_a").fetchall()]
    assert described == FG_A.column_names


def broken(folder: Path, is_kept: Callable[[str], bool]) -> None:
    """Make files unreadable, except those whose partitions are kept."""
    for path in folder.rglob("*.parquet"):
        if not is_kept(str(path)):
            path.write_bytes(b"broken")


QUERIES_OF_AN_HOUR = [
    "select count(*) from {table} where {time} > '2026-01-11T03:00:00Z' and {time} <= '2026-01-11T04:00:00Z'",
    "select sum(sessions_cnt) from {table} where {time} between '2026-01-11 03:15:00+00' and '2026-01-11 03:45:00+00'",
    "select {time} from {table} where {time} = timestamptz '2026-01-11 04:00:00+00'",
    "with part as (from {table} where {time} in ('2026-01-11T03:30:00Z', '2026-01-11T04:30:00Z')) select * from part",
]


@pytest.mark.parametrize("query", QUERIES_OF_AN_HOUR)
@pytest.mark.parametrize(("table", "time"), [("deltas", "slice_start"), ("fg_a", "window_end")])
def test_a_question_of_an_hour_reads_its_day_alone(changed: Project, table: str, time: str, query: str) -> None:
    broken(changed.root / table, lambda path: "dt=2026-01-11" in path)
    place = place_of(changed)
    assert sql(query.format(table=table, time=time), place).arrow().num_rows
    with pytest.raises(SchemaMismatchError, match="can't be read as"):
        sql(f"select * from {table}", place).arrow()


def test_a_question_of_one_baseline_reads_it_alone(changed: Project) -> None:
    broken(changed.root / "fg_b", lambda path: "horizon=7d/end=20260111" in path)
    place = place_of(changed)
    where = "baseline_horizon = '7d' and baseline_end = '2026-01-11T00:00:00Z'"
    assert sql(f"select * from fg_b_host where {where}", place).arrow().num_rows
    time = "window_end > '2026-01-11T00:00:00Z' and window_end < '2026-01-11T06:00:00Z'"
    query = f"select sessions_cnt_median from fg_a_with_baseline where {time} and baseline_horizon = '7d'"
    assert sql(query, place).arrow().num_rows


def without_column(folder: Path, table: str, column: str) -> None:
    """Write the files of a table as a release would have written them that did not have a column."""
    for path, manifest in manifests(folder):
        entry = manifest["tables"][table]
        for file in entry["files"]:
            old = pq.read_table(path / file["path"], partitioning=None).drop_columns([column])
            pq.write_table(old, path / file["path"])
            file["bytes"] = (path / file["path"]).stat().st_size
            entry["schema_sha256"] = schema_sha256(plain_schema(old.schema))
        (path / "_manifest.json").write_text(json.dumps(manifest))


def test_a_column_that_an_earlier_release_did_not_write_is_null(changed: Project) -> None:
    without_column(changed.root / "deltas", "deltas", "tcp_cnt")
    query = "select count(tcp_cnt) as tcp, count(udp_cnt) as udp, count(*) as rows from deltas"
    (row,) = sql(query, place_of(changed)).arrow().to_pylist()
    assert (row["tcp"], row["udp"]) == (0, row["rows"])
    assert row["rows"]


def test_as_of_leaves_out_what_was_published_later(project: Project, place: Place) -> None:
    found = {
        Interval.parse(manifest["start"], manifest["end"]): (parse_instant(manifest["published_at"]), path, manifest)
        for path, manifest in manifests(project.root / "deltas")
    }
    just_before = found[REPEATED][0] - timedelta(microseconds=1)
    _, path, manifest = found[Interval(FIRST, FIRST + DAY)]
    (file,) = manifest["tables"]["deltas"]["files"]
    day = pq.read_table(path / file["path"], partitioning=None).cast(arrow_schema(DELTAS))
    then = read("deltas", FIRST, FIRST + DAY, as_of=just_before, place=place).arrow()
    assert sorted_rows(then, DELTAS) == sorted_rows(day, DELTAS)
    now = read("deltas", FIRST, FIRST + DAY, place=place).arrow()
    assert sorted_rows(now, DELTAS) != sorted_rows(day, DELTAS)
    assert sql("from deltas", place, as_of="2026-01-01").arrow().num_rows == 0
    assert sql("from fg_b_host", place, as_of="2026-01-01").arrow().num_rows == 0
    assert sql("from machine_inventory", place, as_of="2026-01-01").arrow().num_rows == 0


@pytest.mark.parametrize(
    ("start", "end", "options", "told"),
    [
        ("2026-01-10", "2026-01-11", {"dataset": "flows"}, "There is no table 'flows'; there are deltas, peer_deltas"),
        (
            "2026-01-10",
            "2026-01-11",
            {"columns": ["host", "role"]},
            "deltas has no column 'host'; its columns are host_ip",
        ),
        ("2026-01-10", "2026-01-11", {"columns": []}, "deltas is asked for no column; its columns are host_ip"),
        ("2026-01-10", "2026-01-11", {"horizon": "7d"}, "deltas has no column 'baseline_horizon'"),
        (
            "2026-01-10",
            "2026-01-11",
            {"dataset": "fg_b_host", "horizon": "14d"},
            "horizon is '14d'; allowed are 7d and 30d",
        ),
        ("2026-01-11", "2026-01-10", {}, "the start must be before the end"),
        ("yesterday", "2026-01-10", {}, "start is 'yesterday', which is not an ISO 8601 time: write UTC as"),
        (datetime(2026, 1, 10), "2026-01-11", {}, "start is 2026-01-10T00:00:00, which names no time zone"),
    ],
)
def test_a_wrong_question_is_explained(place: Place, start: Any, end: Any, options: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        read(**{"dataset": "deltas", "start": start, "end": end, "place": place, **options})
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("selct 1", 'Parser Error: syntax error at or near "selct".'),
        ("", "The query has 0 statements, and one is allowed"),
        ("select 1; select 2", "The query has 2 statements, and one is allowed"),
        ("select * from flows", "There is no table 'flows'; there are deltas, peer_deltas"),
        ("select hosts from deltas", 'Binder Error: Referenced column "hosts" not found'),
        ("create table mine as from deltas", "The statement is CREATE, and only those that read are allowed"),
        ("copy deltas to 'deltas.csv'", "The statement is COPY, and only those that read are allowed"),
        ("set enable_external_access = true", "The statement is SET, and only those that read are allowed"),
        ("attach 'mine.db'", "The statement is ATTACH, and only those that read are allowed"),
        ("from read_csv('/etc/passwd')", "file system operations are disabled"),
        ("from '/etc/passwd'", "There is no table '/etc/passwd'"),
        ("select read_text('/etc/passwd')", "read_text"),
        ("select 1 / sessions_cnt from deltas where error('no') is null", "Invalid Input Error: no."),
    ],
)
def test_a_wrong_query_is_explained_in_a_sentence(place: Place, query: str, told: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        sql(query, place).arrow()
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_forms(place: Place) -> None:
    day = read("deltas", date(2026, 1, 10), date(2026, 1, 11), ["host_ip", "slice_start", "sessions_cnt"], place=place)
    table = day.arrow()
    assert table.schema == day.schema
    assert table.column_names == ["host_ip", "slice_start", "sessions_cnt"]
    assert day.pandas()["sessions_cnt"].sum() == pc.sum(table["sessions_cnt"]).as_py()
    assert day.duckdb().aggregate("sum(sessions_cnt)").fetchall() == [(pc.sum(table["sessions_cnt"]).as_py(),)]
    assert sum(batch.num_rows for batch in day.batches()) == table.num_rows
    weekly = read("fg_b_host", FIRST, DAYS.end, ["host_ip", "role"], horizon="30d", place=place)
    assert sorted(weekly.duckdb().fetchall()) == sorted(tuple(row.values()) for row in weekly.arrow().to_pylist())
    assert weekly.arrow().num_rows < read("fg_b_host", FIRST, DAYS.end, place=place).arrow().num_rows
    totals = sql("select role, sum(sessions_cnt)::bigint as n from deltas group by role order by role", place)
    assert totals.schema.names == ["role", "n"]
    assert list(totals.pandas()["n"]) == [row["n"] for row in totals.arrow().to_pylist()]
    assert totals.duckdb().fetchall() == [tuple(row.values()) for row in totals.arrow().to_pylist()]


def test_times_are_read_in_utc_wherever_one_is(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    found = sql("select min(slice_start) as first from deltas where slice_start >= '2026-01-11'", place).arrow()
    assert found["first"][0].as_py() >= datetime(2026, 1, 11, tzinfo=UTC)
    assert format_instant(found["first"][0].as_py()) < "2026-01-11T03"


def test_places(project: Project, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = jobspec_file(project, tmp_path / "jobspecs.json")
    assert Place.of_files(path) == place
    monkeypatch.setenv("NDR_JOBSPECS", str(path))
    assert Place.find() == place
    assert sql("select count(*) as n from deltas").arrow().to_pylist()[0]["n"]
    monkeypatch.delenv("NDR_JOBSPECS")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NDR_HOME", raising=False)
    with pytest.raises(InvalidRequestError, match=r"Nothing is deployed in \.ndr; deploy with `ndr up` or `make demo`"):
        Place.find()
    with pytest.raises(InvalidRequestError, match="can't be read as JSON"):
        Place.of_files(tmp_path / "absent.json")


def test_a_compacted_day_reads_as_its_partitions_did(changed: Project) -> None:
    """Also as of an instant before it was compacted: its versions keep their ages."""
    place, before = place_of(changed), datetime.now(UTC)
    expected = {name: sorted_rows(sql(f"from {name}", place).arrow(), each) for name, each in COMPACTED.items()}
    done = list(compact_days(changed.run("compaction"), DAYS))
    assert any(isinstance(each, Compacted) for each in done)
    for as_of in (None, before):
        for name, dataset in COMPACTED.items():
            assert sorted_rows(sql(f"from {name}", place, as_of).arrow(), dataset) == expected[name]
    assert read("quarantine", DAYS.start, DAYS.end, place=place).arrow().num_rows == 3
