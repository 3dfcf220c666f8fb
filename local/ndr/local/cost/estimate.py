"""The bill of a month: one line for each billed quantity, with its price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ndr.contract.datasets import DELTAS, FG_A, FG_B_PARTS, FG_C_PARTS, PAIR_COUNTS, PEER_DELTAS, QUARANTINE
from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs import JOB_NAMES
from ndr.contract.wording import counted
from ndr.local.cost import month
from ndr.local.cost.month import BASELINE_RUNS, DAILY_JOBS, LATE, MONTHLY, Assumptions
from ndr.local.cost.prices import Prices
from ndr.local.cost.transitions import (
    Definition,
    idle_transitions,
    machine_transitions,
    polls,
    run_pipeline_transitions,
    wait_transitions,
)

BUILD: Final = "BuildBaselines"
"""The Map state of `baselines` with one item for each pipeline execution."""
PLAN_SECONDS: Final = 0.5
PLAN_READ_UNITS: Final = len(JOB_NAMES) + 1  # the JobSpecs and a page of the ledger, with consistent reads
JOB_READ_UNITS: Final = 5
PLAN_LISTS: Final = 2  # of what was delivered of a batch
LEDGER_WRITE_UNITS: Final = 2
BATCH_WRITE_UNITS: Final = 2  # its claim, taken and released
JOB_WRITE_UNITS: Final = 5  # its lease, taken and released; its event, written, taken and deleted
METRICS: Final = 64  # job seconds and failures, rows, coverage, shares, ages, tables and counts of every dataset
BATCH_TABLES: Final = (DELTAS, PEER_DELTAS, QUARANTINE, FG_A, PAIR_COUNTS)
GLUE_REQUESTS: Final = 4  # of a commit to a table: database, table, and the table again before it is updated
TABLE_PUTS: Final = 4  # of a commit to a table: manifest, list of manifests, metadata, and the mark of what is to do
TABLE_GETS: Final = 6
KEY_REQUESTS: Final = 10  # for a job or a call of plan_run: two tables and a bucket; the bucket key saves most requests
LOG_KB_PER_TRANSITION: Final = 2.0
LOG_KB_PER_JOB: Final = 20.0


@dataclass(frozen=True)
class Line:
    """One line of the bill."""

    service: str
    what: str
    quantity: float
    unit: str
    price: float

    @property
    def cost(self) -> float:
        return self.quantity * self.price


@dataclass(frozen=True)
class Stack:
    """The settings of the deployed or default template that the estimate depends on.

    Attributes
    ----------
    pipeline : str
        FifteenMinutePipeline of the template.
    batch_minutes : int
        BatchMinutes of the template.
    schedule_minutes : int
        Minutes from the end of a batch until the schedule starts it.
    poll_seconds, max_poll_seconds : int
        First and longest polling interval.
    function_mb : int
        Memory of plan_run.
    alarms : int
        Alarms of the template.
    own_key : bool
        Whether there is a customer managed key.
    on_arrival : bool
        StartOnArrival of the template.
    quiet_seconds : int
        ArrivalQuietSeconds of the template.
    has_tables : bool
        Whether the datasets are registered as Iceberg tables.
    definitions : mapping of str to mapping
        The machines by name.
    """

    pipeline: str
    batch_minutes: int
    schedule_minutes: int
    poll_seconds: int
    max_poll_seconds: int
    function_mb: int
    alarms: int
    own_key: bool
    on_arrival: bool
    quiet_seconds: int
    has_tables: bool
    definitions: Mapping[str, Definition]


def estimate(stack: Stack, assumed: Assumptions, prices: Prices) -> list[Line]:
    """Return the bill of a month.

    Raises
    ------
    InvalidRequestError
        The table has no price for the instance type.
    """
    return [
        *_processing(assumed, prices),
        *_control_plane(stack, assumed, prices),
        *(_arrivals(assumed, prices) if assumed.on_arrival else []),
        *_data(stack, assumed, prices),
        *(_tables(assumed, prices) if stack.has_tables else []),
        *_watching(stack, assumed, prices),
        *(_key(assumed, prices) if stack.own_key else []),
    ]


def transitions(stack: Stack, assumed: Assumptions) -> float:
    """Return the state transitions of a month."""
    waits = (stack.poll_seconds, stack.max_poll_seconds)

    def nested(seconds: float, puts: int = 0) -> int:
        return run_pipeline_transitions(stack.definitions["run_pipeline"], polls(seconds, *waits), puts)

    mini_batch = machine_transitions(stack.definitions["mini_batch"]) + nested(assumed.batch_seconds, puts=1)
    baselines = machine_transitions(stack.definitions["baselines"], {BUILD: 1})
    baselines += nested(assumed.job_seconds("fg_b_builder"), puts=1)
    late = machine_transitions(stack.definitions["baselines"])  # without late events
    late += 1 + nested(sum(assumed.job_seconds(job) for job in DAILY_JOBS))  # the state CompactDays itself
    unload = 1 + nested(assumed.job_seconds("machine_inventory_unload"))  # the state UnloadInventory itself
    batches = assumed.mini_batches * mini_batch
    batches += assumed.idle_starts * idle_transitions(stack.definitions["mini_batch"])
    batches += assumed.waits * wait_transitions(stack.definitions["mini_batch"])
    return batches + BASELINE_RUNS * baselines + LATE * late + MONTHLY * unload


def _processing(assumed: Assumptions, prices: Prices) -> list[Line]:
    known = prices.processing_hours
    if assumed.instance_type not in known:
        raise InvalidRequestError(
            f"There is no price for {assumed.instance_type!r}. Write one of {', '.join(known)}, "
            "or add it to prices.json."
        )
    price = known[assumed.instance_type].amount
    return [
        Line("SageMaker Processing", f"{name} on {assumed.instance_type}", hours, "instance hours", price)
        for name, hours in month.hours(assumed).items()
    ]


def _control_plane(stack: Stack, assumed: Assumptions, prices: Prices) -> list[Line]:
    runs = assumed.mini_batches + BASELINE_RUNS + LATE
    calls = _plan_calls(assumed)
    published = assumed.mini_batches * len(assumed.job_names) + BASELINE_RUNS
    gb_seconds = calls * PLAN_SECONDS * stack.function_mb / 1024
    reads = calls * PLAN_READ_UNITS + _jobs(assumed) * JOB_READ_UNITS
    return [
        Line(
            "Step Functions",
            "state transitions",
            transitions(stack, assumed),
            "transitions",
            prices["state_transition"],
        ),
        Line("Lambda", "plan_run, requests", calls, "requests", prices["lambda_request"]),
        Line("Lambda", "plan_run, time", gb_seconds, "GB seconds", prices["lambda_gb_second"]),
        Line("DynamoDB", "JobSpecs and ledger read", reads, "read units", prices["dynamodb_read_unit"]),
        Line("DynamoDB", "ledger written", _ledger_writes(assumed), "write units", prices["dynamodb_write_unit"]),
        Line("EventBridge Scheduler", "schedules", runs, "invocations", prices["schedule_invocation"]),
        Line("EventBridge", "events of publications", published, "events", prices["custom_event"]),
    ]


def _ledger_writes(assumed: Assumptions) -> float:
    of_batch = BATCH_WRITE_UNITS + len(assumed.job_names) * JOB_WRITE_UNITS
    if assumed.on_arrival:
        of_batch += BATCH_WRITE_UNITS  # the claim to wait for files
    return assumed.mini_batches * of_batch + BASELINE_RUNS * (LEDGER_WRITE_UNITS + JOB_WRITE_UNITS)


def _arrivals(assumed: Assumptions, prices: Prices) -> list[Line]:
    return [Line("EventBridge", "files that arrive", assumed.arrivals, "events", prices["object_event"])]


def _data(stack: Stack, assumed: Assumptions, prices: Prices) -> list[Line]:
    stored = assumed.hosts * month.STORED_MB_PER_HOST_DAY * assumed.kept_days / 1024
    each = month.REQUESTS
    commits = _commits(assumed) if stack.has_tables else 0
    batch_puts = each["mini_batch_puts"] + assumed.has_scores * each["scores_puts"]
    batch_gets = each["mini_batch_gets"] + assumed.has_scores * each["scores_gets"]
    puts = assumed.mini_batches * batch_puts + BASELINE_RUNS * each["baseline_puts"] + commits * TABLE_PUTS
    gets = assumed.mini_batches * batch_gets + BASELINE_RUNS * each["baseline_gets"] + commits * TABLE_GETS
    lists = _mini_batch_plans(assumed) * PLAN_LISTS
    return [
        Line("S3", f"{counted(assumed.kept_days, 'day')} kept", stored, "GB", prices["s3_gb_month"]),
        Line("S3", "objects written", puts, "requests", prices["s3_put"]),
        Line("S3", "objects read", gets, "requests", prices["s3_get"]),
        Line("S3", "deliveries listed", lists, "requests", prices["s3_put"]),
    ]


def _tables(assumed: Assumptions, prices: Prices) -> list[Line]:
    return [Line("Glue", "tables", _commits(assumed) * GLUE_REQUESTS, "requests", prices["glue_request"])]


def _commits(assumed: Assumptions) -> float:
    """Return the commits to Iceberg tables: one a table of each publication, and one a table of each compacted day."""
    of_batch = len(BATCH_TABLES) + assumed.has_scores * len(FG_C_PARTS)
    return (assumed.mini_batches + LATE) * of_batch + BASELINE_RUNS * len(FG_B_PARTS) + MONTHLY


def _watching(stack: Stack, assumed: Assumptions, prices: Prices) -> list[Line]:
    logged = (transitions(stack, assumed) * LOG_KB_PER_TRANSITION + _jobs(assumed) * LOG_KB_PER_JOB) / 1024**2
    traces = 2 * (assumed.mini_batches + BASELINE_RUNS + LATE)  # the machine and its nested execution
    traces += assumed.idle_starts
    return [
        Line("CloudWatch", "logs", logged, "GB", prices["log_gb"]),
        Line("CloudWatch", "custom metrics", METRICS, "metrics", prices["metric_month"]),
        Line("CloudWatch", "alarms", stack.alarms, "alarms", prices["alarm_month"]),
        Line("CloudWatch", "dashboard", 1, "dashboards", prices["dashboard_month"]),
        Line("X-Ray", "traces", traces, "traces", prices["trace"]),
    ]


def _key(assumed: Assumptions, prices: Prices) -> list[Line]:
    return [
        Line("KMS", "customer managed key", 1, "keys", prices["kms_key_month"]),
        Line(
            "KMS",
            "requests of the key",
            (_plan_calls(assumed) + _jobs(assumed)) * KEY_REQUESTS,
            "requests",
            prices["kms_request"],
        ),
    ]


def _plan_calls(assumed: Assumptions) -> float:
    """Return the calls of plan_run: each machine's plan and report, and each pipeline's events, before and after."""
    return 4 * BASELINE_RUNS + 3 * assumed.mini_batches + _mini_batch_plans(assumed) + 3 * LATE + MONTHLY


def _mini_batch_plans(assumed: Assumptions) -> int:
    """Return the plans of the machine `mini_batch`: one of each execution and one after each wait."""
    return assumed.mini_batches + assumed.idle_starts + assumed.waits


def _jobs(assumed: Assumptions) -> float:
    of_batches = assumed.mini_batches * len(assumed.containers.jobs)
    return of_batches + BASELINE_RUNS + LATE * len(DAILY_JOBS) + MONTHLY
