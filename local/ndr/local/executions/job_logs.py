"""The log lines of the jobs of an execution."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.ledger import UNFINISHED
from ndr.explanation import LOG_GROUP
from ndr.local.executions.account import RUNNING, ExecutionAccount
from ndr.local.executions.find import Found
from ndr.local.executions.nested import pipelines_of

_POLL_SECONDS: Final = 2.0
_IN_EVERY_LINE: Final = frozenset({
    *("timestamp", "level", "message", "location", "service", "xray_trace_id", "execution", "pipeline_execution"),
    *("processing_job", "cold_start", "function_name", "function_request_id", "sampling_rate"),
})  # fmt: skip
"""Fields that each line of a job repeats."""


@dataclass(frozen=True)
class Job:
    """A Processing job of a step."""

    pipeline_execution: str
    step: str
    name: str


@dataclass(frozen=True)
class Line:
    """A log line.

    Attributes
    ----------
    at : datetime
    step : str
        The step whose job wrote it.
    stream : str
        The log stream, one an instance of the job.
    message : str
        As it was written.
    """

    at: datetime
    step: str
    stream: str
    message: str

    def text(self) -> str:
        """Return the message; of a JSON line its level, its sentence and what it has of its own."""
        fields = _fields(self.message)
        if fields is None:
            return self.message
        own = {name: value for name, value in fields.items() if name not in _IN_EVERY_LINE and value is not None}
        told = " ".join(f"{name}={_value(value)}" for name, value in own.items())
        return f"{fields.get('level', '')} {fields['message']} {told}".strip()


def jobs_of(account: ExecutionAccount, found: Found, step: str = "") -> list[Job]:
    """Return the Processing jobs of an execution in order of their start; of one step, where one is given."""
    pipelines = [found.arn] if found.is_pipeline else pipelines_of(account, found.arn)
    return [job for arn in pipelines for job in _jobs(account.sagemaker, arn) if step in ("", job.step)]


def log_lines(account: ExecutionAccount, job: Job, since: Mapping[str, int] | None = None) -> Iterator[Line]:
    """Yield the log lines of a job by stream; without those that are not newer than `since`, milliseconds by stream."""
    for stream in _streams(account.logs, f"{job.name}/"):
        start = (since or {}).get(stream, -1) + 1
        pages = account.logs.get_paginator("filter_log_events").paginate(
            logGroupName=LOG_GROUP, logStreamNames=[stream], startTime=start
        )
        for page in pages:
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                if '"_aws"' not in event["message"]:  # a metric
                    yield Line(at, job.step, stream, event["message"].rstrip("\n"))


def followed_lines(account: ExecutionAccount, found: Found, step: str = "") -> Iterator[Line]:
    """Yield the log lines of an execution's jobs as they come, until the execution has ended."""
    newest: dict[str, int] = {}
    ended = False
    while True:
        for job in jobs_of(account, found, step):
            for line in log_lines(account, job, newest):
                newest[line.stream] = max(newest.get(line.stream, -1), round(line.at.timestamp() * 1000))
                yield line
        if ended:
            return
        ended = _has_ended(account, found)
        if not ended:
            time.sleep(_POLL_SECONDS)


def _has_ended(account: ExecutionAccount, found: Found) -> bool:
    if found.is_pipeline:
        described = account.sagemaker.describe_pipeline_execution(PipelineExecutionArn=found.arn)
        return described["PipelineExecutionStatus"] not in UNFINISHED
    return bool(account.states.describe_execution(executionArn=found.arn)["status"] != RUNNING)


def _jobs(sagemaker: Any, pipeline_execution: str) -> list[Job]:
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(PipelineExecutionArn=pipeline_execution)
    steps = [step for page in pages for step in page["PipelineExecutionSteps"] if step.get("StartTime")]
    with_jobs = [(step, step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn")) for step in steps]
    return [
        Job(pipeline_execution, step["StepName"], arn.rpartition("/")[2])
        for step, arn in sorted(with_jobs, key=lambda each: each[0]["StartTime"])
        if arn
    ]


def _streams(logs: Any, prefix: str) -> list[str]:
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=LOG_GROUP, logStreamNamePrefix=prefix)
    return _or_none_yet(lambda: [stream["logStreamName"] for page in pages for stream in page["logStreams"]])


def _or_none_yet(list_streams: Callable[[], list[str]]) -> list[str]:
    try:
        return list_streams()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":  # no job has written anything
            raise
        return []


def _fields(message: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(message)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and isinstance(fields.get("message"), str) else None


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
