"""Rebuilds at work: executions of the 15-minute pipeline that build a range's features from all its mini-batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.item import JobSpec
from ndr.contract.pipelines import rebuild_parameters
from ndr.contract.time import Interval
from ndr.planner.report import followed_sentence
from ndr.planner.running import RunningExecution
from ndr.planner.upstream import Upstream


@dataclass(frozen=True, order=True, slots=True)
class Rebuild:
    """A batch that a pipeline execution rebuilds."""

    batch: Interval
    arn: str


def find_rebuilds(
    running: Iterable[RunningExecution], steps: Sequence[JobSpec], wanted: Sequence[Interval]
) -> list[Rebuild]:
    """Return the rebuilds at work for the project of `steps` that meet a wanted interval, in order, one a batch."""
    found: dict[Interval, str] = {}
    for execution in running:
        batch = _batch_of(execution)
        if batch is None or not execution.was_asked(rebuild_parameters(steps, batch)):
            continue
        if any(batch.intersection(each) for each in wanted):
            found.setdefault(batch, execution.arn)
    return sorted(Rebuild(batch, arn) for batch, arn in found.items())


def plan_fills(
    running: Iterable[RunningExecution],
    steps: Sequence[JobSpec],
    wanted: Sequence[Interval],
    upstream: Upstream | None,
) -> tuple[list[Rebuild], list[Interval]]:
    """Return the rebuilds at work that meet a wanted interval, and the batches that build the rest of its gaps."""
    rebuilds = find_rebuilds(running, steps, wanted)
    return rebuilds, upstream.fills(wanted, [each.batch for each in rebuilds]) if upstream else []


def fills_of_plan(rebuilds: Sequence[Rebuild], batches: Sequence[Interval], steps: Sequence[JobSpec]) -> dict[str, Any]:
    """Return the plan's `fills`, and in `followed_fills` the pipeline executions to follow, by `MiniBatchId`.

    What is at work comes first: two executions at once would build what both reach over.
    """
    followed = [rebuild_parameters(steps, each.batch) for each in rebuilds]
    fresh = [rebuild_parameters(steps, batch) for batch in batches]
    arns = {fill["MiniBatchId"]: each.arn for fill, each in zip(followed, rebuilds, strict=True)}
    return {"fills": [*followed, *fresh], "followed_fills": arns}


def followed_fills_sentences(followed: Mapping[str, str]) -> list[str]:
    """Say which pipeline executions build batches already, in one sentence or none."""
    what = f"{len(followed)} batches of features are being built"
    return [followed_sentence(what, list(followed.values()))] if followed else []


def _batch_of(execution: RunningExecution) -> Interval | None:
    parameters = execution.parameters
    try:
        return Interval.parse(parameters.get("BatchStartTsIso", ""), parameters.get("BatchEndTsIso", ""))
    except InvalidRequestError:
        return None
