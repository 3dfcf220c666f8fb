"""Entry point of FGCCorrBuilderStep."""

from __future__ import annotations

from datetime import UTC, datetime

from ndr.contract.datasets import FG_C
from ndr.contract.jobspecs import FG_A_BUILDER, FG_B_BUILDER, FG_C_BUILDER
from ndr.contract.time import DAY, format_instant
from ndr.findings.files import tell
from ndr.jobs.entry import REPLACE_WITH_EMPTY, Arguments, batch_of, main, replace_with_empty
from ndr.jobs.fg_c.findings import findings_place
from ndr.jobs.fg_c.job import FgCSpecs, publish_fg_c
from ndr.jobs.host_identity.of_run import machine_lookup
from ndr.jobs.leases import leased
from ndr.jobs.metrics import count_partition
from ndr.jobs.run import Run, job_logger
from ndr.store.partition import time_partition_uri


def job(run: Run, arguments: Arguments) -> None:
    """Score the hosts and pairs of one batch, repair the scores of the last day, and tell the findings of each.

    Raises
    ------
    PublishConflictError
        Another run holds a partition of the batch, or has taken it over.
    """
    batch, log = batch_of(arguments), job_logger(run.job_name)
    fg_c, fg_b, fg_a = run.spec(FG_C_BUILDER), run.spec(FG_B_BUILDER), run.spec(FG_A_BUILDER)
    specs = FgCSpecs(fg_c, fg_b, fg_a, run.networks(), machine_lookup(run).inventory_of)
    replace, place = replace_with_empty(arguments), findings_place(run, specs)
    with leased(run, FG_C, batch.steps(DAY)) as leases:
        for manifest in publish_fg_c(leases.leased_run, specs, batch, replace):
            told = tell(place, manifest.interval, manifest.published_at, datetime.now(UTC))
            uri = time_partition_uri(specs.fg_c.outputs.fg_c, manifest.interval)
            counts = {"findings": told.findings, "closed": told.closed} if told else {}
            leases.record_published(manifest, uri, **counts)
            count_partition(run, manifest)
            rows = {name: table.rows for name, table in manifest.tables.items()}
            extra = {"partition": format_instant(manifest.start), "rows": rows, "note": manifest.note}
            findings = counts | ({"suppressed": told.suppressed_count} if told else {})
            log.info("published", extra=extra | findings | {"is_repair": manifest.end <= batch.start})


if __name__ == "__main__":
    main("fg_c_builder", ["mini-batch-id", "batch-start-ts-iso", "batch-end-ts-iso", REPLACE_WITH_EMPTY], job)
