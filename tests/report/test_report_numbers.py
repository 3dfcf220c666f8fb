"""The numbers of the page against the published files, counted anew."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from tests.jobs.job_chain import Project, random_flows
from tests.report.built import LEARNT, METRICS, NAME, REPORTED, SCORED, WRONG, built_project, jobspecs_of
from tests.report.reading import Page

from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.jobspecs import JobSpecs, check_jobspecs, parse_jobspec
from ndr.contract.ledger import ledger_item, ledger_key
from ndr.contract.table_names import table_name
from ndr.contract.time import DAY, SLICE, Interval
from ndr.local.findings import found_findings
from ndr.report.collect import collect
from ndr.report.page import page
from ndr.report.write import write_report

NOW = datetime(2026, 1, 20, tzinfo=UTC)
LEDGER = [
    ledger_item(ledger_key("ndr-test", "v1", "fg_b", "7d", LEARNT.end), "completed"),
    ledger_item(ledger_key("ndr-test", "v1", "fg_b", "7d", LEARNT.end - DAY), "failed", reason="no luck"),
    ledger_item(ledger_key("another", "v1", "fg_b", "7d", LEARNT.end - 2 * DAY), "completed"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return built_project(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def read(project: Project) -> Page:
    return Page.of(page(collect(jobspecs_of(project), [], LEDGER, days=10, now=NOW)))


def rows_of(project: Project, dataset: str, table: str, query: str) -> list[tuple[object, ...]]:
    """The answer of a query over all files of a table; each partition of the project was published once."""
    files = sorted(map(str, (project.root / dataset).glob(f"**/{table}-*.parquet")))
    return duckdb.sql(f"WITH t AS (SELECT * FROM read_parquet({files})) {query}").fetchall()


def test_lines_of_a_host_are_its_features(project: Project, read: Page) -> None:
    found = rows_of(
        project, "fg_a", "fg_a",
        f"""SELECT host_ip, role, window_label, epoch(window_end), {", ".join(METRICS)} FROM t
            WHERE window_label = '1h' AND window_end > '{REPORTED.start}' AND window_end <= '{REPORTED.end}'""",
    )  # fmt: skip
    expected: dict[tuple[str, ...], np.ndarray] = {}
    for host, role, window, end, *values in found:
        slot = round((end - REPORTED.start.timestamp()) / 900) - 1  # type: ignore[operator]
        for metric, value in zip(METRICS, values, strict=True):
            expected.setdefault((host, metric, role, window), np.zeros(96))[slot] = float(f"{float(value):.3g}")  # type: ignore[arg-type, call-overload]
    drawn = read.drawn()
    assert expected
    for key, values in expected.items():
        assert drawn[key][0] == pytest.approx(values, rel=1e-9), key  # type: ignore[index]


def test_lines_of_a_baseline_are_fg_b(project: Project, read: Page) -> None:
    found = rows_of(
        project, "fg_b", "host",
        "SELECT host_ip, role, time_band, sessions_cnt_median, sessions_cnt_p95 FROM t WHERE window_label = '1h'",
    )  # fmt: skip
    drawn, bands = read.drawn(), read.hosts["bands"]
    pages = {row[0] for row in read.hosts["hosts"]}
    of_pages = [row for row in found if row[0] in pages]
    assert len(of_pages) > 20
    for host, role, band, median, p95 in of_pages:
        _, baseline = drawn[str(host), "sessions_cnt", str(role), "1h"]
        assert baseline[bands.index(band), 0] == pytest.approx([median, p95], rel=0.006)
        assert np.isnan(baseline[bands.index(band), 1]).all()  # no baseline of 30 days


def test_findings_are_those_of_fg_c_in_their_order(project: Project, read: Page) -> None:
    found = rows_of(
        project, "fg_c", "hosts",
        f"""SELECT host_ip, max(score), arg_max(sentence, (score, -epoch(window_end))) FROM t
            WHERE window_end > '{REPORTED.start}' GROUP BY 1""",
    )  # fmt: skip
    scored = [(row[0], row[4][0], row[4][4]) for row in read.hosts["hosts"]]
    assert {host: (pytest.approx(score, rel=1e-3), sentence) for host, score, sentence in found} == {
        host: (score, sentence) for host, score, sentence in scored
    }
    assert [score for _, score, _ in scored] == sorted((score for _, score, _ in scored), reverse=True)
    assert scored[0][1] > 0
    for row in read.hosts["hosts"]:
        assert sum(reason[-1] for reason in row[4][5]) == pytest.approx(row[4][0], abs=0.01)


def test_pairs_are_those_of_fg_c_once_each(project: Project, read: Page) -> None:
    found = rows_of(
        project, "fg_c", "pairs",
        f"""SELECT src_ip, dst_ip, dst_port, max(score) FROM t WHERE window_end > '{REPORTED.start}' GROUP BY ALL""",
    )  # fmt: skip
    told = {(row[0], row[1], row[2]): row[4] for row in read.hosts["pairs"]}
    assert len(told) == len(read.hosts["pairs"])
    assert read.hosts["pairs_scored"] == len(found)
    for source, destination, port, score in found:
        if (source, destination, port) in told:
            assert told[source, destination, port] == pytest.approx(score, abs=1e-3)


def test_coverage_is_that_of_each_day(read: Page) -> None:
    coverage = {name: [share for share, _ in days] for name, days in read.document["data"]["coverage"]}
    assert read.document["period"] == [(LEARNT.end - 9 * DAY).timestamp(), (LEARNT.end + DAY).timestamp()]
    for name in ("deltas", "fg_a", "pair_counts", "fg_c"):
        assert coverage[name] == [0, 0, *[1] * 7, pytest.approx(4 / 96, abs=1e-4)], name
    assert read.document["data"]["baseline_ends"] == [["7d", [[LEARNT.end.timestamp(), 1]]], ["30d", []]]


def test_quarantine_is_counted_by_reason(read: Page) -> None:
    data = read.document["data"]
    account = data["account"]
    assert account["quarantined"] == len(WRONG)
    assert account["in"] == account["used"] + account["quarantined"]
    assert [rows for _, rows, *_ in data["quarantine"]] == [2, 1]
    reasons = [example for _, _, _, example, *_ in data["quarantine"]]
    assert "nowhere" in reasons[0] or "source" in reasons[0]


def test_files_are_those_of_the_disk(project: Project, read: Page) -> None:
    told = {name: (files, rows, size) for name, _, files, rows, size, _ in read.document["data"]["files"]}
    for dataset, table in (("fg_a", "fg_a"), ("deltas", "deltas"), ("fg_c", "scores"), ("fg_b", "host")):
        files = list((project.root / dataset).glob(f"**/{table}-*.parquet"))
        rows = duckdb.sql(f"SELECT count(*) FROM read_parquet({sorted(map(str, files))})").fetchall()[0][0]
        name = f"{table_name(table)} 7d" if dataset == "fg_b" else table_name(table)
        assert told[name] == (len(files), rows, sum(each.stat().st_size for each in files))


def test_time_from_delivery_to_features_is_that_of_files_and_manifests(project: Project, read: Page) -> None:
    (delivered,) = (project.root / "integration").glob("20260117*/part-0.json")
    (manifest,) = (project.root / "fg_a" / "dt=2026-01-17").glob("*/_manifest.json")
    published = datetime.fromisoformat(json.loads(manifest.read_text())["published_at"])
    *_, last = read.document["data"]["deliveries"]
    assert last[0] == SCORED.start.timestamp()
    assert last[6] == pytest.approx(published.timestamp() - int(delivered.stat().st_mtime), abs=0.11)


def test_grid_has_the_ledger_of_the_project_alone(read: Page) -> None:
    assert read.document["operations"]["grid"] == [
        ["7d", (LEARNT.end - DAY).timestamp(), "failed", "no luck"],
        ["7d", LEARNT.end.timestamp(), "completed", None],
    ]


def test_what_changed_since_is_stale(tmp_path: Path) -> None:
    project = built_project(tmp_path)
    fresh = collect(jobspecs_of(project), [], [], days=10, now=NOW)
    assert fresh.stale == []
    assert [read.days_changed for lineage in fresh.lineages for read in lineage.reads] == [()] * 3
    changed = LEARNT.end - DAY
    again = Interval(changed, changed + SLICE)
    project.deliver(again, random_flows(again, 5, seed=9))
    project.deltas(again)
    stale = collect(jobspecs_of(project), [], [], days=10, now=NOW)
    assert {each.dataset for each in stale.stale} >= {"fg_a", "pair_counts", "fg_b 7d"}
    assert all("deltas" in each.inputs for each in stale.stale)
    reads = {read.dataset: read.days_changed for lineage in stale.lineages for read in lineage.reads}
    assert reads["deltas"] == (f"{changed:%Y-%m-%d}",)
    assert reads["fg_a"] == ()


def suppressing(project: Project, least: tuple[float, float], suppressions: dict[str, dict[str, str]]) -> JobSpecs:
    """The checked set with suppressions, and with `least` scores of hosts and of pairs as the thresholds."""
    items = {item["job_name"]: {**item} for item in project.table.items.values()}
    spec = items["fg_c_builder"]["spec"]
    findings = {"max_p_value": 1e-9, "min_score": least[0], "min_pair_score": least[1]}
    items["fg_c_builder"]["spec"] = {**spec, "findings": findings}
    owned = {"owner": "soc", "reason": "known", "expires": "2099-01-01T00:00:00Z"}
    given = {name: {**each, **owned} for name, each in suppressions.items()}
    items["suppressions"] = {
        **items["fg_c_builder"], "job_name": "suppressions", "spec": {"suppressions": given}, "job_name_version": None
    }  # fmt: skip
    for item in items.values():
        item.pop("job_name_version", None)
    return check_jobspecs(map(parse_jobspec, items.values()))


def test_findings_and_suppressions_are_those_of_the_command_in_the_same_order(project: Project, read: Page) -> None:
    scores = [row[4][0] for row in read.hosts["hosts"] if row[4][0]], [row[4] for row in read.hosts["pairs"] if row[4]]
    least = scores[0][len(scores[0]) // 2], scores[1][len(scores[1]) // 2]
    first, metric = read.hosts["hosts"][0][0], read.hosts["hosts"][1][4][5][0][0]
    destination = f"{read.hosts['pairs'][0][1]}/32"
    known = {
        "known": {"cidr": f"{first}/{128 if ':' in first else 32}"},
        "by-metric": {"metric": metric, "cidr": "10.0.0.0/8"},
        "by-destination": {"destination": destination},
    }
    for given in (
        {},
        {"known": known["known"]},
        {"by-metric": known["by-metric"]},
        {"by-destination": known["by-destination"]},
        known,
    ):
        jobspecs = suppressing(project, least, given)
        _, days = found_findings(jobspecs, "")
        told = Page.of(page(collect(jobspecs, [], [], days=10, now=NOW))).hosts
        listed = sorted((host for day in days for host in day.hosts), key=lambda each: -each.score)
        assert [(row[0], row[4][0], row[4][4]) for row in told["hosts"] if row[4][7]] == [
            (host.host_ip, pytest.approx(host.score, rel=1e-3), host.sentence) for host in listed
        ]
        pairs = sorted((pair for day in days for pair in day.pairs), key=lambda each: -each.score)
        assert [(*row[:3], row[4]) for row in told["pairs"] if row[12]] == [
            (*pair.entity, pytest.approx(pair.score, rel=1e-3)) for pair in pairs
        ]
        assert told["findings"] == [len(listed), len(pairs)]
        removed: Counter[str] = Counter()
        for each in (each for day in days for each in day.suppressed):
            removed[each.name] += each.findings
        assert {row[0]: row[4] for row in told["suppressed"]} == removed
        assert set(removed) == set(given)
        if len(given) == 1:
            assert all(removed.values()), "each suppression of this test removes something"
        if not given:
            assert len(listed) >= 3
            assert len(pairs) >= 2


def test_a_suppression_that_expired_removes_nothing(project: Project, read: Page) -> None:
    first = read.hosts["hosts"][0][0]
    jobspecs = suppressing(project, (1.0, 0.5), {"known": {"cidr": f"{first}/{128 if ':' in first else 32}"}})
    shown = [
        Page.of(page(collect(jobspecs, [], [], days=10, now=now))).hosts
        for now in (NOW, datetime(2100, 1, 1, tzinfo=UTC))
    ]
    assert [each["hosts"][0][0] == first for each in shown] == [False, True]


def test_without_data_it_says_what_to_do(tmp_path: Path) -> None:
    project = Project(tmp_path / "v1")
    with pytest.raises(InsufficientHistoryError, match="No deltas are published .* run `ndr run mini-batch` first"):
        write_report(jobspecs_of(project), [], [], (tmp_path / "report.html").as_uri())
    assert not (tmp_path / "report.html").exists()


def test_texts_of_logs_stay_data(project: Project, read: Page) -> None:
    html = page(collect(jobspecs_of(project), [], LEDGER, days=10, now=NOW))
    assert NAME in [row[1] for row in read.hosts["hosts"]]
    assert NAME not in html
    assert html.count("</script>") == 4


def test_project_without_scores_has_pages(tmp_path: Path) -> None:
    project = Project(tmp_path / "v1")
    day = Interval(LEARNT.start, LEARNT.start + DAY)
    project.deliver(day, random_flows(day, 300, seed=3))
    project.fifteen_minute_steps(day)
    found = Page.of(page(collect(jobspecs_of(project), [], [], days=2, now=NOW)))
    assert found.hosts["is_scored"] is False
    assert found.hosts["hosts"]
    assert found.hosts["day"] == [day.start.timestamp(), day.end.timestamp()]
    assert timedelta(seconds=found.hosts["day"][1] - found.hosts["day"][0]) == DAY
