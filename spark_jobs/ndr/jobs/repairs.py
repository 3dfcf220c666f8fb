"""What a mini-batch builds again beside its own slice: partitions of the last day whose inputs have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ndr.contract.datasets import DELTAS, Dataset
from ndr.contract.errors import PublishConflictError, SchemaMismatchError
from ndr.contract.lineage import REPAIRED, outdated
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, merged
from ndr.jobs.host_identity.dhcp_lineage import Leases
from ndr.jobs.published_deltas import PublishedDeltas
from ndr.jobs.run import Run, job_logger
from ndr.store.catalog import published_pieces

Known = TypeVar("Known")
"""What is known of the inputs of an interval."""


def outdated_intervals(
    run: Run,
    prefix: str,
    dataset: Dataset,
    deltas: PublishedDeltas,
    batch: Interval,
    reach: Callable[[Interval], Interval],
    leases: Leases | None = None,
) -> Iterator[tuple[Interval, PublishedDeltas]]:
    """Find what is stale or missing of a dataset in the day before a batch's end, without the batch itself.

    Parameters
    ----------
    prefix, dataset
        Where the built partitions lie, and of what they are.
    deltas : PublishedDeltas
        Of at least the time that the batch is built from.
    reach : callable
        Returns the time of the deltas that an interval is built from.
    leases : Leases, optional
        Where hosts are machines: what the DHCP logs have now.

    Yields
    ------
    (Interval, PublishedDeltas)
        Oldest first, each within a UTC day, with the deltas that answer for all its inputs.
    """
    start = batch.end - REPAIRED
    if start >= batch.start:
        return
    wanted = Interval(start, batch.start)
    pieces = published_pieces(prefix, wanted, dataset.name, run.owner, pass_over_unreadable=True)
    try:
        deltas = deltas.extended(reach(wanted))
    except SchemaMismatchError as error:
        job_logger(run.job_name).warning("earlier intervals are not checked", extra={"reason": str(error)})
        return
    built = [(piece.partition.manifest, piece.interval) for piece in pieces]
    found = outdated(built, {DELTAS.name: deltas.answers}, DELTAS.name, wanted, reach)
    for interval in merged([*found, *(leases.outdated(built) if leases else ())]):
        for part in interval.steps(DAY):
            yield part, deltas


def repaired(
    run: Run,
    dataset: Dataset,
    intervals: Iterable[tuple[Interval, Known]],
    publish: Callable[[Interval, Known], Iterable[Manifest]],
) -> Iterator[Manifest]:
    """Publish outdated intervals again. One that another run is building is left to it.

    Yields
    ------
    Manifest
        Of each partition, as it is published.
    """
    log = job_logger(run.job_name)
    for interval, known in intervals:
        held = run.claims.claim(run.lease_key(dataset.name, interval))
        if held:
            log.warning("repair left to another run", extra={"reason": str(held)})
            continue
        try:
            yield from publish(interval, known)
        except PublishConflictError as error:
            log.warning("repair left to another run", extra={"reason": str(error)})
