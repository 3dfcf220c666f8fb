"""The bill of a month: one line for each billed quantity, with its price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.fifteen_minutes import BATCH_JOBS
from ndr.contract.jobspecs import JOB_NAMES
from ndr.contract.wording import counted
from ndr.local.cost import month
from ndr.local.cost.month import BASELINE_RUNS, LATE, MONTHLY, Assumptions
from ndr.local.cost.prices import Prices
from ndr.local.cost.transitions import Definition, machine_transitions, polls, run_pipeline_transitions

BUILD: Final = "BuildBaselines"
"""The Map state of `baselines` with one item for each pipeline execution."""
PLAN_SECONDS: Final = 0.5
PLAN_READ_UNITS: Final = len(JOB_NAMES) + 1  # the JobSpecs and a page of the ledger, with consistent reads
JOB_READ_UNITS: Final = 5
LEDGER_WRITE_UNITS: Final = 2
METRICS: Final = 46  # job seconds and failures, rows, coverage, shares, ages and counts of every dataset
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
        *_data(assumed, prices),
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
    late += 1 + nested(assumed.job_seconds("compaction"))  # the state CompactDays itself
    unload = 1 + nested(assumed.job_seconds("machine_inventory_unload"))  # the state UnloadInventory itself
    return assumed.mini_batches * mini_batch + BASELINE_RUNS * baselines + LATE * late + MONTHLY * unload


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
    published = assumed.mini_batches * len(BATCH_JOBS) + BASELINE_RUNS
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
        Line(
            "DynamoDB",
            "ledger written",
            BASELINE_RUNS * LEDGER_WRITE_UNITS,
            "write units",
            prices["dynamodb_write_unit"],
        ),
        Line("EventBridge Scheduler", "schedules", runs, "invocations", prices["schedule_invocation"]),
        Line("EventBridge", "events of publications", published, "events", prices["custom_event"]),
    ]


def _data(assumed: Assumptions, prices: Prices) -> list[Line]:
    stored = assumed.hosts * month.STORED_MB_PER_HOST_DAY * assumed.kept_days / 1024
    each = month.REQUESTS
    puts = assumed.mini_batches * each["mini_batch_puts"] + BASELINE_RUNS * each["baseline_puts"]
    gets = assumed.mini_batches * each["mini_batch_gets"] + BASELINE_RUNS * each["baseline_gets"]
    return [
        Line("S3", f"{counted(assumed.kept_days, 'day')} kept", stored, "GB", prices["s3_gb_month"]),
        Line("S3", "objects written", puts, "requests", prices["s3_put"]),
        Line("S3", "objects read", gets, "requests", prices["s3_get"]),
    ]


def _watching(stack: Stack, assumed: Assumptions, prices: Prices) -> list[Line]:
    logged = (transitions(stack, assumed) * LOG_KB_PER_TRANSITION + _jobs(assumed) * LOG_KB_PER_JOB) / 1024**2
    traces = 2 * (assumed.mini_batches + BASELINE_RUNS + LATE)  # the machine and its nested execution
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
    return 4 * (assumed.mini_batches + BASELINE_RUNS) + 3 * LATE + MONTHLY


def _jobs(assumed: Assumptions) -> float:
    return assumed.mini_batches * len(assumed.containers.jobs) + BASELINE_RUNS + LATE + MONTHLY
