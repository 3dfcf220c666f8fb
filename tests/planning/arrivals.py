"""A stack whose mini-batches are started by files that arrive and by the schedule, in any order: a seeded simulation.

The planner, its claims and the rule of what is built are the real ones. Executions go through the states of
`mini_batch`, and jobs publish manifests. While a plan is made, others act between any two of its calls.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any, Final

from tests.planning.account import DEFAULTS
from tests.planning.fast_services import Ledger, Objects, Pipelines, States
from tests.statemachines.jobspecs import documents

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS
from ndr.contract.jobspecs import JobSpecs, check_jobspecs, parse_jobspec
from ndr.contract.lineage import Answers
from ndr.contract.manifest import MANIFEST_NAME, Answer, InputEntry, InputFile, Manifest, RowAccount, TableEntry
from ndr.contract.time import SLICE, Interval, day_text, mini_batch_id, parse_instant
from ndr.planner.requested_mini_batch import plan_requested_mini_batch
from ndr.planner.services import Services

START: Final = parse_instant("2026-01-05T06:00:00Z")
BUCKET: Final = "data"
PREFIX: Final = "ndr-prod/integration/"
QUIET: Final = timedelta(seconds=60)
NESTED: Final = 6
"""How deep a plan is interrupted by others at most."""
JOBSPECS: Final = check_jobspecs([parse_jobspec(each) for each in documents("ndr-prod", bucket=BUCKET)])

Files = frozenset[tuple[str, int]]
"""The files of a batch, by path, each with its size, by which its versions differ."""


class PreparedServices(Services):
    """The planner's services, with JobSpecs that were read before."""

    def jobspecs_of(self, request: Any) -> JobSpecs:
        return JOBSPECS


@dataclass
class Simulation:
    """One order of events.

    Attributes
    ----------
    built
        What each successful pipeline execution has read of its batch, in order.
    """

    seed: int
    batch_minutes: int
    built: list[tuple[Interval, Files]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.now = START
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._depth = 0
        self.ledger, self.s3 = Ledger(self._others), Objects(self._others)
        self.pipelines, self.states = Pipelines(self._others), States(self._others)
        self.services = PreparedServices(
            None, self.ledger, self.s3, self.pipelines, self.states, DEFAULTS, self.batch_minutes, 0, "",
            getLogger("planner"), quiet=QUIET, clock=lambda: self.now,
        )  # fmt: skip

    @property
    def batch(self) -> Interval:
        return Interval(START, START + timedelta(minutes=self.batch_minutes))

    def run(self) -> None:
        """Deliver the files of one batch, and let everything that follows happen."""
        for each in self.batch.steps(SLICE):
            for number in range(self.draw.randint(1, 2)):
                self._deliver_at(each, f"part-{number}.json", each.end + self._seconds(-60, 400))
            if self.draw.random() < 0.3:  # replaced, or a further file, much later
                self._deliver_at(
                    each, self.draw.choice(["part-0.json", "part-9.json"]), each.end + self._seconds(0, 3000)
                )
            if self.draw.random() < 0.2:
                self._deliver_at(each, "_SUCCESS", each.end + self._seconds(300, 500))
        scheduled = self.batch.end + 5 * timedelta(minutes=1)
        for _ in range(self.draw.choice([1, 1, 1, 2])):
            request = {"scheduled_time": f"{scheduled:%Y-%m-%dT%H:%M:%SZ}"}
            self._at(scheduled + self._seconds(0, 300), lambda request=request: self._execute(request))
        while self._due:
            self._next()

    def delivered(self) -> Files:
        """Return the files of the batch as they are now."""
        return frozenset(
            (key.removeprefix(PREFIX), len(content))
            for key, (content, _) in self.s3.held.items()
            if key.startswith(PREFIX) and not key.endswith("_SUCCESS")
        )

    def _deliver_at(self, part: Interval, name: str, at: datetime) -> None:
        self._at(at, lambda: self._deliver(f"{PREFIX}{mini_batch_id(part)}/{name}"))

    def _deliver(self, key: str) -> None:
        self.s3.put(key, b"x" * (1 + next(self._numbers)), self.now)
        request = {"arrived": {"bucket": BUCKET, "key": key}}
        for _ in range(self.draw.choice([1, 1, 1, 2])):  # EventBridge delivers at least once
            self._at(self.now + self._seconds(0, 120), lambda: self._execute(request))

    # executions of the machine

    def _execute(self, request: dict[str, Any]) -> None:
        arn = f"arn:aws:states:us-east-1:123456789012:execution:mini_batch:{len(self.states.statuses):06}"
        self.states.statuses[arn] = "RUNNING"
        self._plan(arn, request, self.now)

    def _plan(self, arn: str, request: dict[str, Any], started: datetime) -> None:
        plan = plan_requested_mini_batch(self.services, request, started, arn).document()

        def again() -> None:
            self._plan(arn, request, started)

        if plan["dry_run"]:
            self.states.statuses[arn] = "SUCCEEDED"
        elif "wait_for" in plan:
            self._at(self.now + timedelta(seconds=plan.get("wait_seconds", 120)), again)
        else:
            self._at(self.now + self._seconds(0, 20), lambda: self._run(arn, plan, again))

    def _run(self, arn: str, plan: dict[str, Any], again: Callable[[], None]) -> None:
        followed = plan.get("pipeline_execution_arn")
        if followed is None:
            followed = self.pipelines.start(plan["parameters"], self.now)
            self._at(self.now + self._seconds(180, 480), lambda: self._read(followed, Interval.parse(
                plan["parameters"]["BatchStartTsIso"], plan["parameters"]["BatchEndTsIso"])))  # fmt: skip
        self._look(arn, followed, plan, again)

    def _look(self, arn: str, followed: str, plan: dict[str, Any], again: Callable[[], None]) -> None:
        status = self.pipelines.executions[followed]["PipelineExecutionStatus"]
        if status == "Executing":
            self._at(self.now + self._seconds(15, 120), lambda: self._look(arn, followed, plan, again))
            return
        claim = self.ledger.items.get((plan["claim"]["series"], plan["claim"]["as_of"]))
        if claim and claim["holder"] == arn:
            del self.ledger.items[plan["claim"]["series"], plan["claim"]["as_of"]]
        if status == "Failed":  # a person redrives the execution
            self._at(self.now + self._seconds(0, 600), again)
        self.states.statuses[arn] = "SUCCEEDED" if status == "Succeeded" else "RUNNING"

    # jobs of the pipeline

    def _read(self, execution: str, batch: Interval) -> None:
        if self.draw.random() < 0.1:
            self.pipelines.executions[execution]["PipelineExecutionStatus"] = "Failed"
            return
        files, entries = self.delivered(), tuple(self._entries(batch))
        self._at(self.now + self._seconds(5, 60), lambda: self._publish(execution, batch, files, entries))

    def _publish(self, execution: str, batch: Interval, files: Files, entries: tuple[InputEntry, ...]) -> None:
        deltas = self._put(DELTAS.name, batch, inputs=entries)
        if self.draw.random() < 0.1:
            self.pipelines.executions[execution]["PipelineExecutionStatus"] = "Failed"
            return

        def features() -> None:
            read = Answers((deltas,)).named(DELTAS.name, batch)
            for dataset in (FG_A.name, PAIR_COUNTS.name):
                self._put(dataset, batch, reads=(read,))
            self.built.append((batch, files))
            self.pipelines.executions[execution]["PipelineExecutionStatus"] = "Succeeded"

        self._at(self.now + self._seconds(5, 60), features)

    def _entries(self, batch: Interval) -> Iterator[InputEntry]:
        for part in batch.steps(SLICE):
            base = f"{PREFIX}{mini_batch_id(part)}/"
            files = tuple(
                InputFile(name=key.removeprefix(base), bytes=len(content), modified_at=at)
                for key, (content, at) in sorted(self.s3.held.items())
                if key.startswith(base) and not key.endswith("_SUCCESS")
            )
            if files:
                yield InputEntry(uri=f"s3://{BUCKET}/{base.rstrip('/')}", files=files)

    def _put(self, dataset: str, batch: Interval, **facts: Any) -> Answer:
        partition = f"ndr-prod/v1/{dataset}/dt={day_text(batch.start)}/{mini_batch_id(batch)}"
        manifest = Manifest(
            format=3,
            dataset=dataset,
            project_name="ndr-prod",
            feature_spec_version="v1",
            start=batch.start,
            end=batch.end,
            tables={dataset: TableEntry(rows=0, schema_sha256="s", files=())},
            rows=RowAccount(rows_in=0, rows_used=0, rows_quarantined=0),
            code_version="c",
            run_id=f"run-{next(self._numbers)}",
            published_at=self.now,
            **facts,
        )
        self.s3.put(f"{partition}/{MANIFEST_NAME}", manifest.model_dump_json().encode(), self.now)
        return Answer(uri=f"s3://{BUCKET}/{partition}", run_id=manifest.run_id, start=batch.start, end=batch.end)

    # time

    def _seconds(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=self.draw.uniform(least, most))

    def _at(self, time: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time, next(self._numbers), act))

    def _next(self) -> None:
        time, _, act = heapq.heappop(self._due)
        self.now = max(self.now, time)
        act()

    def _others(self) -> None:
        """Let others act while a plan is made."""
        if self._due and self._depth < NESTED and self.draw.random() < 0.1:
            self._depth += 1
            self._next()
            self._depth -= 1
