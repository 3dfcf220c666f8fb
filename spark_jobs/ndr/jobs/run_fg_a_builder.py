"""Entry point of FGABuilderStep."""

from __future__ import annotations

from ndr.contract.datasets import FG_A
from ndr.contract.jobspecs import FG_A_BUILDER
from ndr.contract.time import DAY, format_instant
from ndr.jobs.entry import REPLACE_WITH_EMPTY, Arguments, batch_of, main, replace_with_empty
from ndr.jobs.fg_a.job import publish_fg_a
from ndr.jobs.host_identity.of_run import machine_lookup
from ndr.jobs.leases import leased
from ndr.jobs.metrics import count_partition
from ndr.jobs.run import Run, job_logger
from ndr.store.partition import time_partition_uri


def job(run: Run, arguments: Arguments) -> None:
    """Build the window features of one batch, repair those of the last day, and log the facts of each partition.

    Raises
    ------
    PublishConflictError
        Another run holds a partition of the batch, or has taken it over.
    """
    batch, log = batch_of(arguments), job_logger(run.job_name)
    spec, replace = run.spec(FG_A_BUILDER), replace_with_empty(arguments)
    with leased(run, FG_A.name, batch.steps(DAY)) as leases:
        for manifest in publish_fg_a(leases.leased_run, spec, batch, replace, machine_lookup(run)):
            leases.record_published(manifest, time_partition_uri(spec.outputs.fg_a, manifest.interval))
            count_partition(run, manifest)
            rows = manifest.tables[FG_A.name].rows
            extra = {"partition": format_instant(manifest.start), "rows": rows, "note": manifest.note}
            log.info("published", extra=extra | {"is_repair": manifest.end <= batch.start})


if __name__ == "__main__":
    main("fg_a_builder", ["mini-batch-id", "batch-start-ts-iso", "batch-end-ts-iso", REPLACE_WITH_EMPTY], job)
