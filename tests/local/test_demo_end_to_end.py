"""`ndr demo` and the commands after it, each as its own process, as a person would run them."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.local.recomputation import KEY_METRICS, SLICES, baseline, window_rows
from tests.local.window_recomputation import windows
from tests.report.reading import Page

from ministack_sagemaker.deploy import sam_path
from ministack_sagemaker.lifecycle import Account, AccountError
from ministack_sagemaker.lifecycle import down as stop_account
from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PEER_DELTAS, fg_b_host, fg_b_tables
from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs import put_jobspec
from ndr.contract.time import DAY, Interval, format_instant
from ndr.local.console.progress import PIPED_SILENCE_SECONDS
from ndr.local.deployment.deployment import Deployment
from ndr.local.jobspecs import DEMO_FILES
from ndr.local.traffic import NETWORKS
from ndr.spark.engine import SPARK_JOBS
from ndr.spark.session import require_java
from ndr.store import storage
from ndr.store.catalog import newest_baseline
from ndr.store.publish import in_key_order, read_table
from ndr.store.scan import Scan

SAVED = ("files01", "mail01", "db01", "app01", "dc01", "backup01")
"""The servers of the synthetic network that are backed up each night, and the one that keeps the backups."""
PROJECT = Path(__file__).parents[2]
DAYS = 9
END = datetime(2026, 2, 1, tzinfo=UTC)
BASELINE_END = END - DAY
"""The last day is scored, so the baselines end before it."""


def ndr(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", "ndr.local.cli", *arguments, "--directory", str(directory)]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    try:
        sam_path(PROJECT)
    except AccountError as error:
        pytest.skip(str(error))
    folder: Path = tmp_path_factory.mktemp("demo")
    yield folder
    stop_account(folder)


@pytest.fixture(scope="module")
def shown(directory: Path) -> str:
    """What the demo printed."""
    ran = ndr(directory, "demo", "--days", str(DAYS))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def ground_truth(shown: str, directory: Path) -> dict[str, Any]:
    return json.loads((directory / "traffic" / "ground_truth.json").read_text())


def section(text: str, title: str) -> str:
    """Return a table: from its title to the blank line after its rows."""
    lines = text[text.index(title) :].splitlines()
    rule = next(number for number, line in enumerate(lines) if "───" in line)
    end = next((number for number in range(rule + 1, len(lines)) if not lines[number].strip()), len(lines))
    return "\n".join(lines[:end])


def published(directory: Path) -> tuple[dict[str, pa.Table], set[str]]:
    """Every table that is published, its rows in the order of its key; and the runs that published them."""
    account, specs = Account.load(directory), Deployment.load(directory).jobspecs()
    with pytest.MonkeyPatch.context() as environment:
        for name, value in account.environment().items():
            environment.setenv(name, value)
        storage.forget_clients()
        days = Interval(END - DAYS * DAY, END)
        outputs = [
            (specs["delta_builder"].spec.outputs.deltas, [DELTAS, PEER_DELTAS]),
            (specs["fg_a_builder"].spec.outputs.fg_a, [FG_A]),
            (specs["pair_counts_builder"].spec.outputs.pair_counts, [PAIR_COUNTS]),
        ]
        scans = [Scan.of(uri, dataset, days) for uri, datasets in outputs for dataset in datasets]
        tables = {scan.dataset.name: in_key_order(scan.read(), scan.dataset) for scan in scans}
        spec = specs["fg_b_builder"].spec
        partition = newest_baseline(spec.outputs.fg_b, "7d", BASELINE_END)
        assert partition is not None
        for dataset in fg_b_tables(spec.metrics):
            tables[dataset.name] = in_key_order(read_table(partition.uri, partition.manifest, dataset), dataset)
        storage.forget_clients()
    runs = {piece.partition.manifest.run_id for scan in scans for piece in scan.pieces}
    return tables, runs | {partition.manifest.run_id}


def test_demo_ends_with_its_report(shown: str, directory: Path) -> None:
    place = directory / "report.html"
    assert f"The report of findings, data and executions is one page: {place}" in shown
    document = Page.of(place.read_text()).document
    first = section(shown, "Findings: hosts").splitlines()
    (top,) = [line for line in first if document["hosts"]["hosts"][0][0] in line]
    (score,) = re.findall(r" (\d+\.\d) ", top)[:1]
    assert float(score) == pytest.approx(document["hosts"]["hosts"][0][4][0], abs=0.06)
    assert [each["machine"] for each in document["operations"]["executions"]] == [
        "mini_batch",
        "baselines",
        "mini_batch",
    ]
    assert all(each["polls"] and each["spans"] for each in document["operations"]["executions"])


def test_report_prints_its_path(shown: str, directory: Path, tmp_path: Path) -> None:
    ran = ndr(directory, "report", "--json", "--out", str(tmp_path / "r.html"), "--days", "2")
    assert json.loads(ran.stdout) == {
        "path": str(tmp_path / "r.html"),
        "bytes": (tmp_path / "r.html").stat().st_size,
    }, ran.stderr


def test_injected_attacks_are_on_top(shown: str, ground_truth: dict[str, Any]) -> None:
    pairs, hosts = section(shown, "Findings: pairs"), section(shown, "Findings: hosts")
    assert [attack["kind"] for attack in ground_truth["attacks"]] == ["beacon", "exfiltration"]
    first_two = [line for line in pairs.splitlines() if line.lstrip().startswith("10.20.")][:2]
    for attack in ground_truth["attacks"]:
        assert any(attack["host_ip"] in line and attack["machine_name"] in line for line in first_two), pairs
        assert f"{attack['peer_ip']}" in pairs
    listed = [host for host, _ in listed_hosts(hosts)]
    assert listed[0] == ground_truth["attacks"][1]["host_ip"]
    assert len(set(listed)) == len(listed) <= 10


def test_of_the_backups_only_a_full_one_of_saturday_is_listed(shown: str, directory: Path) -> None:
    # The last day is a Saturday, and nine days hold one more: full backups are not usual yet, nightly ones are.
    with (directory / "traffic" / "inventory.csv").open() as file:
        saved = {row["ip_address"] for row in csv.DictReader(file) if row["machine_name"].removeprefix("SRV-") in SAVED}
    assert len(saved) == len(SAVED)
    listed = {host: reason for host, reason in listed_hosts(section(shown, "Findings: hosts")) if host in saved}
    assert len(listed) <= 1, listed
    assert all(re.match(r"bytes_sent_sum \(outbound, (8|24)h\) \S+ GB, ", reason) for reason in listed.values()), listed


def test_the_findings_of_the_demo_are_those_in_the_files_for_a_siem(
    shown: str, directory: Path, ground_truth: dict[str, Any]
) -> None:
    exported = ndr(directory, "findings", "--format", "ocsf")
    assert exported.returncode == 0, exported.stderr
    s3, bucket = Account.load(directory).client("s3"), Deployment.load(directory).data_bucket
    found = [json.loads(line) for line in exported.stdout.splitlines()]
    for form in ("ocsf", "ecs"):
        key = f"v1/findings/{form}/dt=2026-01-31/20260131T000000Z-PT1440M.jsonl"
        told = [json.loads(line) for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
        details = [each["unmapped"] for each in told] if form == "ocsf" else [each["ndr"] for each in told]
        assert sorted(each["score"] for each in details) == sorted(each["unmapped"]["score"] for each in found)
    hosts = [each["device"]["ip"] for each in found if each["unmapped"]["kind"] == "host"]
    pairs = {each["evidences"][0]["dst_endpoint"]["ip"] for each in found if each["unmapped"]["kind"] == "pair"}
    assert ground_truth["attacks"][1]["host_ip"] in hosts
    assert {attack["peer_ip"] for attack in ground_truth["attacks"]} <= pairs


def listed_hosts(table: str) -> list[tuple[str, str]]:
    """Return the hosts of the findings in their order, each with the first line of its reasons."""
    return re.findall(r"^ (\S+) +\S+ +\d\d:\d\d +\S+ +\S+ +(\S.*?) *$", table, re.MULTILINE)


def test_published_baselines_equal_a_recomputation_from_the_raw_logs(shown: str, directory: Path) -> None:
    specs = Deployment.load(directory).jobspecs()
    spec, end = specs["fg_b_builder"].spec, BASELINE_END
    with pytest.MonkeyPatch.context() as environment:
        for name, value in Account.load(directory).environment().items():
            environment.setenv(name, value)
        partition = newest_baseline(spec.outputs.fg_b, "7d", end)
        assert partition is not None
        published = read_table(partition.uri, partition.manifest, fg_b_host(spec.metrics)).to_pylist()
    stop = end - spec.safety_gap.of("7d")
    rows = window_rows(directory / "traffic", "10.20.1.", stop - timedelta(days=7), stop)
    compared = 0
    for row in published:
        if row["host_ip"] not in ("10.20.1.20", "10.20.1.25", "10.20.1.31") or row["window_label"] not in SLICES:
            continue
        by_host = rows[row["role"], row["time_band"], row["window_label"]]
        assert row["rows_cnt"] == len(by_host[row["host_ip"]])
        for metric in KEY_METRICS:
            for statistic, value in baseline(by_host[row["host_ip"]], metric, SLICES[row["window_label"]]).items():
                assert row[f"{metric}_{statistic}"] == pytest.approx(value, rel=1e-12, abs=0), (row["host_ip"], metric)
                compared += 1
    assert compared > 200


def test_published_windows_equal_a_recomputation_from_the_raw_logs(shown: str, directory: Path) -> None:
    spec, start = Deployment.load(directory).jobspecs()["fg_a_builder"].spec, END - DAYS * DAY
    ends = [start + timedelta(hours=10), start + timedelta(days=3, hours=14, minutes=15), END]
    with pytest.MonkeyPatch.context() as environment:
        for name, value in Account.load(directory).environment().items():
            environment.setenv(name, value)
        scans = [Scan.of(spec.outputs.fg_a, FG_A, Interval(end - timedelta(minutes=15), end)) for end in ends]
        rows = [row for scan in scans for row in scan.read().to_pylist() if row["host_ip"].startswith("10.20.1.")]
    expected = windows(directory / "traffic", "10.20.1.", start, ends)
    assert len(rows) == len(expected) > 100
    for row in rows:
        key = (row["host_ip"], row["role"], row["window_label"], row["window_end"])
        assert {name: row[name] for name in expected[key]} == expected[key], key
    assert {each["window_coverage"] for each in expected.values()} == {10 / 24, 1.0}
    assert {each["lookback_days"] for each in expected.values()} == {0, 2, 3, DAYS - 1}


def test_every_connection_is_accounted_for(shown: str) -> None:
    assert f"internal networks: {', '.join(NETWORKS)}" in shown
    ingested = re.search(
        rf"([\d,]+) rows of {DAYS} logs: ([\d,]+) flows in {DAYS} mini-batches, 0 rejected, 0 not flows", shown
    )
    assert ingested
    assert ingested[1] == ingested[2]
    assert f"rows in {ingested[1]} = used {ingested[1]} + quarantined 0" in shown


def test_timelines_name_states_pipelines_and_steps(shown: str) -> None:
    history, monthly = section(shown, "Timeline of mini_batch, the history"), section(shown, "Timeline of baselines")
    scored = section(shown, "Timeline of mini_batch, the last day")
    for name in (
        "Plan",
        "RunMiniBatch",
        "ndr-15m-pipeline",
        "DeltaBuilderStep",
        "FGABuilderStep",
        "PairCountsBuilderStep",
    ):
        assert name in history
    for name in ("UnloadInventory", "MachineInventoryUnloadStep", "BuildBaselines", "FGBaselineBuilderStep", "Done"):
        assert name in monthly
    assert "FGCCorrBuilderStep" in scored
    assert "FGCCorrBuilderStep" not in history
    assert "failed" not in history + monthly + scored


def test_horizon_longer_than_the_data_is_a_sentence(shown: str) -> None:
    assert f"Insufficient history, so not built: 30d ending {format_instant(BASELINE_END)}: " in shown
    assert "fg_b_host 7d" in section(shown, "Published")
    assert " 30d " not in section(shown, "Published")


def test_line_at_least_every_half_a_minute(shown: str) -> None:
    seconds = [float(found) for found in re.findall(r"^ *(\d+\.\d) s  ", shown, re.MULTILINE)]
    assert seconds == sorted(seconds)
    silence = [later - earlier for earlier, later in pairwise([0.0, *seconds])]
    assert max(silence) < PIPED_SILENCE_SECONDS + 10


@pytest.fixture(scope="module")
def backfill(shown: str, directory: Path) -> str:
    """What a backfill after the demo printed."""
    ran = ndr(directory, "backfill", "2026-01-31", "2026-02-02", "--horizon", "7d")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_backfill_and_status_go_on_from_the_demo(backfill: str, directory: Path) -> None:
    assert "1 baseline built." in backfill
    assert 'write "reprocess": "completed" to build it' in backfill
    status = ndr(directory, "status")
    assert status.returncode == 0, status.stderr
    ledger = section(status.stdout, "Ledger")
    assert "completed" in ledger
    assert "insufficient_history" in ledger


def test_sql_counts_the_deltas_that_status_shows(shown: str, directory: Path) -> None:
    counted = ndr(directory, "sql", "select count(*) as n from deltas", "--json")
    assert counted.returncode == 0, counted.stderr
    ((rows,),) = (row.values() for row in json.loads(counted.stdout)["rows"])
    published = json.loads(ndr(directory, "status", "--json").stdout)["published"]
    assert [table["rows"] for table in published if table["dataset"] == "deltas"] == [rows]


def test_refused_request_is_its_sentence(shown: str, directory: Path) -> None:
    refused = ndr(directory, "backfill", "2026-02-01", "2026-01-01")
    assert refused.returncode == 1
    assert "PipelineFailedError" not in refused.stderr
    assert refused.stderr.startswith("InvalidRequestError: ")
    assert "start must be before end" in " ".join(refused.stderr.split())
    assert "Traceback" not in refused.stderr


def test_up_keeps_what_the_demo_made_and_the_demo_keeps_what_up_made(shown: str, directory: Path) -> None:
    kept = ndr(directory, "up")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert "ndr-machine-inventory-unload" in section(kept.stdout, "Pipelines")
    assert "completed" in ndr(directory, "status").stdout
    refused = ndr(directory, "demo")
    assert refused.returncode == 1
    assert "the demo would replace it" in " ".join(refused.stderr.split())


def test_jobspecs_are_in_the_table(shown: str, directory: Path) -> None:
    listed = ndr(directory, "jobspec", "list")
    assert listed.stdout.count("ndr-demo") == len(DEMO_FILES)


def shown_metrics(directory: Path) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Metrics of our own that the deployed dashboard and alarms show, with their dimensions."""
    cloudwatch = Deployment.load(directory).client("cloudwatch")
    (entry,) = cloudwatch.list_dashboards()["DashboardEntries"]
    widgets = json.loads(cloudwatch.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"])["widgets"]
    found = set()
    for row in (row for widget in widgets for row in widget["properties"].get("metrics", [])):
        words = [word for word in row if isinstance(word, str)]
        if words[:1] == ["ndr"]:
            found.add((words[1], frozenset(zip(words[2::2], words[3::2], strict=True))))
        elif not words:
            search = re.search(
                r"SEARCH\('{ndr,([^}]+)} MetricName=\"(\w+)\" project=\"([^\"]+)\"", row[0]["expression"]
            )
            assert search, row
            assert search[1].startswith("project,")
            found.add((search[2], frozenset({("project", search[3])})))
    for alarm in cloudwatch.describe_alarms()["MetricAlarms"]:
        if alarm["Namespace"] == "ndr":
            found.add((alarm["MetricName"], frozenset((one["Name"], one["Value"]) for one in alarm["Dimensions"])))
    return found


def test_dashboard_and_alarms_show_metrics_that_were_emitted(backfill: str, directory: Path) -> None:
    refuse_a_request(directory)
    listed = Deployment.load(directory).client("cloudwatch").list_metrics(Namespace="ndr")["Metrics"]
    emitted = {
        (metric["MetricName"], frozenset((one["Name"], one["Value"]) for one in metric["Dimensions"]))
        for metric in listed
    }
    wanted = shown_metrics(directory)
    assert len(wanted) >= 15

    def is_emitted(name: str, dimensions: frozenset[tuple[str, str]]) -> bool:
        # Eight days hold no 30-day baseline, and no compaction has run; the same lines count the others.
        counted = {("horizon", "30d"): ("horizon", "7d"), ("job", "compaction"): ("job", "fg_a_builder")}
        same = {counted.get(one, one) for one in dimensions}
        return any(name == other and (dimensions <= its or same <= its) for other, its in emitted)

    missing = {name for name, dimensions in wanted if not is_emitted(name, dimensions)}
    assert missing <= {"EventsNotSent"}, "EventBridge refuses nothing here, and this one is counted when it does"


def refuse_a_request(directory: Path) -> None:
    """Start an execution that plan_run refuses, and wait for its end."""
    deployment = Deployment.load(directory)
    states = deployment.client("stepfunctions")
    machine = deployment.machines["baselines"]
    arn = states.start_execution(stateMachineArn=machine, input='{"mode": "SIDEWAYS"}')["executionArn"]
    patience = time.monotonic() + 60
    while (ended := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert (ended["status"], ended["error"]) == ("FAILED", "InvalidRequestError")


def log_lines(directory: Path, group: str, words: str) -> list[dict[str, Any]]:
    """JSON log lines of a group that hold a text, without metrics."""
    pages = Deployment.load(directory).client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    texts = [event["message"] for page in pages for event in page["events"] if words in event["message"]]
    lines = [json.loads(text) for text in texts if text.startswith("{")]
    return [line for line in lines if "_aws" not in line]


def test_an_executions_events_lead_to_the_log_lines_of_its_jobs_by_ids_alone(shown: str, directory: Path) -> None:
    deployment = Deployment.load(directory)
    states = deployment.client("stepfunctions")

    def events(execution: str) -> str:
        """The history: with log level ALL, CloudWatch Logs holds the same events, which this account does not write."""
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        return json.dumps([event for page in pages for event in page["events"]], default=str)

    def executions(machine: str) -> list[str]:
        listed = states.list_executions(stateMachineArn=deployment.machines[machine])["executions"]
        return [one["executionArn"] for one in listed]

    execution = executions("mini_batch")[-1]
    (nested,) = [arn for arn in executions("run_pipeline") if execution in events(arn)]
    pipeline_executions = set(re.findall(r"arn:aws:sagemaker:[^\"\\]+:pipeline/[^\"\\]+/execution/\w+", events(nested)))
    (pipeline_execution,) = pipeline_executions

    lines = log_lines(directory, "/aws/sagemaker/ProcessingJobs", pipeline_execution)
    assert {line["service"] for line in lines} == {"delta_builder", "fg_a_builder", "pair_counts_builder"}
    assert {line["pipeline_execution"] for line in lines} == {pipeline_execution}
    assert len({line["mini_batch_id"] for line in lines}) == 1
    assert all(line["processing_job"].startswith("pipelines-") for line in lines)
    assert {"started", "published", "finished"} <= {line["message"] for line in lines}

    groups = deployment.client("logs").describe_log_groups()["logGroups"]
    planned = [
        line
        for group in groups
        if "PlanRun" in group["logGroupName"]
        for line in log_lines(directory, group["logGroupName"], execution)
    ]
    assert {line["execution"] for line in planned} == {execution}
    assert [line["kind"] for line in planned] == ["mini_batch", "report_mini_batch"]


def test_spark_publishes_what_the_demo_published(shown: str, directory: Path) -> None:
    try:
        require_java()
    except InvalidRequestError as error:
        pytest.skip(str(error))
    expected, earlier = published(directory)
    deployment = Deployment.load(directory)
    for name, jobspec in deployment.jobspecs().items():
        if name in SPARK_JOBS:
            on_spark = jobspec.spec.model_copy(update={"engine": "spark"})
            put_jobspec(deployment.table("JobSpecTableName"), jobspec.model_copy(update={"spec": on_spark}))
    batch = ("--start", format_instant(END - DAYS * DAY), "--end", format_instant(END))
    for command in (
        ("run", "mini-batch", *batch),
        ("backfill", "2026-01-31", "2026-02-01", "--horizon", "7d", "--reprocess", "completed"),
    ):
        ran = ndr(directory, *command)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    found, runs = published(directory)
    assert not runs & earlier
    assert [name for name, table in found.items() if not table.equals(expected[name])] == []
    assert all(table.num_rows for table in found.values())
