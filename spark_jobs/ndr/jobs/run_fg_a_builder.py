"""Entry point of FGABuilderStep."""

from __future__ import annotations

from ndr.contract.jobspecs import FG_A_BUILDER
from ndr.contract.time import format_instant
from ndr.jobs.entry import REPLACE_WITH_EMPTY, Arguments, batch_of, main, replace_with_empty
from ndr.jobs.fg_a.job import publish_fg_a
from ndr.jobs.metrics import count_partition
from ndr.jobs.run import Run, job_logger


def job(run: Run, arguments: Arguments) -> None:
    """Build the window features of one batch, repair those of the last day, and say what each partition holds."""
    batch, log = batch_of(arguments), job_logger(run.job_name)
    for manifest in publish_fg_a(run, run.spec(FG_A_BUILDER), batch, replace_with_empty(arguments)):
        count_partition(run, manifest)
        rows = manifest.tables["fg_a"].rows
        extra = {"partition": format_instant(manifest.start), "rows": rows, "is_repair": manifest.end <= batch.start}
        log.info("published", extra=extra | {"note": manifest.note})


if __name__ == "__main__":
    main("fg_a_builder", ["mini-batch-id", "batch-start-ts-iso", "batch-end-ts-iso", REPLACE_WITH_EMPTY], job)
