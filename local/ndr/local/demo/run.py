"""The demo, from an empty directory to the findings of the last day."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.function_time import largest
from ministack_sagemaker.lifecycle import down as stop_account
from ndr.contract.errors import InsufficientHistoryError, InvalidRequestError, NdrError
from ndr.contract.jobspecs import DELTA_BUILDER, NETWORKS, check_jobspecs
from ndr.contract.time import DAY, Interval, floor_to, format_instant
from ndr.contract.wording import agreeing, counted
from ndr.findings import newest_findings
from ndr.local.commands.ingest import ingest_folder
from ndr.local.commands.jobspec import put_checked
from ndr.local.commands.run import raise_if_failed, run_machine
from ndr.local.commands.status import ledger_items, print_published
from ndr.local.console.follow import FollowedExecution
from ndr.local.console.progress import Progress
from ndr.local.console.tables import print_timeline
from ndr.local.demo.functions import print_functions
from ndr.local.demo.machine import check_engine, not_run
from ndr.local.demo.memory import PeakMemory
from ndr.local.demo.networks import put_shown_networks, with_internal
from ndr.local.demo.report import print_findings
from ndr.local.demo.traffic import Traffic, generated_folder, given_traffic, prepared
from ndr.local.deployment.create import deploy_stack, registered_pipelines, start_account
from ndr.local.deployment.deployment import Deployment, directory_option
from ndr.local.ingest import IngestReport
from ndr.local.jobspecs import DEMO_FILES, SCORES_FILE, deployed_values, read_jobspec_files
from ndr.local.reporting import report_of_deployment
from ndr.local.traffic import NETWORKS as SYNTHETIC_NETWORKS
from ndr.report.collect import DAYS

PROJECT: Final = "ndr-demo"
VERSION: Final = "v1"


@dataclass(frozen=True)
class DemoRequest:
    """The options of the demo.

    Attributes
    ----------
    directory : Path
        Folder with the files of the account.
    traffic : Path or None
        A folder of logs of any source. None generates the traffic of a synthetic network.
    engine : str
        local or spark.
    days, seed : int
        Days and seed of the generated traffic.
    time_zone : str or None
        IANA zone of the times that tell none.
    """

    directory: Path
    traffic: Path | None = None
    engine: str = "local"
    days: int = 35
    seed: int = 7
    time_zone: str | None = None


def run_demo(request: DemoRequest, lines: Progress) -> None:
    """Run the demo. The account keeps running afterwards, because its data is in memory.

    Raises
    ------
    NdrError
        A part of the demo failed. The error is that part's own.
    """
    check_engine(request.engine)
    given = given_traffic(request.traffic, request.directory, request.days, request.time_zone)
    memory = PeakMemory()
    directory = fresh_directory(request.directory)
    with prepared(given, generated_folder(directory), request.days, request.seed) as traffic:
        if request.traffic is None:
            lines.line(f"generate {counted(request.days, 'day')} of traffic of a synthetic network in the background")
        networks = SYNTHETIC_NETWORKS if request.traffic is None else ()
        deployment = _deployed(directory, request.engine, networks, lines)
        report = _fed(deployment, traffic, lines)
    covered = covered_days(report, datetime.now(UTC), lines)
    history, last_day = history_and_last_day(covered)
    runs = [("Timeline of mini_batch, the history", _batch(deployment, history, lines))]
    monthly = {"mode": "REGULAR", "horizon": "both", "inventory": True, "end": format_instant(history.end)}
    baselines = run_machine(deployment, "baselines", monthly, lines)
    runs.append(("Timeline of baselines (monthly)", baselines))
    if last_day:
        if baselines.status == "SUCCEEDED":
            _begin_scores(deployment, request.engine, lines)
        runs.append(("Timeline of mini_batch, the last day", _batch(deployment, last_day, lines)))
    _report(deployment, runs, baselines, lines)
    print_functions(lines.console, largest(directory))
    with lines.doing("write the report"):
        page = report_of_deployment(deployment, None, DAYS)
    _epilogue(request, covered, page, memory, lines)


def history_and_last_day(covered: Interval) -> tuple[Interval, Interval | None]:
    """Split the covered days: what the baselines are built from, and the day that is scored against them.

    A single day has no history, and is not scored.
    """
    split = covered.end - DAY
    if split == covered.start:
        return covered, None
    return Interval(covered.start, split), Interval(split, covered.end)


def _batch(deployment: Deployment, batch: Interval, lines: Progress) -> FollowedExecution:
    request = {"batch_start": format_instant(batch.start), "batch_end": format_instant(batch.end)}
    ended = run_machine(deployment, "mini_batch", request, lines)
    raise_if_failed(ended)
    return ended


def _begin_scores(deployment: Deployment, engine: str, lines: Progress) -> None:
    """Put the JobSpec of the scores: from now on mini-batches are scored. Before, there was no baseline to judge by."""
    with lines.doing("check and put the fg_c_builder JobSpec"):
        jobspecs = read_jobspec_files([SCORES_FILE], deployed_values(deployment, engine))
        put_checked(deployment.table("JobSpecTableName"), jobspecs)


def fresh_directory(directory: Path) -> Path:
    """Stop the account of an earlier demo, and empty the directory except for its caches.

    Raises
    ------
    InvalidRequestError
        An account started by `ndr up` runs in the directory.
    """
    directory = directory.resolve()
    try:
        made_by = Deployment.load(directory).made_by
    except (NdrError, AccountError):
        made_by = None
    if made_by == "up":
        raise InvalidRequestError(
            f"An account that `ndr up` started runs in {directory}, and the demo would replace it. Stop it with "
            "`ndr down`, or give the demo another directory: `ndr demo --directory .ndr-demo`."
        )
    stop_account(directory)
    shutil.rmtree(generated_folder(directory), ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _deployed(directory: Path, engine: str, networks: Sequence[str], lines: Progress) -> Deployment:
    with lines.doing("start an AWS account on this machine"):
        account = start_account(directory)
    deployment = deploy_stack(account, PROJECT, VERSION, "demo", lines)
    names = ", ".join(name for name, _ in registered_pipelines(deployment))
    lines.line(f"  registered by the deploy, through its function upsert_pipelines: {names}")
    files = [file for file in DEMO_FILES if file != SCORES_FILE]
    with lines.doing(f"check and put {counted(len(files), 'JobSpec')}"):
        jobspecs = [
            with_internal(jobspec, networks)
            for jobspec in read_jobspec_files(files, deployed_values(deployment, engine))
        ]
        check_jobspecs(jobspecs)
        put_checked(deployment.table("JobSpecTableName"), jobspecs)
    return deployment


def _fed(deployment: Deployment, traffic: Future[Traffic], lines: Progress) -> IngestReport:
    with lines.doing("wait for the traffic"):
        ready = traffic.result()
    _load_inventory(deployment, ready, lines)
    integration = deployment.jobspecs()[DELTA_BUILDER].spec.inputs.integration
    report = ingest_folder(ready.folder, integration, "1d", lines, time_zone=ready.time_zone)
    put_shown_networks(deployment.table("JobSpecTableName"), deployment.jobspecs()[NETWORKS], report, lines)
    return report


def _load_inventory(deployment: Deployment, traffic: Traffic, lines: Progress) -> None:
    if traffic.inventory is None:
        lines.line(
            f"{traffic.folder} has no inventory.csv: the machine inventory is empty, so hosts have no names and "
            "none is non-persistent.",
            "yellow",
        )
        return
    with lines.doing("load inventory.csv into the Redshift stand-in"):
        rows = deployment.warehouse.load_inventory(traffic.inventory)
    lines.line(f"  {counted(rows, 'machine')}")


def covered_days(report: IngestReport, now: datetime, lines: Progress) -> Interval:
    """Return the whole days of the mini-batches, up to the last midnight.

    Raises
    ------
    InsufficientHistoryError
        The logs have no connection before today.
    """
    today = floor_to(now, DAY)
    past = [batch.interval for batch in report.batches if batch.interval.end <= today]
    if not past:
        raise InsufficientHistoryError(
            "The logs hold no connection of a day that is over, so there is nothing to build baselines from."
        )
    if len(past) < len(report.batches):
        skipped = sum(batch.rows for batch in report.batches if batch.interval.end > today)
        lines.line(
            f"{counted(skipped, 'connection')} since {format_instant(today)} {agreeing(skipped, 'is', 'are')} "
            f"skipped: the day is not over.",
            "yellow",
        )
    return Interval(min(each.start for each in past), max(each.end for each in past))


def _report(
    deployment: Deployment,
    runs: Sequence[tuple[str, FollowedExecution]],
    baselines: FollowedExecution,
    lines: Progress,
) -> None:
    for title, ended in runs:
        print_timeline(lines.console, title, ended)
    short = [item["reason"] for item in ledger_items(deployment) if item.get("status") == "insufficient_history"]
    is_short = short and InsufficientHistoryError.__name__ in f"{baselines.error} {baselines.cause}"
    if baselines.status != "SUCCEEDED" and not is_short:
        raise_if_failed(baselines)
    print_published(lines.console, deployment)
    for reason in short:
        lines.line(f"Insufficient history, so not built: {reason}.", "yellow")
    try:
        with lines.doing("read the findings"):
            findings = newest_findings(deployment.jobspecs())
    except InsufficientHistoryError as error:
        lines.line(str(error), "yellow")
        return
    print_findings(lines.console, findings)


def _epilogue(request: DemoRequest, covered: Interval, page: Path, memory: PeakMemory, lines: Progress) -> None:
    for sentence in not_run(request.engine):
        lines.line(f"Not run: {sentence}", "dim")
    peak = f", peak memory {memory.peak_bytes / 2**30:.2f} GiB" if memory.peak_bytes else ""
    lines.line(f"Done in {lines.seconds:.0f} s{peak}.", "bold")
    first = format_instant(max(covered.start + DAY, covered.end - 7 * DAY))[:10]
    option = directory_option(request.directory)
    lines.line(f"The report of findings, data and executions is one page: {page}", "bold")
    lines.line("The account keeps running, because its data is in memory. Continue with:")
    lines.line(f"  ndr status{option}")
    lines.line(f"  ndr backfill {first} {format_instant(covered.end)[:10]}{option}")
    lines.line(f"  ndr down{option}")
