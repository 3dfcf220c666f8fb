"""Entry point of PairCountsBuilderStep."""

from __future__ import annotations

from ndr.contract.jobspecs import PAIR_COUNTS_BUILDER
from ndr.contract.time import format_instant
from ndr.jobs.entry import REPLACE_WITH_EMPTY, Arguments, batch_of, main, replace_with_empty
from ndr.jobs.metrics import count_partition
from ndr.jobs.pair_counts.job import publish_pair_counts
from ndr.jobs.run import Run, job_logger


def job(run: Run, arguments: Arguments) -> None:
    """Build the pair counts of one batch, repair those of the last day, and say what each partition holds."""
    batch, log = batch_of(arguments), job_logger(run.job_name)
    for manifest in publish_pair_counts(run, run.spec(PAIR_COUNTS_BUILDER), batch, replace_with_empty(arguments)):
        count_partition(run, manifest)
        rows = manifest.tables["pair_counts"].rows
        extra = {"partition": format_instant(manifest.start), "rows": rows, "is_repair": manifest.end <= batch.start}
        log.info("published", extra=extra)


if __name__ == "__main__":
    main("pair_counts_builder", ["mini-batch-id", "batch-start-ts-iso", "batch-end-ts-iso", REPLACE_WITH_EMPTY], job)
