"""The FG-C job on published features: what it scores, by which baseline, and what becomes stale."""

from __future__ import annotations

import json
import re
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from moto import mock_aws
from tests.jobs.column_rules import broken_rules
from tests.jobs.job_chain import Project, random_flows, spelled
from tests.jobs.ledger_table import create_ledger

from ndr.contract.columns import NEVER
from ndr.contract.datasets import FG_C_HOSTS, FG_C_PAIRS, FG_C_SCORES, REASON_FIELDS, Dataset
from ndr.contract.errors import EmptyResultError
from ndr.contract.time import DAY, SLICE, Interval, mini_batch_id
from ndr.findings import Findings, FindingsPlace
from ndr.findings.days import day_findings
from ndr.findings.formats import OCSF, documents_of
from ndr.jobs import run_fg_c_builder
from ndr.jobs.compaction.job import Compacted, compact_days
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.fg_c.findings import findings_place
from ndr.jobs.fg_c.job import FgCSpecs
from ndr.store.scan import Scan

FIRST = datetime(2026, 1, 10, tzinfo=UTC)
LEARNT = Interval(FIRST, FIRST + 7 * DAY)
SCORED = Interval(LEARNT.end, LEARNT.end + timedelta(hours=1))
TABLES = (FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS)
METRICS = ["sessions_cnt", "bytes_sent_sum", "peer_ip_nunique"]
CHANGES = {
    "fg_a_builder": {"windows": ["15m", "1h"]},
    "fg_b_builder": {"min_coverage": 0, "support_min": {"1h": 2}},
    "fg_c_builder": {
        "windows": ["1h"],
        "metrics": METRICS,
        "calibration": {"days": 1, "min_scores": 10},
        "discount": {"min_hosts": 2, "usual_share": 0.02},
        "findings": {"max_p_value": 1e-9, "min_score": 0.5, "min_pair_score": 0.2},
    },
}


def project_of(root: Path) -> Project:
    """A project with a week of features and a baseline of them, and an hour delivered after."""
    project = Project(root, CHANGES)
    project.deliver(LEARNT, random_flows(LEARNT, 3000, seed=1))
    project.deliver(SCORED, random_flows(SCORED, 120, seed=2))
    project.fifteen_minute_steps(LEARNT)
    project.baselines([Target(LEARNT.end, "7d")])
    return project


def rows(project: Project, dataset: Dataset, interval: Interval) -> list[dict[str, object]]:
    found = Scan.of(project.uri("fg_c"), dataset, interval).read()
    return found.sort_by([(name, "ascending") for name in dataset.key]).to_pylist()


def published(project: Project, interval: Interval) -> dict[str, list[dict[str, object]]]:
    return {dataset.name: rows(project, dataset, interval) for dataset in TABLES}


def place_of(project: Project) -> FindingsPlace:
    run = project.run("fg_c_builder")
    fg_c, fg_b, fg_a = (project.spec(name) for name in ("fg_c_builder", "fg_b_builder", "fg_a_builder"))
    return findings_place(run, FgCSpecs(fg_c, fg_b, fg_a, run.networks()))


def findings_of(project: Project) -> Findings:
    return day_findings(place_of(project), Interval(SCORED.start, SCORED.start + DAY), SCORED.end).findings


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = project_of(tmp_path_factory.mktemp("bulk"))
    project.fifteen_minute_steps(SCORED)
    project.fg_c(LEARNT)
    project.fg_c(SCORED)
    return project


def test_values_are_judged_by_the_baseline_that_was_valid_then(bulk: Project) -> None:
    assert not rows(bulk, FG_C_SCORES, LEARNT)  # its own baseline came later
    assert {row["judged_by"] for row in rows(bulk, FG_C_HOSTS, LEARNT)} == {"none"}
    scores = rows(bulk, FG_C_SCORES, SCORED)
    assert {row["metric"] for row in scores} == set(METRICS)
    assert {row["baseline_end"] for row in scores if row["judged_by"] != "none"} == {LEARNT.end}
    assert {row["baseline_horizon"] for row in scores} == {"7d"}
    assert "host" in {row["judged_by"] for row in scores}
    assert any(row["score"] > 0 for row in rows(bulk, FG_C_HOSTS, SCORED))  # type: ignore[operator]
    assert min(row["discount"] for row in scores) < 1  # type: ignore[type-var]
    assert any(row["is_new"] for row in rows(bulk, FG_C_PAIRS, SCORED))


def test_columns_are_null_only_as_declared(bulk: Project) -> None:
    for dataset in TABLES:
        table = Scan.of(bulk.uri("fg_c"), dataset, Interval(LEARNT.start, SCORED.end)).read()
        assert broken_rules(dataset, table) == []
    of_reasons = [reason for row in rows(bulk, FG_C_HOSTS, SCORED) for reason in row["reasons"]]  # type: ignore[attr-defined]
    assert of_reasons
    names = [field.name for field in REASON_FIELDS if field.null == NEVER]
    assert not [reason for reason in of_reasons if any(reason[name] is None for name in names)]
    for row in rows(bulk, FG_C_SCORES, SCORED):
        assert (row["z"] is None) == (row["median"] is None) == (row["judged_by"] == "none")


def test_slices_have_the_scores_of_the_bulk_batch(bulk: Project, tmp_path: Path) -> None:
    slices = project_of(tmp_path)
    slices.fg_c(LEARNT)
    for each in SCORED.steps(SLICE):
        slices.fifteen_minute_steps(each)
        slices.fg_c(each)
    assert published(slices, SCORED) == published(bulk, SCORED)
    day = Interval(SCORED.start, SCORED.start + DAY)
    findings = findings_of(slices)
    assert findings.all
    compacted = [each for each in compact_days(slices.run("fg_c_builder"), day) if isinstance(each, Compacted)]
    assert [each.partitions for each in compacted if each.manifest.dataset == "fg_c"] == [4]
    assert published(slices, SCORED) == published(bulk, SCORED)
    assert findings_of(slices) == findings
    last = Interval(SCORED.end - SLICE, SCORED.end)
    assert [each.interval for each in slices.fg_c(last)] == [last]  # the others are not stale


def test_scores_follow_a_changed_input_and_nothing_else(bulk: Project) -> None:
    first, last = (Interval(at, at + SLICE) for at in (SCORED.start, SCORED.end - SLICE))
    assert [each.interval for each in bulk.fg_c(last)] == [last]  # nothing is stale
    bulk.fg_a(first)
    whole = Interval(first.start, last.start)  # what is left of the partition that read it
    assert [each.interval for each in bulk.fg_c(last)] == [last, whole]
    bulk.baselines([Target(LEARNT.end, "7d")])
    assert [each.interval for each in bulk.fg_c(last)] == [last, whole]
    bulk.baselines([Target(last.start, "7d")])  # valid for the last slice alone
    assert [each.interval for each in bulk.fg_c(last)] == [last]
    ends = {row["baseline_end"] for row in rows(bulk, FG_C_SCORES, last) if row["judged_by"] != "none"}
    assert ends == {last.start}


def test_scores_of_the_week_before_follow_a_baseline_that_is_built_again(bulk: Project) -> None:
    """The hour that was scored is two days before the batches that see it."""
    bulk.fg_c(SCORED)
    bulk.baselines([Target(LEARNT.end, "7d")])
    later = [Interval(at, at + SLICE) for at in (SCORED.end + 2 * DAY, SCORED.end + 2 * DAY + SLICE)]
    bulk.deliver(Interval(later[0].start, later[1].end), random_flows(later[0], 20, seed=3))
    for batch in later:
        bulk.fifteen_minute_steps(batch)
    assert [each.interval for each in bulk.fg_c(later[0])] == [later[0], SCORED]
    (only,) = bulk.fg_c(later[1])  # nothing is stale any more
    (baseline,) = (built for _, built in bulk.baselines([Target(LEARNT.end, "7d")]))
    (features,) = bulk.fg_a(later[1])
    assert only.interval == later[1]
    assert {each.networks for each in (only, baseline, features)} == {bulk.run("fg_c_builder").networks().digest}  # type: ignore[union-attr]
    far = Interval(SCORED.end + 9 * DAY, SCORED.end + 9 * DAY + SLICE)
    bulk.deliver(far, random_flows(far, 20, seed=4))
    bulk.fifteen_minute_steps(far)
    assert SCORED not in [each.interval for each in bulk.fg_c(far)]  # too long ago


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NDR_LEDGER_TABLE", "ledger")
    with mock_aws():
        yield create_ledger("ledger")


def test_a_run_again_updates_the_findings_in_its_files(bulk: Project, tmp_path: Path, ledger: Any) -> None:
    """The job writes them after its scores; other weights change them under the same uids."""
    scores = (tmp_path / "v1" / "fg_c").as_uri() + "/"
    outputs = {"fg_c": scores, "findings": (tmp_path / "v1" / "findings").as_uri() + "/"}
    project = Project(bulk.root, {**CHANGES, "fg_c_builder": CHANGES["fg_c_builder"] | {"outputs": outputs}})
    start, end = spelled(SCORED)
    arguments: Any = Namespace(
        mini_batch_id=mini_batch_id(SCORED), batch_start_ts_iso=start, batch_end_ts_iso=end, replace_with_empty="false"
    )

    def told() -> dict[str, dict[str, Any]]:
        run_fg_c_builder.job(project.run("fg_c_builder"), arguments)
        (file,) = (tmp_path / "v1" / "findings" / "ocsf").rglob("*.jsonl")
        return {OCSF.uid_of(each): each for each in documents_of(file.read_bytes())}

    first = told()
    assert first
    assert {uid: each["unmapped"]["score"] for uid, each in first.items()} == {
        each.uid: each.score for each in findings_of(project).all
    }
    assert told().keys() == first.keys()
    project.changes["fg_c_builder"]["weights"] = {"host": 0.4, "segment": 0.4, "network": 0.4}
    project.put_jobspecs()
    again = told()
    assert again.keys() == first.keys()
    closed = {uid for uid, each in again.items() if OCSF.is_closed(each)}
    assert 0 < len(closed) < len(first)
    for uid in first.keys() - closed:
        assert again[uid]["unmapped"]["score"] < first[uid]["unmapped"]["score"]
    assert all(OCSF.modified_of(again[uid]) > OCSF.modified_of(first[uid]) for uid in first)
    items = sorted((item for item in ledger.scan()["Items"] if "detail" in item), key=lambda item: str(item["as_of"]))
    sent = [detail for item in items if (detail := json.loads(item["detail"]))["start"] == start]
    counts = [(each["findings"], each["closed"]) for each in sent]
    assert counts == [(len(first), 0), (len(first), 0), (len(first) - len(closed), len(closed))]


def test_scores_are_not_replaced_by_none(bulk: Project, tmp_path: Path) -> None:
    other = Project(tmp_path, {**CHANGES, "fg_c_builder": CHANGES["fg_c_builder"] | {"outputs": bulk.uris("fg_c")}})
    with pytest.raises(EmptyResultError, match="No FG-A below .* rows of hosts are published"):
        other.fg_c(SCORED)


def test_the_page_works_as_typed(bulk: Project) -> None:
    """Each block of docs/scoring.md, with the prefix and the days of this project."""
    page = (Path(__file__).parents[2] / "docs" / "scoring.md").read_text()
    blocks = re.findall(r"```(python|sql)\n(.*?)```", page, re.DOTALL)
    code = "".join(text for language, text in blocks if language == "python")
    days = ('Interval.parse("2026-01-10", "2026-01-18")', f"Interval.parse{spelled(Interval(FIRST, FIRST + 8 * DAY))}")
    names: dict[str, Any] = {}
    exec(code.replace("s3://ndr-data-bucket/v1/fg_c/", bulk.uri("fg_c")).replace(*days), names)
    queries = [text for language, text in blocks if language == "sql"]
    assert len(queries) == 7
    with duckdb.connect() as connection:
        for table in ("hosts", "scores", "pairs"):
            connection.register(table, names[table])
        found = [connection.sql(query).arrow().read_all() for query in queries]
    by_column = {name: table for table in found for name in table.column_names}
    assert all(table.num_rows for table in found[:3])
    assert by_column["added_up"].num_rows
    for row in by_column["added_up"].to_pylist():
        assert row["score"] == pytest.approx(row["added_up"], abs=1e-9)
    assert by_column["z"].num_rows
