"""Entry point of DeltaBuilderStep."""

from __future__ import annotations

from ndr.contract.datasets import DELTAS
from ndr.contract.jobspecs import DELTA_BUILDER
from ndr.contract.time import DAY, format_instant
from ndr.jobs.deltas.job import publish_deltas
from ndr.jobs.entry import REPLACE_WITH_EMPTY, Arguments, batch_of, main, replace_with_empty
from ndr.jobs.leases import leased
from ndr.jobs.metrics import count_partition
from ndr.jobs.run import Run, job_logger
from ndr.store.partition import time_partition_uri


def job(run: Run, arguments: Arguments) -> None:
    """Build the deltas of one batch under leases, and log the facts of each partition.

    Raises
    ------
    PublishConflictError
        Another run holds a partition of the batch, or has taken it over.
    """
    batch, log = batch_of(arguments), job_logger(run.job_name)
    spec, replace = run.spec(DELTA_BUILDER), replace_with_empty(arguments)
    with leased(run, DELTAS.name, batch.steps(DAY)) as leases:
        for manifest in publish_deltas(leases.leased_run, spec, arguments.mini_batch_id, batch, replace):
            leases.record_published(manifest, time_partition_uri(spec.outputs.deltas, manifest.interval))
            count_partition(run, manifest)
            log.info(
                "published",
                extra={
                    "partition": format_instant(manifest.start),
                    "rows": manifest.rows.model_dump() if manifest.rows else None,
                    "deltas": manifest.tables[DELTAS.name].rows,
                    "note": manifest.note,
                },
            )


if __name__ == "__main__":
    main("delta_builder", ["mini-batch-id", "batch-start-ts-iso", "batch-end-ts-iso", REPLACE_WITH_EMPTY], job)
