"""Scores of the week before that other versions of the baselines judged than those that are published now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ndr.contract.datasets import FG_A, FG_C
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.lineage import REPAIRED, stale_parts
from ndr.contract.time import DAY, Interval, floor_to, merged
from ndr.jobs.fg_c.inputs import Inputs
from ndr.jobs.run import Run, job_logger
from ndr.store.catalog import published_pieces
from ndr.store.valid_baselines import PublishedBaselines

RESCORED: Final = 7 * DAY
"""How long before the last REPAIRED scores follow a baseline that was built again."""
_ON_TIME: Final = REPAIRED / 2
"""A baseline that is published so soon after its end was there for the repairs of the last day."""


def judged_by_others(
    run: Run, spec: FgCBuilderSpec, fg_b_metrics: tuple[str, ...], batch: Interval
) -> Iterator[tuple[Interval, Inputs]]:
    """Find the newest day of RESCORED whose scores are to be built again by the baselines that are published now.

    One day at a time, so that no mini-batch has much to do: the following ones do the days before. Nothing is read but
    the manifests of baselines, unless one of them was published late.

    Yields
    ------
    (Interval, Inputs)
        Parts of one UTC day, where FG-A is published.
    """
    end = batch.end - REPAIRED
    if end >= batch.start:
        return
    wanted = Interval(floor_to(end, DAY) - RESCORED, end)
    baselines = PublishedBaselines.of(spec.inputs.fg_b, wanted)
    published = [each.manifest for of in baselines.by_horizon.values() for each in of]
    if all(each.published_at < each.end + _ON_TIME for each in published):
        return
    pieces = published_pieces(spec.outputs.fg_c, wanted, FG_C, run.owner, pass_over_unreadable=True)
    built = [(piece.partition.manifest, piece.interval) for piece in pieces]
    stale = merged(stale_parts(built, baselines.answers(wanted), lambda part: part))
    days = [part for each in stale for part in each.steps(DAY)]
    newest = [each for each in days if floor_to(each.start, DAY) == floor_to(days[-1].start, DAY)]
    for interval in newest:
        try:
            inputs = Inputs.of(spec, fg_b_metrics, run.owner, interval)
        except SchemaMismatchError as error:
            job_logger(run.job_name).warning("not scored again", extra={"reason": str(error)})
            return
        for part in merged(each.interval for each in inputs.answers(interval)[FG_A.name].within(interval)):
            yield part, inputs
