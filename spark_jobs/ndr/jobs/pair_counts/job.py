"""The pair counts builder: published peer deltas in, one partition of pair counts a UTC day out."""

from __future__ import annotations

from collections.abc import Iterator

from ndr.contract.datasets import DELTAS, PAIR_COUNTS, PEER_DELTAS
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.pair_counts_builder import PairCountsBuilderSpec
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, SLICE, Interval, unfilled
from ndr.jobs.pair_counts.kernel import build_pair_counts
from ndr.jobs.pair_counts.on_spark import write_pair_counts
from ndr.jobs.published_deltas import PublishedDeltas
from ndr.jobs.repairs import outdated_intervals, repaired
from ndr.jobs.run import Run
from ndr.store.catalog import pieces_coverage
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.replacement import PublishedRows, refuse_empty, refuse_unreadable
from ndr.store.scan import Scan


def publish_pair_counts(
    run: Run, spec: PairCountsBuilderSpec, batch: Interval, replace_with_empty: bool = False
) -> Iterator[Manifest]:
    """Publish the pair counts of a batch, a UTC day at a time, and repair those of the last day.

    Parameters
    ----------
    replace_with_empty : bool
        Whether slices of the batch that have published rows may be left without any because their deltas are absent.

    Yields
    ------
    Manifest
        Of each partition, as it is published: first of the batch, then of intervals in the day before its end whose
        deltas have changed. Its coverage is that of the deltas it was built from.

    Raises
    ------
    EmptyResultError
        Slices of the batch that have published rows would have none, and their deltas are not published.
    """
    deltas = PublishedDeltas.of(spec.inputs.deltas, run.owner, batch)
    for interval in batch.steps(DAY):
        scan = deltas.scan(PEER_DELTAS, interval)
        if not replace_with_empty:
            _refuse_empty(run, spec, scan, interval)
        yield _publish(run, spec, deltas, interval)
    repairs = outdated_intervals(run, spec.outputs.pair_counts, PAIR_COUNTS, deltas, batch, lambda interval: interval)
    yield from repaired(run, PAIR_COUNTS, repairs, lambda interval, known: [_publish(run, spec, known, interval)])


def _publish(run: Run, spec: PairCountsBuilderSpec, deltas: PublishedDeltas, interval: Interval) -> Manifest:
    scan = deltas.scan(PEER_DELTAS, interval)
    writer = PartitionWriter(time_partition_uri(spec.outputs.pair_counts, interval))
    if run.spark is None:
        writer.write(build_pair_counts(scan.read(coded=True)), PAIR_COUNTS)
    else:
        write_pair_counts(run.spark, scan, writer)
    return writer.commit(
        run.fence(PAIR_COUNTS.name, interval),
        dataset=PAIR_COUNTS.name,
        start=interval.start,
        end=interval.end,
        inputs=scan.inputs,
        reads=(deltas.answers.named(DELTAS.name, interval),),
        coverage=pieces_coverage(scan.pieces, interval),
        **run.facts,
    )


def _refuse_empty(run: Run, spec: PairCountsBuilderSpec, scan: Scan, interval: Interval) -> None:
    absent = unfilled(interval, [piece.interval for piece in scan.pieces])
    if not absent:
        return
    why = f"No deltas below {spec.inputs.deltas} are published for a part of {interval}."
    try:
        published = PublishedRows.of(spec.outputs.pair_counts, PAIR_COUNTS, interval, run.owner)
    except SchemaMismatchError as error:
        refuse_unreadable(PAIR_COUNTS, error, not scan.pieces, why)
        return
    refuse_empty(PAIR_COUNTS, published, {each.start for gap in absent for each in gap.steps(SLICE)}, why)
