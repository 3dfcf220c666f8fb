"""Executions aborted in mid-run, with the real jobs: the next start finds what they leave at work, and follows it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from tests.faults import gated
from tests.faults.published import Verdict
from tests.jobs.job_chain import random_flows
from tests.statemachines.machines import Machines, Run

from ministack_sagemaker.lifecycle import Account
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_B_BUILDER, JobSpec, put_jobspec
from ndr.contract.manifest import MANIFEST_NAME
from ndr.contract.pipelines import FG_B_PIPELINE, INVENTORY_PIPELINE, SCORED_MINI_BATCH_PIPELINE
from ndr.contract.time import DAY, Interval, compact_instant, format_instant, mini_batch_id, parse_instant
from ndr.local.console.progress import Progress
from ndr.local.deployment.create import deploy_stack
from ndr.local.deployment.deployment import Deployment
from ndr.local.jobspecs import DEMO_FILES, deployed_values, read_jobspec_files
from ndr.planner import find_running

SECONDS = 240.0
PIPELINES = (FG_B_PIPELINE, INVENTORY_PIPELINE, SCORED_MINI_BATCH_PIPELINE)
LOADED = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-08"))  # enough for a 7-day baseline
UNBUILT = Interval(parse_instant("2026-01-20"), parse_instant("2026-01-23"))  # delivered only
FLOWS_A_DAY = 40


@dataclass(frozen=True)
class DeployedProject:
    """A deployment with three days of features, whose jobs can be held at gates."""

    deployment: Deployment
    machines: Machines
    verdict: Verdict
    gates: Path

    @classmethod
    def deployed(cls, account: Account, verdict: Verdict) -> DeployedProject:
        """Deploy, deliver, and build what baselines need."""
        with Path("/dev/null").open("w") as nowhere:
            deployment = deploy_stack(account, "left", "v1", "up", Progress(Console(file=nowhere)))
        for jobspec in read_jobspec_files(DEMO_FILES, deployed_values(deployment, "local")):
            put_jobspec(deployment.table("JobSpecTableName"), _without_safety_gap(jobspec))
        deployment.warehouse.run("INSERT INTO public.dim_machine VALUES ('10.0.0.1', 'a', true, 'prod', NULL, NULL)")
        gates = account.directory / "gates"
        gates.mkdir()
        project = cls(deployment, Machines(account, deployment.machines), verdict, gates)
        project._hold_jobs_at_gates()
        for number, day in enumerate([*LOADED.steps(DAY), *UNBUILT.steps(DAY)]):
            project.deliver(day, number)
        built = project.machines.run("mini_batch", _batch(LOADED) | {"mini_batch_id": "all-of-it"})
        assert built.status == "SUCCEEDED", built.cause
        return project

    def _hold_jobs_at_gates(self) -> None:
        sagemaker = self.deployment.client("sagemaker")
        for name in PIPELINES:
            described = sagemaker.describe_pipeline(PipelineName=name)
            definition = json.loads(described["PipelineDefinition"])
            for step in definition["Steps"]:
                application = step["Arguments"]["AppSpecification"]
                python, *script = application["ContainerEntrypoint"]
                application["ContainerEntrypoint"] = [python, gated.__file__, str(self.gates), *script]
            sagemaker.update_pipeline(
                PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=described["RoleArn"]
            )

    def deliver(self, day: Interval, seed: int, name: str = "part-0.json") -> None:
        """Put flows into a day's mini-batch."""
        lines = "".join(json.dumps(flow) + "\n" for flow in random_flows(day, FLOWS_A_DAY, seed))
        key = f"integration/{mini_batch_id(day)}/{name}"
        self.deployment.client("s3").put_object(Bucket=self.deployment.data_bucket, Key=key, Body=lines.encode())

    def running(self) -> list[str]:
        sagemaker = self.deployment.client("sagemaker")
        return [each.arn for name in PIPELINES for each in find_running(sagemaker, name, datetime.now(UTC))]

    def started(self) -> set[str]:
        """Every pipeline execution so far."""
        pages = self.deployment.client("sagemaker").get_paginator("list_pipeline_executions")
        return {
            item["PipelineExecutionArn"]
            for name in PIPELINES
            for page in pages.paginate(PipelineName=name)
            for item in page["PipelineExecutionSummaries"]
        }

    def abort_and_start_again(
        self,
        machine: str,
        request: dict[str, Any],
        gate: str,
        state: str,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> tuple[Run, list[str]]:
        """Abort an execution whose job stands at a gate, start the same request again, and open the gate.

        Parameters
        ----------
        state : str
            The second execution has come so far when the gate is opened: it has planned.

        Returns
        -------
        Run, list of str
            The second execution, and the pipeline executions that the two started, by their pipelines' names.
        """
        before, reached = self.started(), self.gates / f"{gate}.reached"
        (self.gates / f"{gate}.closed").touch()
        first = self.machines.start(machine, request)
        _until(reached.exists)
        self.machines.states.stop_execution(executionArn=first)
        again = self.machines.start(machine, request)
        _until(lambda: state in self.machines.so_far(again).entered())
        meanwhile()
        (self.gates / f"{gate}.closed").unlink()
        run = self.machines.ended(again)
        reached.unlink()
        if self.machines.ended(first).status != "ABORTED":
            self.verdict.hanging.append(f"{first} was stopped and is {self.machines.ended(first).status}")
        return run, sorted(arn.split("/")[1] for arn in self.started() - before)

    def batches(self, before: set[str]) -> list[str]:
        """The batch of each pipeline execution since `before`."""
        list_parameters = self.deployment.client("sagemaker").list_pipeline_parameters_for_execution
        listed = [list_parameters(PipelineExecutionArn=arn)["PipelineParameters"] for arn in self.started() - before]
        return sorted(each["Value"] for given in listed for each in given if each["Name"] == "BatchStartTsIso")

    def expect(self, what: str, run: Run, found: list[str], wanted: list[str], *ends: str) -> None:
        """The work was done once, what was asked for is there once, and nothing goes on."""
        if run.status != "SUCCEEDED":
            self.verdict.lost.append(f"{what}: ended {run.status} ({run.error}: {run.cause})")
        if found != sorted(wanted):
            self.verdict.mixed.append(f"{what}: started {found}, not {sorted(wanted)}")
        for end in ends:
            self._expect_baseline(what, end)
        self.verdict.hanging += [f"{what}: {arn} goes on" for arn in self.running()]

    def _expect_baseline(self, what: str, end: str) -> None:
        s3, bucket = self.deployment.client("s3"), self.deployment.data_bucket
        prefix = f"v1/fg_b/horizon=7d/end={compact_instant(parse_instant(end))}/"
        keys = [item["Key"].removeprefix(prefix) for item in _objects(s3, bucket, prefix)]
        items = self.deployment.table("LedgerTableName").scan()["Items"]
        states = [item["status"] for item in items if item["as_of"] == format_instant(parse_instant(end))]
        if MANIFEST_NAME not in keys or states != ["completed"]:
            self.verdict.lost.append(f"{what}: {end} has {len(keys)} objects and is {states} in the ledger")
            return
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=f"{prefix}{MANIFEST_NAME}")["Body"].read())
        versions = {key.split("/")[0] for key in keys if "/" in key.rstrip("/")}
        if versions != {manifest["run_id"]}:
            self.verdict.mixed.append(f"{what}: {end} was built as {sorted(versions)}")


def before_the_claim(project: DeployedProject) -> Iterator[str]:
    """The pipeline execution is started, and its job has claimed nothing yet."""
    for end in ("2026-01-08", "2026-01-09"):
        request = {"horizon": "7d", "end": end}
        run, found = project.abort_and_start_again("baselines", request, "started", "BuildChunk")
        project.expect(f"aborted before the claim of {end}", run, found, [FG_B_PIPELINE], end)
        yield "baselines aborted before the job claims"


def while_it_holds_leases(project: DeployedProject) -> Iterator[str]:
    """The job has claimed one baseline of three: it holds that, and is yet to come to the others."""
    ends = ("2026-01-10", "2026-01-11", "2026-01-12")
    request = {"mode": "BACKFILL", "horizon": "7d", "start": ends[0], "end": "2026-01-13"}
    run, found = project.abort_and_start_again("baselines", request, "claimed", "BuildChunk")
    project.expect(f"aborted while {ends[0]} is held", run, found, [FG_B_PIPELINE], *ends)
    yield "baselines aborted while its job holds leases"


def during_the_unload(project: DeployedProject) -> Iterator[str]:
    """The inventory is being unloaded."""
    request = {"horizon": "7d", "end": "2026-01-09T12:00:00Z", "inventory": True}
    run, found = project.abort_and_start_again("baselines", request, "unloading", "UnloadInventory")
    project.expect("aborted in the unload", run, found, [INVENTORY_PIPELINE, FG_B_PIPELINE], request["end"])
    yield "baselines aborted during the inventory unload"


def during_a_fill(project: DeployedProject) -> Iterator[str]:
    """Missing features are being built."""
    request = {"horizon": "7d", "end": "2026-01-23", "fill_upstream": True}
    run, found = project.abort_and_start_again("baselines", request, "started", "BuildBatch")
    project.expect("aborted in a fill", run, found, [SCORED_MINI_BATCH_PIPELINE, FG_B_PIPELINE], "2026-01-23")
    yield "baselines aborted during a fill"


def mini_batch(project: DeployedProject) -> Iterator[str]:
    """A mini-batch is being run."""
    request = _batch(Interval(UNBUILT.start, UNBUILT.start + DAY))
    run, found = project.abort_and_start_again("mini_batch", request, "started", "RunMiniBatch")
    project.expect("aborted mini-batch", run, found, [SCORED_MINI_BATCH_PIPELINE])
    yield "mini_batch aborted"


def followed_and_stopped(project: DeployedProject) -> Iterator[str]:
    """What is followed is stopped by somebody: the follower starts the work anew."""
    request, end = {"horizon": "7d", "end": "2026-01-10T12:00:00Z"}, "2026-01-10T12:00:00Z"

    def stop() -> None:
        for arn in project.running():
            project.deployment.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn)

    run, found = project.abort_and_start_again("baselines", request, "claimed", "BuildChunk", stop)
    project.expect("followed and stopped", run, found, [FG_B_PIPELINE, FG_B_PIPELINE], end)
    yield "what is followed after an abort is stopped"


def during_late_data(project: DeployedProject) -> Iterator[str]:
    """Late events are being built in: their deltas are published, and nothing is late any more."""
    day = Interval(LOADED.start + DAY, LOADED.start + 2 * DAY)
    project.deliver(day, seed=99, name="part-1.json")
    request, before = {"mode": "LATE", "start": format_instant(LOADED.start)}, project.started()
    run, found = project.abort_and_start_again("baselines", request, "run_fg_a_builder", "BuildBatch")
    # LATE builds the days that nobody has built, too; what the first execution had begun is followed.
    project.expect("aborted in late data", run, found, [SCORED_MINI_BATCH_PIPELINE] * 2)
    batches = project.batches(before)
    if len(set(batches)) != len(batches):
        project.verdict.mixed.append(f"aborted in late data: started {batches}")
    reach = Interval(day.start + timedelta(seconds=1), day.end + HORIZONS["7d"])
    for item in project.deployment.table("LedgerTableName").scan()["Items"]:
        if "#fg_b#" in item["series"] and parse_instant(item["as_of"]) in reach and "stale_since" not in item:
            project.verdict.lost.append(f"aborted in late data: {item['as_of']} is not stale")
    yield "baselines aborted while it builds late data in"


def twice_at_once(project: DeployedProject) -> Iterator[str]:
    """One request is started twice at once, so that neither plan sees the other's work."""
    end = "2026-01-10T18:00:00Z"
    both = [project.machines.start("baselines", {"horizon": "7d", "end": end}) for _ in range(2)]
    for run in map(project.machines.ended, both):
        project.expect("started twice at once", run, [], [], end)
    yield "baselines started twice at once"


def _without_safety_gap(jobspec: JobSpec) -> JobSpec:
    """Let baselines reach up to the end that names them: three days of features must suffice for one."""
    if jobspec.job_name != FG_B_BUILDER:
        return jobspec
    spec = {**jobspec.spec.model_dump(by_alias=True), "safety_gap": dict.fromkeys(HORIZONS, 0)}
    return jobspec.model_copy(update={"spec": type(jobspec.spec).model_validate(spec)})


def _batch(batch: Interval) -> dict[str, str]:
    return {"batch_start": format_instant(batch.start), "batch_end": format_instant(batch.end)}


def _objects(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def _until(seen: Callable[[], object]) -> None:
    patience = time.monotonic() + SECONDS
    while not seen():
        assert time.monotonic() < patience, "it did not come about"
        time.sleep(0.02)


INJECTIONS = (
    before_the_claim,
    while_it_holds_leases,
    during_the_unload,
    during_a_fill,
    mini_batch,
    followed_and_stopped,
    twice_at_once,
    during_late_data,
)
