"""Pipeline executions that have not ended, whichever caller started them.

An aborted state machine execution leaves its pipeline execution running. The next plan finds it here and follows it to
its end, instead of starting the same work a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.ledger import UNFINISHED
from ndr.contract.time import DAY

LONGEST: Final = 4 * DAY
"""The longest time that an execution can run: three steps of at most a day each, and their retries."""
LISTED: Final = 1000  # ten pages; in four days the schedules start 400
READERS: Final = 8


@dataclass(frozen=True, slots=True)
class RunningExecution:
    """A pipeline execution that has not ended, and what it was asked."""

    arn: str
    started: datetime
    parameters: Mapping[str, str]

    def was_asked(self, parameters: Mapping[str, str]) -> bool:
        """Tell whether it was given all `parameters`. Others, such as an instance type, may have any value."""
        return parameters.items() <= self.parameters.items()


def find_running(sagemaker: Any, pipeline_name: str, now: datetime) -> list[RunningExecution]:
    """Return the executions of a pipeline that have not ended: running before stopping, the oldest first.

    Parameters
    ----------
    sagemaker : boto3 client
    now : datetime
        Executions older than LONGEST at this time are not looked for.
    """
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline_name,
        CreatedAfter=now - LONGEST,
        SortBy="CreationTime",
        SortOrder="Descending",
        PaginationConfig={"MaxItems": LISTED, "PageSize": 100},
    )
    try:
        listed = [item for page in pages for item in page["PipelineExecutionSummaries"]]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFound":
            return []  # not registered: starting it says so
        raise
    found = [item for item in listed if item["PipelineExecutionStatus"] in UNFINISHED]
    found.sort(key=lambda item: (UNFINISHED.index(item["PipelineExecutionStatus"]), item["StartTime"]))
    with ThreadPoolExecutor(READERS) as pool:
        asked = pool.map(lambda item: _parameters(sagemaker, item["PipelineExecutionArn"]), found)
        return [
            RunningExecution(item["PipelineExecutionArn"], item["StartTime"], parameters)
            for item, parameters in zip(found, asked, strict=True)
        ]


def running_as(running: Iterable[RunningExecution], parameters: Mapping[str, str]) -> str | None:
    """Return the pipeline execution that was asked all of `parameters`, or None."""
    return next((each.arn for each in running if each.was_asked(parameters)), None)


def _parameters(sagemaker: Any, arn: str) -> dict[str, str]:
    pages = sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(PipelineExecutionArn=arn)
    return {item["Name"]: item["Value"] for page in pages for item in page["PipelineParameters"]}
