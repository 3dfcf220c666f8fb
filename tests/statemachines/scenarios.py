"""Every scenario that the machines' tests look at, run once for the whole session."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.statemachines.machines import Machines, Run
from tests.statemachines.publications import put_waiting

from ministack_sagemaker.faults import inject
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import queue_of_events, received, subscribed_queue
from ndr.contract.events import SOURCE
from ndr.contract.ledger import ledger_key
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE, MINI_BATCH_PIPELINE
from ndr.contract.time import DAY, SLICE, Interval, day_text, floor_to, mini_batch_id, parse_instant
from ndr.planner import find_running

WEEK = {"mode": "BACKFILL", "start": "2026-01-05", "end": "2026-01-12"}
NOTHING = {"mode": "BACKFILL", "project_name": "gappy", "horizon": "30d", "start": "2026-01-12", "end": "2026-01-13"}
EMPTY = {"project_name": "slices", "batch_start": "2026-01-05", "batch_end": "2026-01-07"}
TOKEN = "a token of the caller's, long enough for SageMaker"


def steerable(behaviour: str, **more: Any) -> dict[str, Any]:
    """An input of `run_pipeline`."""
    flag = more.pop("flag", "none")
    parameters = {"Behaviour": behaviour, "Flag": str(flag), **more.pop("parameters", {})}
    return {"pipeline_name": "ndr-steerable", "parameters": parameters, **more}


def batch_of(project: str) -> dict[str, Any]:
    """An input of `run_pipeline` for a project's 15-minute pipeline."""
    parameters = {"ProjectName": project, "FeatureSpecVersion": "v1"}
    return {"pipeline_name": MINI_BATCH_PIPELINE, "parameters": parameters}


WAITING = {"told": 12, "doomed": 1, "refused": 2, "unsent": 2, "untaken": 1}
"""Events that wait in the ledger, by project."""


@dataclass(frozen=True)
class Scenarios:
    """What was run, by name, and the messages that the failure topic and the events that the bus got meanwhile."""

    runs: dict[str, tuple[str, Run]]
    messages: list[dict[str, Any]]
    events: list[dict[str, Any]]

    def __getitem__(self, name: str) -> Run:
        return self.runs[name][1]

    @classmethod
    def run(cls, account: Account, stack: dict[str, str], machines: Machines, flags: Path) -> Scenarios:
        """Run them all: those that leave each other alone side by side, the others in order."""
        queue = subscribed_queue(account, "failures", stack["FailureTopicArn"])
        _complete(account, stack["LedgerTableName"])
        _hold(account, stack["LedgerTableName"])
        _make_stale(account, stack["LedgerTableName"])
        _deliver(account, stack)
        events = queue_of_events(account, "publications", {"source": [SOURCE]})
        for project, count in WAITING.items():
            put_waiting(account.table(stack["LedgerTableName"]), project, count)
        plain: dict[str, tuple[str, Callable[[], Run]]] = {}
        for name, (machine, request) in _requests().items():
            plain[name] = machine, lambda machine=machine, request=request: machines.run(machine, request)
        for name, (machine, found, replacement, request) in {**_amputations(stack), **_redriven()}.items():
            copy = machines.copy(machine, found, replacement)
            plain[name] = machine, lambda copy=copy, request=request: machines.run(copy, request)
        with ThreadPoolExecutor(3) as pool:
            pending = {name: (machine, pool.submit(start)) for name, (machine, start) in plain.items()}
        runs = {name: (machine, future.result()) for name, (machine, future) in pending.items()}
        for name, run in _in_order(account, machines, flags):
            runs[name] = "run_pipeline", run
        for left in LEFT:
            runs |= {f"{left.name}, {word}": (left.machine, run) for word, run in left.runs(machines, flags).items()}
        for name, run in {**_twins(machines, flags), **_changed_files(account, stack, machines, flags)}.items():
            runs[name] = "mini_batch", run
        messages = [message for message in received(account, queue) if message["Type"] == "Notification"]
        return cls(runs, messages, received(account, events))


def _twins(machines: Machines, flags: Path) -> dict[str, Run]:
    """Start one batch twice at once; its job goes on when both follow a pipeline execution."""
    request = {"project_name": "left-twins", "batch_start": "2026-01-05", "batch_end": "2026-01-06"}
    with ThreadPoolExecutor(2) as pool:
        twins = list(pool.map(lambda number: machines.start("mini_batch", request), range(2)))
    _until(lambda: all("RunMiniBatch" in machines.so_far(twin).entered() for twin in twins))
    (flags / "go-left-twins").touch()
    return {f"twin {number}": machines.ended(twin) for number, twin in enumerate(twins)}


def _changed_files(account: Account, stack: dict[str, str], machines: Machines, flags: Path) -> dict[str, Run]:
    """Replace a file of a batch while the batch runs, and ask for the batch again."""
    day = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-06"))
    request = {"project_name": "left-files", "mini_batch_id": mini_batch_id(day)}
    key = f"left-files/integration/{mini_batch_id(day)}/part-0.json"
    first = machines.start("mini_batch", request)
    _until(lambda: len(running_of(account, MINI_BATCH_PIPELINE, "left-files")) == 1)
    account.client("s3").put_object(Bucket=stack["DataBucketName"], Key=key, Body=b"")
    again = machines.start("mini_batch", request)
    _until(lambda: "WaitForOther" in machines.so_far(again).entered())
    (flags / "go-left-files").touch()
    return {"files, first": machines.ended(first), "files, again": machines.ended(again)}


def _requests() -> dict[str, tuple[str, dict[str, Any]]]:
    return {
        "succeeds": ("run_pipeline", steerable("succeed")),
        "one instance": ("run_pipeline", steerable("succeed", parameters={"ProcessingInstanceCount": "1"})),
        "instances": ("run_pipeline", steerable("succeed", parameters={"ProcessingInstanceCount": "2"})),
        "instances, image": (
            "run_pipeline",
            steerable("succeed", parameters={"ProcessingInstanceCount": "2", "ProcessingImageUri": "own:3"}),
        ),
        "fails": ("run_pipeline", steerable("unlucky")),
        "overruns": ("run_pipeline", steerable("sleep", deadline_seconds=1)),
        "absent": ("run_pipeline", {"pipeline_name": "ndr-absent"}),
        "misparametrised": ("run_pipeline", {"pipeline_name": "ndr-steerable", "parameters": {"Nonsense": "1"}}),
        "nameless": ("run_pipeline", {}),
        "events": ("run_pipeline", batch_of("told")),
        "events, failed": ("run_pipeline", batch_of("doomed")),
        "dry": ("baselines", {**WEEK, "dry_run": True}),
        "nightly": ("baselines", {"horizon": "7d"}),
        "monthly": ("baselines", {"horizon": "both", "inventory": True, "end": "2026-02-01"}),
        "no inventory": ("baselines", {"project_name": "unlucky", "inventory": True}),
        "partly": (
            "baselines",
            {**WEEK, "project_name": "partly", "horizon": "7d", "window_days": 3, "reprocess": "completed"},
        ),
        "built": ("baselines", {**WEEK, "project_name": "built", "horizon": "7d"}),
        "held": ("baselines", {**WEEK, "project_name": "held", "horizon": "7d", "reprocess": "completed"}),
        "short": ("baselines", {"project_name": "gappy", "horizon": "30d", "end": "2026-01-12"}),
        "nothing": ("baselines", NOTHING),
        "empty": ("mini_batch", EMPTY),
        "filled": (
            "baselines",
            {"project_name": "gappy", "horizon": "7d", "end": "2026-01-12", "fill_upstream": True},
        ),
        "unfilled": (
            "baselines",
            {"project_name": "doomed", "horizon": "7d", "end": "2026-01-12", "fill_upstream": True},
        ),
        "changed": ("baselines", {"project_name": "changed", "horizon": "7d", "end": "2026-02-10"}),
        "late": ("baselines", {"mode": "LATE", "project_name": "tardy"}),
        "compacted": ("baselines", {"mode": "LATE", "project_name": "slices"}),
        "compaction fails": ("baselines", {"mode": "LATE", "project_name": "doomed"}),
        "refused": ("baselines", {"mode": "BACKFIL"}),
        "unknown project": ("baselines", {"project_name": "nobody"}),
        "batch": ("mini_batch", {"batch_start": "2026-01-05", "batch_end": "2026-01-06"}),
        "last slice": ("mini_batch", {}),
        "dry batch": ("mini_batch", {"dry_run": True}),
        "arrived elsewhere": ("mini_batch", {"arrived": {"bucket": "elsewhere", "key": "part-0.json"}}),
        "batch refused": ("mini_batch", {"batch_start": "2026-01-05"}),
        "batch fails": ("mini_batch", {"project_name": "unlucky"}),
    }


def _amputations(stack: dict[str, str]) -> dict[str, tuple[str, str, str, dict[str, Any]]]:
    """Machines without a function or a topic that they call, or that ask a function for what it does not do."""
    explain, topic = stack["ExplainFailureFunctionName"], stack["FailureTopicArn"]
    gone = {name: f"{name[:-4]}gone" for name in (explain, topic)}
    return {
        "unexplained": ("run_pipeline", explain, gone[explain], steerable("unlucky")),
        "unexplained overrun": ("run_pipeline", explain, gone[explain], steerable("sleep", deadline_seconds=1)),
        "events refused": ("run_pipeline", "'ndr.pipelines'", "'aws.pipelines'", batch_of("refused")),
        "events not taken": ("run_pipeline", '"events",', '"evints",', batch_of("untaken")),
        "untold": ("baselines", topic, gone[topic], {"mode": "BACKFIL"}),
        "untold compaction": ("baselines", topic, gone[topic], {"mode": "LATE", "project_name": "doomed"}),
        "untold batch": ("mini_batch", topic, gone[topic], {"batch_start": "2026-01-05"}),
        "untold nothing": ("baselines", topic, gone[topic], NOTHING),
        "untold empty": ("mini_batch", topic, gone[topic], {**EMPTY, "batch_start": "2026-01-06"}),
        "unreported batch": (
            "mini_batch",
            '"report_mini_batch"',
            '"raport"',
            {"batch_start": "2026-01-07", "batch_end": "2026-01-08"},
        ),
        "bug": ("baselines", '"baselines"', '"bazelines"', {}),
        "bug, batch": ("mini_batch", '"mini_batch"', '"mini_bach"', {}),
        "unreported": ("baselines", '"report"', '"raport"', {"project_name": "silent", "end": "2026-02-03"}),
    }


def _redriven() -> dict[str, tuple[str, str, str, dict[str, Any]]]:
    """Machines that find themselves redriven when they have failed: the embedded account has no RedriveExecution."""
    found = "[$states.context.Execution.RedriveCount, 0][0] > $failure.Redrives"
    return {
        "redriven": ("baselines", found, "true", {**WEEK, "project_name": "flaky", "horizon": "7d", "window_days": 3}),
        "redriven batch": ("mini_batch", found, "true", {"project_name": "flaky"}),
    }


def _in_order(account: Account, machines: Machines, flags: Path) -> list[tuple[str, Run]]:
    """Scenarios that order faults or share a token."""
    runs = []
    flag = flags / "flag"
    request = steerable("fail-without", flag=flag, client_request_token=TOKEN)
    runs.append(("token, first", machines.run("run_pipeline", request)))
    flag.touch()
    runs.append(("token, mended", machines.run("run_pipeline", request)))
    runs.append(("token, again", machines.run("run_pipeline", request)))

    def fault(operation: str, error: str, times: int = 1) -> None:
        inject(account.directory, "sagemaker", operation, error, times)

    fault("StartPipelineExecution", "ThrottlingException", 3)
    fault("DescribePipelineExecution", "ThrottlingException", 3)
    runs.append(("throttled", machines.run("run_pipeline", steerable("succeed"))))
    fault("DescribePipelineExecution", "ResourceNotFound", 2)
    runs.append(("late to appear", machines.run("run_pipeline", steerable("succeed"))))
    fault("StartPipelineExecution", "ResourceLimitExceeded", 2)
    runs.append(("crowded out", machines.run("run_pipeline", steerable("succeed"))))
    fault("DescribePipelineExecution", "AccessDeniedException")
    runs.append(("unseen", machines.run("run_pipeline", steerable("succeed"))))
    fault("StopPipelineExecution", "AccessDeniedException")
    runs.append(("unstoppable", machines.run("run_pipeline", steerable("sleep", deadline_seconds=1))))

    inject(account.directory, "events", "PutEvents", "ThrottlingException", 2)
    inject(account.directory, "events", "PutEvents", "AccessDeniedException")
    runs.append(("events, unsent", machines.run("run_pipeline", batch_of("unsent"))))
    runs.append(("events, sent later", machines.run("run_pipeline", batch_of("unsent"))))

    def at_work(behaviour: str) -> str:
        started = account.client("sagemaker").start_pipeline_execution(
            PipelineName="ndr-steerable", PipelineParameters=[{"Name": "Behaviour", "Value": behaviour}]
        )
        return str(started["PipelineExecutionArn"])

    for name, behaviour in (("followed", "succeed"), ("followed, failed before", "unlucky")):
        request = steerable("succeed", pipeline_execution_arn=at_work(behaviour))
        runs.append((name, machines.run("run_pipeline", request)))
    return runs


@dataclass(frozen=True)
class Left:
    """Work that an aborted execution leaves: its project's jobs wait until they are told to go on.

    Attributes
    ----------
    state
        The state that follows what was left, when the same request is started again.
    executions
        How many pipeline executions are at work when the execution is aborted.
    """

    name: str
    machine: str
    request: dict[str, Any]
    pipeline: str
    state: str
    executions: int = 1

    @property
    def project(self) -> str:
        return self.name.replace(" ", "-")

    def runs(self, machines: Machines, flags: Path) -> dict[str, Run]:
        """Abort an execution, plan its request once more without starting anything, and start it again."""
        request = {**self.request, "project_name": self.project}
        aborted = machines.start(self.machine, request)
        _until(lambda: len(running_of(machines.account, self.pipeline, self.project)) == self.executions)
        machines.states.stop_execution(executionArn=aborted)
        dry = machines.run(self.machine, {**request, "dry_run": True})
        again = machines.start(self.machine, request)
        _until(lambda: self.state in machines.so_far(again).entered())
        (flags / f"go-{self.project}").touch()
        return {"aborted": machines.ended(aborted), "dry": dry, "again": machines.ended(again)}


LEFT = (
    Left(
        "left windows",
        "baselines",
        {**WEEK, "horizon": "7d", "window_days": 4, "max_concurrency": 2},
        FG_B_PIPELINE,
        "BuildChunk",
        executions=2,
    ),
    Left(
        "left inventory", "baselines", {"inventory": True, "end": "2026-03-01"}, INVENTORY_PIPELINE, "UnloadInventory"
    ),
    Left(
        "left fill",
        "baselines",
        {"horizon": "7d", "end": "2026-01-12", "fill_upstream": True},
        MINI_BATCH_PIPELINE,
        "BuildBatch",
    ),
    Left(
        "left batch",
        "mini_batch",
        {"batch_start": "2026-01-05", "batch_end": "2026-01-06"},
        MINI_BATCH_PIPELINE,
        "RunMiniBatch",
    ),
)


def running_of(account: Account, pipeline: str, project: str) -> list[str]:
    """The pipeline executions of a project that have not ended."""
    return [each.arn for each in find_running(account.client("sagemaker"), pipeline, datetime.now(UTC))
            if each.parameters["ProjectName"] == project]  # fmt: skip


def _until(seen: Callable[[], bool], seconds: float = 120.0) -> None:
    patience = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < patience, "it did not come about"
        time.sleep(0.02)


def _complete(account: Account, ledger: str) -> None:
    """Mark baselines completed: the whole week of project `built`, one day of project `partly`."""
    days = [("built", day) for day in range(5, 12)] + [("partly", 11)]
    for project, day in days:
        key = ledger_key(project, "v1", "fg_b", "7d", parse_instant(f"2026-01-{day:02}"))
        item = {**{name: {"S": value} for name, value in key.items()}, "status": {"S": "completed"}}
        account.client("dynamodb").put_item(TableName=ledger, Item=item)


def _hold(account: Account, ledger: str) -> None:
    """Let somebody hold two baselines of project `held`."""
    for day in (7, 8):
        key = ledger_key("held", "v1", "fg_b", "7d", parse_instant(f"2026-01-{day:02}"))
        facts = {"status": "running", "holder": "a job started by hand", "lease_until": "2999-01-01T00:00:00Z"}
        item = {name: {"S": value} for name, value in {**key, **facts}.items()}
        account.client("dynamodb").put_item(TableName=ledger, Item=item)


def _make_stale(account: Account, ledger: str) -> None:
    """Let a baseline of project `changed` be stale, and give another a ledger item that cannot be read."""
    built = {"claimed_at": "2026-02-08T00:30:00Z", "stale_since": "2026-02-09T04:30:00Z"}
    rows = {"2026-02-08": {"status": "completed", **built}, "2026-02-07": {"status": "done"}}
    for day, facts in rows.items():
        key = ledger_key("changed", "v1", "fg_b", "7d", parse_instant(day))
        item = {name: {"S": value} for name, value in {**key, **facts}.items()}
        account.client("dynamodb").put_item(TableName=ledger, Item=item)


def _deliver(account: Account, stack: dict[str, str]) -> None:
    """Deliver a week to three projects, of which nothing is published; and a slice of this day to a fourth.

    Two projects have days of two slices each, whose manifests are not read before they are compacted.
    """
    week = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-12"))
    slice_end = floor_to(datetime.now(UTC) - timedelta(hours=3), SLICE)
    delivered = [(project, day) for project in ("gappy", "doomed", "left-fill") for day in week.steps(DAY)]
    for project, interval in [*delivered, ("tardy", Interval(slice_end - SLICE, slice_end))]:
        key = f"{project}/integration/{mini_batch_id(interval)}/part-0.json"
        account.client("s3").put_object(Bucket=stack["DataBucketName"], Key=key, Body=b"")
    today = floor_to(datetime.now(UTC), DAY)
    for project, days in (("slices", (2, 4)), ("doomed", (2,))):
        for start in (today - days_ago * DAY + part * SLICE for days_ago in days for part in range(2)):
            folder = f"dt={day_text(start)}/{mini_batch_id(Interval(start, start + SLICE))}"
            key = f"{project}/v1/deltas/{folder}/_manifest.json"
            account.client("s3").put_object(Bucket=stack["DataBucketName"], Key=key, Body=b"{}")
    key = ledger_key("tardy", "v1", "fg_b", "7d", floor_to(slice_end, DAY) + DAY)
    facts = {"status": "completed", "claimed_at": "2026-01-01T00:00:00Z"}
    item = {name: {"S": value} for name, value in {**key, **facts}.items()}
    account.client("dynamodb").put_item(TableName=stack["LedgerTableName"], Item=item)
