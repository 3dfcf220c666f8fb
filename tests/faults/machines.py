"""Faults of the services that the state machines call, on the real template in an account."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tests.faults.published import Verdict
from tests.statemachines.machines import Machines, Run
from tests.statemachines.scenarios import WEEK, steerable
from tests.statemachines.stack import deploy_small

from ministack_sagemaker.faults import inject, inject_share, injected, withdraw
from ministack_sagemaker.lifecycle import Account

SEEDS = range(1, 5)
SECONDS = 60.0


@dataclass(frozen=True)
class Control:
    """The deployed machines, and where verdicts go."""

    account: Account
    stack: dict[str, str]
    machines: Machines
    verdict: Verdict

    @classmethod
    def deployed(cls, account: Account, verdict: Verdict) -> Control:
        """Deploy the template, register small pipelines and put JobSpecs."""
        flags = account.directory / "flags"
        flags.mkdir()
        stack = deploy_small(account, "faults", flags, "lucky", "unlucky")
        arns = {name: stack[f"{word}MachineArn"] for name, word in MACHINES.items()}
        return cls(account, stack, Machines(account, arns), verdict)

    def inject(self, service: str, operation: str, error: str, times: int = 1, **how: Any) -> None:
        inject(self.account.directory, service, operation, error, times, **how)

    def met(self, kind: str, before: int) -> Iterator[str]:
        """Yield the kind once a fault that was injected since `before`."""
        left = withdraw(self.account.directory)
        assert left == 0, f"{kind}: {left} injected faults met no call"
        for _ in range(len(injected(self.account.directory)) - before):
            yield kind

    @property
    def count(self) -> int:
        return len(injected(self.account.directory))

    def pipeline_executions(self, pipeline: str = "ndr-steerable") -> list[dict[str, Any]]:
        pages = self.account.client("sagemaker").get_paginator("list_pipeline_executions")
        return [item for page in pages.paginate(PipelineName=pipeline) for item in page["PipelineExecutionSummaries"]]

    def started_by(self, act: Callable[[], Any]) -> tuple[Any, int]:
        before = len(self.pipeline_executions())
        return act(), len(self.pipeline_executions()) - before

    def expect(self, what: str, run: Run, status: str) -> None:
        if run.status != status:
            self.verdict.lost.append(f"{what}: ended {run.status} ({run.error}: {run.cause}), not {status}")


MACHINES = {"run_pipeline": "RunPipeline", "baselines": "Baselines", "mini_batch": "MiniBatch"}


def throttled_calls(control: Control) -> Iterator[str]:
    """SageMaker throttles 30 % of all calls."""
    before = control.count
    for seed in SEEDS:
        for operation in ("StartPipelineExecution", "DescribePipelineExecution"):
            inject_share(control.account.directory, "sagemaker", operation, "ThrottlingException", 0.3, seed)
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda _: control.machines.run("run_pipeline", steerable("succeed")), range(8)))
        for run in runs:
            control.expect(f"throttled, seed {seed}", run, "SUCCEEDED")
    yield from control.met("SageMaker throttles 30 % of calls", before)


def lost_answers(control: Control) -> Iterator[str]:
    """A start is carried out and its answer lost: the retry gets the same execution."""
    for times in (1, 2, 3):
        before = control.count
        control.inject("sagemaker", "StartPipelineExecution", "ServiceUnavailableException", times, carried_out=True)
        run, started = control.started_by(lambda: control.machines.run("run_pipeline", steerable("succeed")))
        control.expect("lost answer", run, "SUCCEEDED")
        if started != 1:
            control.verdict.mixed.append(f"lost answer: {started} pipeline executions for one token")
        yield from control.met("StartPipelineExecution answers twice for one token", before)


def twice_at_once(control: Control) -> Iterator[str]:
    """Two executions ask for the same run at once."""
    request = steerable("succeed", client_request_token=uuid.uuid4().hex)
    with ThreadPoolExecutor(2) as pool:
        runs, started = control.started_by(
            lambda: list(pool.map(lambda _: control.machines.run("run_pipeline", request), range(2)))
        )
    for run in runs:
        control.expect("the same token at once", run, "SUCCEEDED")
    if started != 1:
        control.verdict.mixed.append(f"the same token at once: {started} pipeline executions")
    yield "two executions with one token at once"


def missing_statuses(control: Control) -> Iterator[str]:
    """Describe does not know the execution for a while."""
    for times in (1, 3, 5):
        before = control.count
        control.inject("sagemaker", "DescribePipelineExecution", "ResourceNotFound", times)
        control.expect("status missing", control.machines.run("run_pipeline", steerable("succeed")), "SUCCEEDED")
        yield from control.met("status missing for a while", before)


def crowded_account(control: Control) -> Iterator[str]:
    before = control.count
    control.inject("sagemaker", "StartPipelineExecution", "ResourceLimitExceeded", 4)
    control.expect("resource limit", control.machines.run("run_pipeline", steerable("succeed")), "SUCCEEDED")
    yield from control.met("SageMaker resource limit", before)


def refused_ledger(control: Control) -> Iterator[str]:
    """The ledger refuses the marks of a failed window, or takes them and its answer is lost."""
    request = {**WEEK, "project_name": "unlucky", "horizon": "7d", "window_days": 3, "reprocess": "completed"}
    for kind, error, is_carried_out in (
        ("DynamoDB throttles", "ProvisionedThroughputExceededException", False),
        ("DynamoDB answers lost", "InternalServerError", True),
    ):
        before = control.count
        control.inject("dynamodb", "TransactWriteItems", error, 3, carried_out=is_carried_out)
        control.expect(kind, control.machines.run("baselines", request), "FAILED")
        yield from control.met(kind, before)


def throttled_plan(control: Control) -> Iterator[str]:
    before = control.count
    control.inject("dynamodb", "GetItem", "ProvisionedThroughputExceededException", 4)
    control.expect("plan", control.machines.run("baselines", {**WEEK, "dry_run": True}), "SUCCEEDED")
    yield from control.met("DynamoDB throttles", before)


def refused_message(control: Control) -> Iterator[str]:
    before = control.count
    control.inject("sns", "Publish", "ThrottledException", 2)
    control.expect("message", control.machines.run("baselines", {"mode": "BACKFIL"}), "FAILED")
    yield from control.met("SNS refuses a message", before)


def function_timeouts(control: Control) -> Iterator[str]:
    """A function times out: the machine ends and says so, or explains as much as it can."""
    for function, machine, request in (
        ("PlanRunFunctionName", "baselines", {**WEEK, "dry_run": True}),
        ("PlanRunFunctionName", "mini_batch", {"dry_run": True}),
        ("ExplainFailureFunctionName", "run_pipeline", steerable("unlucky")),
    ):
        before = control.count
        control.inject("lambda", control.stack[function], "Sandbox.Timedout")
        run = control.machines.run(machine, request)
        if run.status not in ("FAILED", "SUCCEEDED") or (run.status == "FAILED" and not run.cause):
            control.verdict.hanging.append(f"{machine} after a function timed out: {run.status}, {run.cause}")
        yield from control.met("Lambda times out", before)


def aborted_executions(control: Control) -> Iterator[str]:
    """An execution is aborted in mid-run; a further one with its token takes up the pipeline execution it left."""
    states = control.account.client("stepfunctions")
    request = steerable("sleep", client_request_token=uuid.uuid4().hex)

    def abort_and_start_again() -> Run:
        known = len(control.pipeline_executions())
        machine = control.machines.arns["run_pipeline"]
        arn = states.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"]
        until = time.monotonic() + SECONDS
        while len(control.pipeline_executions()) == known and time.monotonic() < until:
            time.sleep(0.01)
        states.stop_execution(executionArn=arn)
        return control.machines.run("run_pipeline", request)

    run, started = control.started_by(abort_and_start_again)
    control.expect("aborted and started again", run, "SUCCEEDED")
    if started != 1:
        control.verdict.mixed.append(f"aborted and started again: {started} pipeline executions")
    yield "state machine execution aborted and started again"


def find_hanging(control: Control) -> None:
    """Whatever runs a while after the last fault has been dealt with, hangs."""
    states, until = control.account.client("stepfunctions"), time.monotonic() + SECONDS
    while True:
        running = [
            item["executionArn"]
            for arn in control.machines.arns.values()
            for item in states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
        ]
        running += [
            item["PipelineExecutionArn"]
            for summary in control.account.client("sagemaker").list_pipelines()["PipelineSummaries"]
            for item in control.pipeline_executions(summary["PipelineName"])
            if item["PipelineExecutionStatus"] in ("Executing", "Stopping")
        ]
        if not running:
            return
        if time.monotonic() > until:
            control.verdict.hanging.extend(running)
            return
        time.sleep(0.2)


INJECTIONS = (
    throttled_calls,
    lost_answers,
    twice_at_once,
    missing_statuses,
    crowded_account,
    refused_ledger,
    throttled_plan,
    refused_message,
    function_timeouts,
    aborted_executions,
)
