"""From delivery to features: how long each slice took, by the account's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from typing import Any, Final

from ndr.contract.fifteen_minutes import SINGLE_STEP
from ndr.contract.pipelines import MINI_BATCH_PIPELINE
from ndr.contract.time import Interval
from tests.fortnight.deliveries import Delivery
from tests.fortnight.stack import Stack

READING: Final = "DeltaBuilderStep"
PUBLISHING: Final = "FGABuilderStep"


@dataclass(frozen=True)
class Built:
    """Features of a batch: when the deltas began to be read, and when FG-A was published."""

    batch: Interval
    began: datetime
    published: datetime


def minutes_to_features(
    delivered: Sequence[Delivery], slices: Sequence[Interval], built: Sequence[Built]
) -> list[float]:
    """Return for each slice the minutes from its first delivery until features hold it; a slice without has none."""
    first = {each.batch: each.at for each in reversed(delivered)}
    found = []
    for each in slices:
        ends = [one.published for one in built if one.began >= first[each] and one.batch.intersection(each)]
        if ends:
            found.append((min(ends) - first[each]).total_seconds() / 60)
    return found


def percentiles(minutes: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 95th percentile."""
    cuts = quantiles(minutes, n=20, method="inclusive") if len(minutes) > 1 else [*minutes] * 19
    return cuts[9], cuts[18]


def built_batches(stack: Stack) -> list[Built]:
    """Return what the executions of a stack's 15-minute pipeline built."""
    sagemaker = stack.client("sagemaker")
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=f"{MINI_BATCH_PIPELINE}{stack.suffix}"
    )
    found = []
    for execution in (each for page in pages for each in page["PipelineExecutionSummaries"]):
        arn = execution["PipelineExecutionArn"]
        steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        by_name: Mapping[str, Any] = {step["StepName"]: step for step in steps if step["StepStatus"] == "Succeeded"}
        reading, publishing = (by_name.get(name) or by_name.get(SINGLE_STEP) for name in (READING, PUBLISHING))
        if reading and publishing:
            listed = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
            parameters = {each["Name"]: each["Value"] for each in listed}
            if parameters["ProjectName"] == stack.name:
                batch = Interval.parse(parameters["BatchStartTsIso"], parameters["BatchEndTsIso"])
                # Its job reads what is there when the start-up is over, which is when the step ends by this clock.
                found.append(Built(batch, reading["EndTime"], publishing["EndTime"]))
    return found
