"""Two runs of a job and one lease: clocks that jump, and a run that is suspended between fence and commit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import uuid
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, cast

import boto3
from tests.faults.child import Child, Ended, in_child, start, wait
from tests.faults.jobs import JOBS, LAST_DAY, TARGETS, Trial, copied, published_in
from tests.jobs.job_chain import Project

from ministack_sagemaker.lifecycle import Account
from ndr.contract.datasets import FG_B
from ndr.contract.jobspecs import JobName
from ndr.contract.time import DAY, compact_instant, format_instant, mini_batch_id
from ndr.jobs import (
    leases,
    run_delta_builder,
    run_fg_a_builder,
    run_fg_b_builder,
    run_fg_c_builder,
    run_pair_counts_builder,
)
from ndr.jobs.claims import LeaseKey
from ndr.jobs.fg_b.job import lease_key
from ndr.jobs.leases import Leases
from ndr.jobs.run import Run
from ndr.planner import read_ledger_rows
from ndr.store import manifest

HOURS = timedelta(hours=3)
SERIES = f"ndr-test#v1#{FG_B}#7d"
BACKFILL: Any = Namespace(
    baseline_mode="BACKFILL",
    baseline_horizon="7d",
    baseline_end_ts_iso="none",
    backfill_start_ts_iso=format_instant(TARGETS[0].end),
    backfill_end_ts_iso=format_instant(TARGETS[-1].end + DAY),
)
BATCH: Any = Namespace(
    mini_batch_id=mini_batch_id(LAST_DAY),
    batch_start_ts_iso=format_instant(LAST_DAY.start),
    batch_end_ts_iso=format_instant(LAST_DAY.end),
    replace_with_empty="false",
)
ENTRY_POINTS: dict[str, Callable[[Run], None]] = {
    "delta_builder": lambda run: run_delta_builder.job(run, BATCH),
    "fg_a_builder": lambda run: run_fg_a_builder.job(run, BATCH),
    "pair_counts_builder": lambda run: run_pair_counts_builder.job(run, BATCH),
    "fg_b_builder": lambda run: run_fg_b_builder.job(run, BACKFILL),
    "fg_c_builder": lambda run: run_fg_c_builder.job(run, BATCH),
}
Broken = Callable[[], object]


def partitions(trial: Trial) -> list[str]:
    """Return the partitions that a run of the trial's job publishes, below its dataset's prefix."""
    if trial.job.name == "fg_b_builder":
        return [f"horizon=7d/end={compact_instant(target.end)}" for target in TARGETS]
    return [f"dt={LAST_DAY.start:%Y-%m-%d}/{mini_batch_id(LAST_DAY)}"]


def last_key(run: Run) -> LeaseKey:
    """Return what a run claims last."""
    if run.job_name == "fg_b_builder":
        return lease_key(run, TARGETS[-1])
    return run.lease_key(JOBS[run.job_name][0], LAST_DAY)


@dataclass
class Clock:
    """The clock that leases read, in this process, which is off by so much."""

    by: timedelta = timedelta()

    def __post_init__(self) -> None:
        off = self

        class Off(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return datetime.now(tz) + off.by

        leases.datetime = Off  # type: ignore[misc]


@dataclass(frozen=True)
class Rivals:
    """Two runs of one job, `first` and `second`, over one ledger in the account."""

    account: Account
    trial: Trial
    what: str
    folder: Path
    ledger: str

    @classmethod
    def of(cls, account: Account, trial: Trial, what: str) -> Rivals:
        """Begin with the old version published and an empty ledger."""
        name = f"ledger-{uuid.uuid4().hex[:12]}"
        keys = ("series", "as_of")
        account.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
            ],
        )
        return cls(account, trial, f"{trial.job.name}, {what}", copied(trial.job, trial.scratch), name)

    def start(self, holder: str, break_it: Broken = lambda: None) -> Child:
        """Begin a run of the job in a process of its own; its answer is what it completed in the ledger, and held."""
        return start(lambda: self._job(holder, break_it))

    def stand_still(self, break_it: Broken) -> Child:
        """Begin the first run, and return when it has stopped itself."""
        child = self.start("first", break_it)
        status = os.waitpid(child[0], os.WUNTRACED)[1]
        assert os.WIFSTOPPED(status), wait(child)
        return child

    def go_on(self, child: Child) -> Ended:
        """Let a run that stands still go on to its end."""
        os.kill(child[0], signal.SIGCONT)
        return wait(child)

    def planned(self, clock: timedelta) -> set[str]:
        """What a plan whose clock is off finds in the ledger."""

        def read() -> set[str]:
            table = self._table()
            found = read_ledger_rows(table, SERIES, TARGETS[0].end, TARGETS[-1].end, datetime.now(UTC) + clock)
            return {entry.status for entry in found.values()}

        return set(in_child(read).value)

    def judge(self, *ended: Ended) -> None:
        """Each partition is whole, was completed by one run, and is that run's."""
        verdict, prefix = self.trial.verdict, self.folder / self.trial.job.dataset
        verdict.after_rerun(self.what, published_in(prefix), self.trial.new)
        completed = [run_id for each in ended for run_id in (each.value or [])]
        for partition in partitions(self.trial):
            run_id = json.loads((prefix / partition / "_manifest.json").read_text())["run_id"]
            if completed.count(run_id) != 1:
                verdict.mixed.append(f"{self.what}: {run_id} is published, but {completed} were completed")
        wanted = len(partitions(self.trial))
        if len(completed) != wanted:
            verdict.mixed.append(f"{self.what}: {len(completed)} completions of {wanted} partitions")
        shutil.rmtree(self.folder)

    def _table(self) -> Any:
        os.environ.update(self.account.environment())
        return boto3.resource("dynamodb").Table(self.ledger)

    def _job(self, holder: str, break_it: Broken) -> list[str]:
        self._table()
        os.environ.update({"NDR_LEDGER_TABLE": self.ledger, "NDR_PIPELINE_EXECUTION": holder})
        completed: list[str] = []
        record = Leases.record

        def noted(self: Leases, key: LeaseKey, facts: dict[str, Any]) -> None:
            record(self, key, facts)
            completed.extend([facts["run_id"]] if facts["status"] == "completed" else [])

        Leases.record = noted  # type: ignore[method-assign]
        break_it()
        try:
            ENTRY_POINTS[self.trial.job.name](Project(self.folder).run(cast(JobName, self.trial.job.name)))
        except Exception as error:
            if type(error).__name__ != "PublishConflictError":
                raise
        return completed


def stop_here() -> None:
    """Stand still, as a process on a machine that swaps, or is moved, does; until SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def after_the_last_claim(act: Callable[[Leases], object]) -> Broken:
    """Act when all partitions are claimed."""

    def patch() -> None:
        claim = Leases.claim

        def then(self: Leases, key: LeaseKey) -> Any:
            held = claim(self, key)
            if key == last_key(self.run):
                act(self)
            return held

        Leases.claim = then  # type: ignore[method-assign]

    return patch


def before_put(name: str) -> Broken:
    """Stand still before the first manifest (`replace_bytes`), or the first _SUCCESS (`put_bytes`), is put."""

    def patch() -> None:
        put, stood = getattr(manifest, name), []

        def then(*arguments: Any) -> Any:
            if not stood:
                stood.append(True)
                stop_here()
            return put(*arguments)

        setattr(manifest, name, then)

    return patch


def jumps_after_the_claim(account: Account, trial: Trial) -> Iterator[str]:
    """The first run's clock jumps between its claim and its renewal; a second run comes along."""
    for by in (HOURS, -HOURS):
        rivals = Rivals.of(account, trial, f"clock jumps by {by} after the claim")

        def jump(own: Leases, by: timedelta = by) -> None:
            Clock(by)
            own.renew()
            stop_here()

        first = rivals.stand_still(after_the_last_claim(jump))
        second = wait(rivals.start("second"))
        rivals.judge(rivals.go_on(first), second)
        yield "clock jumps between claim and renewal"


def jumps_before_the_claim(account: Account, trial: Trial) -> Iterator[str]:
    """The second run's clock is off when it meets the first one's lease."""
    for by in (HOURS, -HOURS):
        rivals = Rivals.of(account, trial, f"the clock of who comes second is off by {by}")
        first = rivals.stand_still(after_the_last_claim(lambda _: stop_here()))
        second = wait(rivals.start("second", lambda by=by: Clock(by)))
        rivals.judge(rivals.go_on(first), second)
        yield "clock jumps between claim and renewal"


def jumps_after_the_plan(account: Account, trial: Trial) -> Iterator[str]:
    """A plan's clock is off, so that it takes a live lease for abandoned, or a dead one for alive."""
    for by, seen in ((HOURS, "abandoned"), (-HOURS, "in_progress")):
        rivals = Rivals.of(account, trial, f"the clock of the plan is off by {by}")
        first = rivals.stand_still(after_the_last_claim(lambda _: stop_here()))
        assert rivals.planned(by) == {seen}
        second = wait(rivals.start("second"))  # what the plan said, the job finds out for itself
        rivals.judge(rivals.go_on(first), second)
        yield "clock jumps between plan and job"


def stands_still(account: Account, trial: Trial) -> Iterator[str]:
    """The first run stands still, for longer than its lease, when it was just allowed to publish.

    It stands for a moment; the second run's clock says that an hour has passed.
    """
    for name in ("replace_bytes", "put_bytes"):
        rivals = Rivals.of(account, trial, f"stood still before {name}")
        first = rivals.stand_still(before_put(name))
        second = wait(rivals.start("second", lambda: Clock(timedelta(hours=1))))
        assert len(second.value) == len(partitions(trial)), second
        rivals.judge(rivals.go_on(first), second)
        yield "SIGSTOP between fence and commit, taken over meanwhile"


OF_ANY_JOB = (jumps_after_the_claim, jumps_before_the_claim, stands_still)
OF_BASELINES = (jumps_after_the_plan,)
