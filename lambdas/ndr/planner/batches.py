"""Batches of features to build before baselines: those that run already, and those that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs import JobSpec
from ndr.contract.pipelines import Parameters, rebuild_parameters
from ndr.contract.time import Interval
from ndr.contract.wording import counted
from ndr.planner.covered import Covered
from ndr.planner.report import followed_sentence
from ndr.planner.running import RunningExecution
from ndr.planner.upstream import Upstream


@dataclass(frozen=True, order=True, slots=True)
class BatchInProgress:
    """A batch that a pipeline execution builds from all its mini-batches."""

    batch: Interval
    arn: str


def find_batches_in_progress(
    running: Iterable[RunningExecution], steps: Sequence[JobSpec[Any]], wanted: Sequence[Interval]
) -> list[BatchInProgress]:
    """Return the running batches of the project of `steps` that meet a wanted interval, in order, one an interval."""
    found: dict[Interval, str] = {}
    asked = Covered.of(wanted)
    for execution in running:
        batch = _batch_of(execution)
        if batch is None or not execution.was_asked(rebuild_parameters(steps, batch)):
            continue
        if asked.meets(batch):
            found.setdefault(batch, execution.arn)
    return sorted(BatchInProgress(batch, arn) for batch, arn in found.items())


def plan_missing_batches(
    running: Iterable[RunningExecution],
    steps: Sequence[JobSpec[Any]],
    wanted: Sequence[Interval],
    upstream: Upstream | None,
) -> tuple[list[BatchInProgress], list[Interval]]:
    """Return the running batches that meet a wanted interval, and the batches that build the rest of its gaps."""
    in_progress = find_batches_in_progress(running, steps, wanted)
    return in_progress, upstream.missing_batches(wanted, [each.batch for each in in_progress]) if upstream else []


@dataclass(frozen=True, slots=True)
class PlannedBatches:
    """A plan's batches: the parameters of each, and by MiniBatchId the executions that are followed.

    Running batches come first: two executions at once would build what both reach over.
    """

    parameters: list[Parameters]
    followed: dict[str, str]

    @classmethod
    def of(
        cls,
        in_progress: Sequence[BatchInProgress],
        batches: Sequence[Interval],
        steps: Sequence[JobSpec[Any]],
        replace_with_empty: bool,
    ) -> PlannedBatches:
        followed = [rebuild_parameters(steps, each.batch) for each in in_progress]
        arns = {batch["MiniBatchId"]: each.arn for batch, each in zip(followed, in_progress, strict=True)}
        return cls([*followed, *(rebuild_parameters(steps, batch, replace_with_empty) for batch in batches)], arns)


def followed_batches_sentences(followed: Mapping[str, str]) -> list[str]:
    """Say which pipeline executions already build batches, in one sentence or none."""
    what = counted(len(followed), "batch of features is being built", "batches of features are being built")
    return [followed_sentence(what, list(followed.values()))] if followed else []


def _batch_of(execution: RunningExecution) -> Interval | None:
    parameters = execution.parameters
    try:
        return Interval.parse(parameters.get("BatchStartTsIso", ""), parameters.get("BatchEndTsIso", ""))
    except InvalidRequestError:
        return None
