"""A whole simulation: account, stacks, events, comparison."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ministack_sagemaker import clock
from ministack_sagemaker.clock_control import ClockControl
from ministack_sagemaker.faults import inject_share, injected, withdraw
from ministack_sagemaker.job_conditions import SERVICE, JobConditions
from ministack_sagemaker.lifecycle import Account, down, up
from ministack_sagemaker.sagemaker_pipelines import warm_python
from ministack_sagemaker.testing import environment_variables, queue_of_events, received
from ndr.contract.events import SOURCE
from ndr.contract.time import format_instant, parse_instant
from ndr.store import storage
from ndr.store.catalog import published_pieces
from tests.fortnight.bulk import build_in_bulk
from tests.fortnight.comparison import Difference, differences
from tests.fortnight.deliveries import deliveries
from tests.fortnight.latency import built_batches, minutes_to_features, percentiles
from tests.fortnight.plan import Plan, Schedule
from tests.fortnight.publications import Told, told
from tests.fortnight.simulation import Simulation
from tests.fortnight.stack import Stack, secret_of_the_inventory
from tests.fortnight.traffic import Traffic
from tests.template import ROOT

START: Final = parse_instant("2026-01-05T00:00:00Z")
SCHEDULES: Final[dict[str, Schedule]] = {"alpha": "every slice", "beta": "every hour"}
BATCH_MINUTES: Final[dict[Schedule, str]] = {"every slice": "15", "every hour": "60"}
TABLES: Final[dict[Schedule, str]] = {"every slice": "", "every hour": "ndr"}
"""What the names of the databases of Iceberg tables begin with: one stack has tables, and one has none."""
TIMED: Final = "alpha"
"""The stack whose schedule is the template's: of it is told how long a slice takes."""
STEPS: Final = 3
EVENTS_REFUSED: Final = 0.3
"""Share of calls of PutEvents that fail."""
COMPACTED: Final = ("deltas", "fg_a", "pair_counts")
SOURCES: Final = ("contract", "lambdas", "pipeline_defs", "spark_jobs", "statemachines")


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation.

    Attributes
    ----------
    slices, failures
        Slices of traffic; failures that were injected.
    differences
        Rows that differ from the bulk build, by stack.
    partitions
        How many partitions answer for the traffic, by stack and dataset, after LATE has compacted the finished days.
    events
        How the publications were told, by stack.
    p50, p95
        Minutes from a slice's first delivery until its features were there.
    failed
        A line for each execution of a machine that failed.
    """

    slices: int
    failures: int
    differences: dict[str, list[Difference]]
    partitions: dict[str, dict[str, int]]
    events: dict[str, Told]
    p50: float
    p95: float
    failed: list[str]

    def __str__(self) -> str:
        count = sum(map(len, self.differences.values()))
        return (
            f"{self.slices} slices, {self.failures} failures injected, {count} differences, p50 {self.p50:.0f} min, "
            f"p95 {self.p95:.0f} min from delivery to features"
        )


def simulate(folder: Path, hours: int, seed: int, tell: Callable[[str], None], *, auth: bool = False) -> Outcome:
    """Simulate some hours in an account of a folder, which checks signatures and policies with `auth`."""
    traffic = Traffic(START, hours, seed)
    plan = Plan(traffic, SCHEDULES, seed)
    with _account(folder / "account", auth) as account:
        secret = secret_of_the_inventory(account)
        queue = queue_of_events(account, "publications", {"source": [SOURCE]})
        stacks = {
            name: Stack.deploy(account, name, secret, ROOT / "template.yaml", **_parameters(schedule))
            for name, schedule in SCHEDULES.items()
        }
        next(iter(stacks.values())).load_inventory()
        tell(f"deployed: {', '.join(stacks)}")

        def upgrade() -> None:
            template = _next_release(folder / "next")
            # The other stack keeps its release: two of them run beside each other.
            parameters = _parameters(SCHEDULES[TIMED])
            Stack.deploy(account, TIMED, secret, template, LogRetentionDays="60", **parameters)

        conditions = {"startup_seconds": (180.0, 480.0), "failing": 0.05 / STEPS, "without_capacity": 0.02 / STEPS}
        JobConditions(seed, **conditions).put(account.directory)  # type: ignore[arg-type]
        inject_share(account.directory, "events", "PutEvents", "InternalException", EVENTS_REFUSED, seed)
        simulation = Simulation(plan, stacks, ClockControl(account.directory), upgrade, tell)
        simulation.run()
        JobConditions(seed, startup_seconds=(180.0, 480.0)).put(account.directory)
        withdraw(account.directory)
        simulation.settle_everything()
        tell("the bulk build")
        bulk = build_in_bulk(folder / "bulk", traffic)
        found = {name: list(differences(traffic, stack.prefix, bulk.uri)) for name, stack in stacks.items()}
        partitions = {
            name: {dataset: len(published_pieces(stack.prefix(dataset), traffic.interval)) for dataset in COMPACTED}
            for name, stack in stacks.items()
        }
        events = received(account, queue)
        of_stacks = {name: told(stack, events) for name, stack in stacks.items()}
        built = built_batches(stacks[TIMED])
        minutes = minutes_to_features(deliveries(traffic, seed), traffic.slices, built)
        failures = sum(line.startswith(f"{SERVICE} ") for line in injected(account.directory))
        return Outcome(
            len(traffic.slices), failures, found, partitions, of_stacks, *percentiles(minutes), simulation.failed
        )


def _parameters(schedule: Schedule) -> dict[str, str]:
    return {"BatchMinutes": BATCH_MINUTES[schedule], "TablesDatabase": TABLES[schedule]}


@contextmanager
def _account(directory: Path, auth: bool) -> Iterator[Account]:
    """Start an account whose clock stands at the traffic's start, and let this process reach its data."""
    settings = {clock.VARIABLE: format_instant(START), warm_python.SWITCH: "true", "LOG_LEVEL": "WARNING"}
    with environment_variables(**settings):
        account = up(directory, auth=auth, end_with_parent=True)
    _forget_clients()
    with environment_variables(**account.environment()):
        try:
            yield account
        finally:
            down(directory)
            _forget_clients()


def _forget_clients() -> None:
    """A process keeps its clients, which may be of an account that was stopped."""
    storage.forget_clients()


def _next_release(folder: Path) -> Path:
    """Write the sources of a release whose jobs differ in a comment; return its template."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "spark_jobs" / "ndr" / "jobs" / "run.py").open("a") as source:
        source.write("# The next release.\n")
    for name in ("template.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder / "template.yaml"
