"""Whatever folders, files and batches the same flows arrive in, each one counts once, in its own slice."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.jobs.job_chain import Project, random_flows

from ndr.contract.datasets import DELTAS
from ndr.contract.errors import EmptyResultError, InvalidRequestError
from ndr.contract.time import DAY, SLICE, Interval, mini_batch_id, parse_instant
from ndr.store.scan import Scan
from ndr.store.storage import put_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = parse_instant("2026-01-05")
DAY_ONE = Interval(START, START + DAY)
HOUR = Interval(START + 24 * SLICE, START + 28 * SLICE)
FIRST, SECOND = Interval(HOUR.start, HOUR.start + SLICE), Interval(HOUR.start + SLICE, HOUR.start + 2 * SLICE)


def _flow_count(project: Project, interval: Interval) -> int:
    rows = Scan.of(project.uri("deltas"), DELTAS, interval).read().to_pylist()
    return sum(row["sessions_cnt"] for row in rows if row["role"] == "outbound")


def _within(flows: list[dict[str, Any]], interval: Interval) -> list[dict[str, Any]]:
    return [flow for flow in flows if interval.start.timestamp() <= flow["event_start"] < interval.end.timestamp()]


def _late_flow(start: datetime) -> dict[str, Any]:
    (flow,) = random_flows(FIRST, 1, seed=99)
    return flow | {"event_start": start.timestamp() + 10, "event_end": start.timestamp() + 3610}


@pytest.fixture
def day(tmp_path: Path) -> Project:
    """One day, delivered as one folder and built."""
    project = Project(tmp_path)
    project.deliver(DAY_ONE, random_flows(DAY_ONE, 1228, seed=1))
    project.deltas(DAY_ONE)
    return project


def test_a_slice_of_a_day_that_came_as_one_folder_can_be_built_again(day: Project) -> None:
    before = day.published_deltas(DAY_ONE)
    (manifest,) = day.deltas(FIRST)
    assert manifest.rows is not None
    assert manifest.rows.rows_used == manifest.rows.rows_in > 0
    assert [entry.uri.rpartition("/")[2] for entry in manifest.inputs] == [mini_batch_id(DAY_ONE)]
    assert manifest.coverage == 1.0
    assert day.published_deltas(DAY_ONE) == before


def test_an_hour_beside_its_slices_counts_once(tmp_path: Path) -> None:
    project = Project(tmp_path)
    flows = random_flows(HOUR, 40, seed=2)
    twice = flows[5]  # two equal flows in one log are two flows
    project.deliver(HOUR, [*flows, twice])
    for each in HOUR.steps(SLICE):
        project.deliver(each, _within([*flows, twice], each))
    (manifest,) = project.deltas(HOUR)
    assert _flow_count(project, HOUR) == 41
    assert manifest.rows is not None
    assert manifest.rows.model_dump(
        exclude={"rows_not_flows", "records", "records_unpaired", "rows_of_other_times"}
    ) == {
        "rows_in": 82,
        "rows_used": 41,
        "rows_quarantined": 0,
        "rows_repeated": 41,
    }
    for each in HOUR.steps(SLICE):
        project.deltas(each)
    assert _flow_count(project, HOUR) == 41


def test_a_log_beside_its_gzip_counts_once(tmp_path: Path) -> None:
    project = Project(tmp_path)
    flows = random_flows(FIRST, 10, seed=3)
    folder = f"{project.uri('integration')}{mini_batch_id(FIRST)}"
    text = "".join(json.dumps(flow) + "\n" for flow in flows).encode()
    put_bytes(f"{folder}/flows.json", text)
    put_bytes(f"{folder}/flows.json.gz", gzip.compress(text[:100]) + gzip.compress(text[100:]))
    put_bytes(f"{folder}/again.json.gz", gzip.compress(text))
    put_bytes(f"{folder}/flows.2.json.gz", gzip.compress(text, mtime=1))
    put_bytes(f"{folder}/more.json", json.dumps(flows[0]).encode())
    (manifest,) = project.deltas(FIRST)
    assert _flow_count(project, FIRST) == 11, "a file of other content is another file, whatever its rows"
    assert len(manifest.inputs[0].files) == 5, "all that was delivered is named, so that nothing of it is late"


def _zeek(seconds: int, uid: str) -> str:
    at = FIRST.start.timestamp() + seconds
    return json.dumps(
        {"ts": at, "uid": uid, "id.orig_h": "10.0.0.1", "id.orig_p": 50000, "id.resp_h": "10.0.0.2",
         "id.resp_p": 443, "proto": "tcp", "conn_state": "SF", "orig_ip_bytes": 7, "resp_ip_bytes": 9}
    )  # fmt: skip


@pytest.fixture(params=["local", "spark"])
def zeek(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A project of Zeek's logs, on either engine."""
    spark = request.getfixturevalue("spark") if request.param == "spark" else None
    inputs = {"integration": f"{tmp_path.as_uri()}/integration/", "source": "zeek"}
    return Project(tmp_path, {"delta_builder": {"inputs": inputs}}, spark=spark)


def test_a_row_with_an_id_counts_once_however_its_log_is_cut(zeek: Project) -> None:
    rows = [_zeek(number, f"C{number}") for number in range(30)]
    other = _zeek(29, "Cother")  # another connection, equal in all else
    unnamed = _zeek(100, "-")
    folder = f"{zeek.uri('integration')}{mini_batch_id(FIRST)}"
    # The current log was copied at noon; then it was rotated, whole.
    put_bytes(f"{folder}/current.json", "\n".join([*rows[:20], unnamed, unnamed]).encode())
    put_bytes(f"{folder}/conn.json", "\n".join([*rows, other, unnamed]).encode())
    put_bytes(f"{zeek.uri('integration')}{mini_batch_id(HOUR)}/hour.json", "\n".join([*rows[10:], other]).encode())
    (manifest,) = zeek.deltas(FIRST)
    assert _flow_count(zeek, FIRST) == 31 + 3, "what has no id is as many flows as its delivery has rows"
    assert manifest.rows is not None
    assert (manifest.rows.rows_in, manifest.rows.rows_repeated) == (22 + 32 + 21, 20 + 21)


def test_an_out_of_batch_row_with_an_id_counts_once_too(tmp_path: Path) -> None:
    inputs = {"integration": f"{tmp_path.as_uri()}/integration/", "source": "zeek"}
    project = Project(tmp_path, {"delta_builder": {"inputs": inputs}})
    late = _zeek(900, "Clate")
    for name in ("current.json", "conn.json"):
        put_bytes(f"{project.uri('integration')}{mini_batch_id(FIRST)}/{name}", f"{_zeek(1, name)}\n{late}".encode())
    put_bytes(f"{project.uri('integration')}{mini_batch_id(SECOND)}/conn.json", _zeek(901, "C1").encode())
    project.deltas(FIRST)
    project.deltas(SECOND)
    assert (_flow_count(project, FIRST), _flow_count(project, SECOND)) == (2, 2)


def test_files_in_subfolders_are_read_and_markers_are_not(tmp_path: Path) -> None:
    project = Project(tmp_path)
    flows = random_flows(FIRST, 10, seed=4)
    project.deliver(FIRST, flows[:4], name="sensor-a/part-0.json")
    project.deliver(FIRST, flows[4:], name="sensor-b/2026/part-0.json")
    project.deliver(FIRST, flows, name="_temporary/part-0.json")
    project.deliver(FIRST, flows, name="sensor-a/.part-0.json.crc")
    (manifest,) = project.deltas(FIRST)
    assert _flow_count(project, FIRST) == 10
    assert [file.name for file in manifest.inputs[0].files] == ["sensor-a/part-0.json", "sensor-b/2026/part-0.json"]


@pytest.mark.parametrize("length", [DAY, SLICE])
def test_a_long_connection_written_the_next_day_counts_in_its_slice_once(tmp_path: Path, length: Any) -> None:
    project = Project(tmp_path)
    flows = random_flows(DAY_ONE, 300, seed=5)
    last = Interval(DAY_ONE.end - SLICE, DAY_ONE.end)
    for each in DAY_ONE.steps(length):
        project.deliver(each, _within(flows, each))
    project.deltas(DAY_ONE)
    next_slice = Interval(DAY_ONE.end, DAY_ONE.end + SLICE)
    project.deliver(next_slice, [*random_flows(next_slice, 5, seed=6), _late_flow(last.start)])
    project.deltas(next_slice)
    assert _flow_count(project, DAY_ONE) == 300
    project.deltas(last)
    assert _flow_count(project, DAY_ONE) == 301
    project.deltas(next_slice)
    project.deltas(last)
    project.deltas(DAY_ONE)
    project.deltas(DAY_ONE)
    assert _flow_count(project, DAY_ONE) == 301
    assert _flow_count(project, next_slice) == 5


def test_a_row_in_the_folder_of_another_slice_of_the_same_batch_counts(tmp_path: Path) -> None:
    project, orderly = Project(tmp_path / "unordered"), Project(tmp_path / "orderly")
    first, second = random_flows(FIRST, 6, seed=7), random_flows(SECOND, 6, seed=8)
    project.deliver(FIRST, [*first, second[0]])
    project.deliver(SECOND, second[1:])
    orderly.deliver(FIRST, first)
    orderly.deliver(SECOND, second)
    for each in (project, orderly):
        each.deltas(HOUR)
    assert project.published_deltas(HOUR) == orderly.published_deltas(HOUR)


def test_a_row_that_its_source_batch_holds_no_longer_is_gone_everywhere(tmp_path: Path) -> None:
    project = Project(tmp_path)
    second = random_flows(SECOND, 6, seed=8)
    project.deliver(FIRST, [*random_flows(FIRST, 6, seed=7), second[0]])
    project.deliver(SECOND, second[1:])
    project.deltas(FIRST)
    project.deltas(SECOND)
    assert _flow_count(project, HOUR) == 12
    project.deliver(FIRST, random_flows(FIRST, 6, seed=7))
    project.deltas(FIRST)
    project.deltas(SECOND)
    assert _flow_count(project, HOUR) == 11


def test_rows_that_cannot_be_used_are_in_the_account_of_one_interval(tmp_path: Path) -> None:
    project = Project(tmp_path)
    flows = random_flows(HOUR, 30, seed=9)
    inside = _within(flows, SECOND)[0] | {"source_bytes": -1}
    project.deliver(HOUR, [*flows, inside, flows[0] | {"event_start": None}])
    accounts = [manifest.rows for each in HOUR.steps(SLICE) for manifest in project.deltas(each)]
    assert sum(account.rows_in for account in accounts if account) == 32
    assert [account.rows_quarantined for account in accounts if account] == [1, 1, 0, 0]


@pytest.mark.parametrize("left", ["nothing", "an empty file", "only rows for quarantine", "another slice's folder"])
def test_rows_are_never_replaced_by_nothing(tmp_path: Path, left: str) -> None:
    project = Project(tmp_path)
    flows = random_flows(FIRST, 8, seed=10)
    project.deliver(FIRST, flows)
    (published,) = project.deltas(FIRST)
    before = project.published_deltas(HOUR)
    folder = tmp_path / "integration" / mini_batch_id(FIRST)
    shutil.rmtree(folder)
    batch = FIRST
    if left == "an empty file":
        project.deliver(FIRST, [])
    elif left == "only rows for quarantine":
        project.deliver(FIRST, [flow | {"source_ip": "nowhere"} for flow in flows])
    elif left == "another slice's folder":
        project.deliver(SECOND, random_flows(SECOND, 8, seed=11))
        batch = HOUR

    with pytest.raises(EmptyResultError) as caught:
        project.deltas(batch)
    message = str(caught.value)
    assert project.uri("integration") in message or left in ("an empty file", "only rows for quarantine")
    rows = len(before[0])
    assert f"For {FIRST}, {rows} rows of deltas are published (run {published.run_id})" in message
    assert '"replace_with_empty": true' in message
    assert "--replace-with-empty true" in message
    assert project.published_deltas(HOUR) == before

    project.deltas(batch, replace_with_empty=True)
    assert _flow_count(project, FIRST) == 0


def test_a_slice_whose_folder_is_gone_is_not_replaced_by_what_other_batches_brought(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.deliver(FIRST, random_flows(FIRST, 8, seed=10))
    project.deltas(FIRST)
    project.deliver(SECOND, [_late_flow(FIRST.start)])
    project.deltas(SECOND)
    shutil.rmtree(tmp_path / "integration" / mini_batch_id(FIRST))
    with pytest.raises(EmptyResultError):
        project.deltas(FIRST)
    assert _flow_count(project, FIRST) == 8


def test_a_slice_of_which_only_out_of_batch_rows_came_can_be_built_again(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.deliver(SECOND, [_late_flow(FIRST.start)])
    third = Interval(SECOND.end, SECOND.end + SLICE)
    project.deliver(third, [_late_flow(FIRST.start) | {"source_port": 7}])
    project.deltas(SECOND)
    project.deltas(HOUR)
    assert _flow_count(project, FIRST) == 2
    project.deltas(FIRST)
    assert _flow_count(project, FIRST) == 2


def test_nothing_replaces_what_can_not_be_read(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.deliver(FIRST, random_flows(FIRST, 8, seed=10))
    project.deltas(FIRST)
    (manifest,) = tmp_path.rglob("_manifest.json")
    manifest.write_text("{}")
    shutil.move(tmp_path / "integration" / mini_batch_id(FIRST), tmp_path / "away")
    with pytest.raises(EmptyResultError, match=r"can't be read \(.*is not a manifest"):
        project.deltas(FIRST)
    shutil.move(tmp_path / "away", tmp_path / "integration" / mini_batch_id(FIRST))
    project.deltas(FIRST)
    assert _flow_count(project, FIRST) == 8


def test_an_id_that_names_another_time_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.deliver(FIRST, random_flows(FIRST, 8, seed=10))
    with pytest.raises(InvalidRequestError, match=rf"MiniBatchId is {mini_batch_id(FIRST)}, which names .* but the b"):
        project.deltas(SECOND, batch_id=mini_batch_id(FIRST))
    project.deltas(FIRST, batch_id=f"rebuild-{mini_batch_id(FIRST)}")
    assert _flow_count(project, FIRST) == 8


def test_a_folder_of_any_name_is_of_the_batch_that_names_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    put_bytes(f"{project.uri('integration')}by-hand/part.json", json.dumps(random_flows(FIRST, 1, seed=1)[0]).encode())
    project.deltas(FIRST, batch_id="by-hand")
    assert _flow_count(project, FIRST) == 1


def test_both_engines_unite_deliveries_alike(tmp_path: Path, spark: SparkSession) -> None:
    here, there = Project(tmp_path / "local"), Project(tmp_path / "spark", spark=spark)
    flows = random_flows(HOUR, 60, seed=12)
    for project in (here, there):
        project.deliver(HOUR, flows[:50])
        for each in HOUR.steps(SLICE):
            project.deliver(each, _within(flows, each))
            project.deliver(each, _within(flows, each), name="copy.json")
        project.deliver(FIRST, [_late_flow(SECOND.start)], name="late.json")
    accounts = [project.deltas(HOUR)[0].rows for project in (here, there)]
    assert accounts[0] == accounts[1]
    assert here.published_deltas(HOUR) == there.published_deltas(HOUR)
    assert _flow_count(there, HOUR) == 61
