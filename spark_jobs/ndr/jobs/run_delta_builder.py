"""Entry point of DeltaBuilderStep."""

from __future__ import annotations

from ndr.contract.jobspecs import DELTA_BUILDER
from ndr.contract.time import format_instant
from ndr.jobs.deltas.job import publish_deltas
from ndr.jobs.entry import Arguments, batch_of, main
from ndr.jobs.metrics import count_partition
from ndr.jobs.run import Run, job_logger


def job(run: Run, arguments: Arguments) -> None:
    """Build the deltas of one batch and say what each partition holds."""
    batch, log = batch_of(arguments), job_logger(run.job_name)
    for manifest in publish_deltas(run, run.spec(DELTA_BUILDER), arguments.mini_batch_id, batch):
        count_partition(run, manifest)
        log.info(
            "published",
            extra={
                "partition": format_instant(manifest.start),
                "rows": manifest.rows.model_dump() if manifest.rows else None,
                "deltas": manifest.tables["deltas"].rows,
                "note": manifest.note,
            },
        )


if __name__ == "__main__":
    main("delta_builder", ["mini-batch-id", "batch-start-ts-iso", "batch-end-ts-iso"], job)
