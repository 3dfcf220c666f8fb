"""Entry point of PairCountsBuilderStep."""

from __future__ import annotations

from ndr.contract.datasets import PAIR_COUNTS
from ndr.contract.jobspecs import PAIR_COUNTS_BUILDER
from ndr.contract.time import DAY, format_instant
from ndr.jobs.entry import REPLACE_WITH_EMPTY, Arguments, batch_of, main, replace_with_empty
from ndr.jobs.leases import leased
from ndr.jobs.metrics import count_partition
from ndr.jobs.pair_counts.job import publish_pair_counts
from ndr.jobs.run import Run, job_logger
from ndr.store.partition import time_partition_uri


def job(run: Run, arguments: Arguments) -> None:
    """Build the pair counts of one batch, repair those of the last day, and log the facts of each partition.

    Raises
    ------
    PublishConflictError
        Another run holds a partition of the batch, or has taken it over.
    """
    batch, log = batch_of(arguments), job_logger(run.job_name)
    spec, replace = run.spec(PAIR_COUNTS_BUILDER), replace_with_empty(arguments)
    with leased(run, PAIR_COUNTS.name, batch.steps(DAY)) as leases:
        for manifest in publish_pair_counts(leases.leased_run, spec, batch, replace):
            leases.record_published(manifest, time_partition_uri(spec.outputs.pair_counts, manifest.interval))
            count_partition(run, manifest)
            rows = manifest.tables[PAIR_COUNTS.name].rows
            extra = {"partition": format_instant(manifest.start), "rows": rows}
            log.info("published", extra=extra | {"is_repair": manifest.end <= batch.start})


if __name__ == "__main__":
    main("pair_counts_builder", ["mini-batch-id", "batch-start-ts-iso", "batch-end-ts-iso", REPLACE_WITH_EMPTY], job)
