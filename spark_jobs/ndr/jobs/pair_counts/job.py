"""The pair counts builder: published peer deltas in, one partition of pair counts a UTC day out."""

from __future__ import annotations

from collections.abc import Iterator

from ndr.contract.datasets import PAIR_COUNTS, PEER_DELTAS
from ndr.contract.jobspecs.pair_counts_builder import PairCountsBuilderSpec
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval
from ndr.jobs.pair_counts.kernel import build_pair_counts
from ndr.jobs.pair_counts.on_spark import write_pair_counts
from ndr.jobs.run import Run
from ndr.store.catalog import pieces_coverage
from ndr.store.partition import time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan


def publish_pair_counts(run: Run, spec: PairCountsBuilderSpec, batch: Interval) -> Iterator[Manifest]:
    """Publish the pair counts of a batch, a UTC day at a time.

    Yields
    ------
    Manifest
        Of each partition, as it is published; its coverage is that of the deltas it was built from.
    """
    for day in batch.steps(DAY):
        scan = Scan.of(spec.inputs.deltas, PEER_DELTAS, day)
        writer = PartitionWriter(time_partition_uri(spec.outputs.pair_counts, day))
        if run.spark is None:
            writer.write(build_pair_counts(scan.read(coded=True)), PAIR_COUNTS)
        else:
            write_pair_counts(run.spark, scan, writer)
        yield writer.commit(
            run.fence(PAIR_COUNTS.name, day),
            dataset=PAIR_COUNTS.name,
            start=day.start,
            end=day.end,
            inputs=scan.inputs,
            coverage=pieces_coverage(scan.pieces, day),
            **run.facts,
        )
