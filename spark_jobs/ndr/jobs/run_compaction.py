"""Entry point of CompactionStep."""

from __future__ import annotations

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import Interval
from ndr.contract.wording import counted
from ndr.jobs.compaction.job import Compacted, LeftAlone, compact_days
from ndr.jobs.entry import Arguments, main
from ndr.jobs.leases import Leases
from ndr.jobs.run import Run, job_logger
from ndr.jobs.tables import register_days


def job(run: Run, arguments: Arguments) -> None:
    """Compact and sweep days, and log each partition that was published or deleted, or left alone with the reason.

    All that is published of the days is then registered in the Iceberg tables.

    Raises
    ------
    InvalidRequestError
        The days are not whole UTC days, or not over.
    PublishConflictError
        Another run has taken a partition over after it was published.
    SchemaMismatchError
        What is published of a day is damaged; the other days are compacted.
    """
    days = Interval.parse(arguments.day_start_ts_iso, arguments.day_end_ts_iso, ("DayStartTsIso", "DayEndTsIso"))
    log, leases = job_logger(run.job_name), Leases.in_environment(run)
    damaged: list[LeftAlone] = []
    with leases.kept():
        for outcome in compact_days(leases.leased_run, days):
            match outcome:
                case Compacted(manifest, partitions):
                    leases.record_published(manifest)
                    rows = {name: table.rows for name, table in manifest.tables.items()}
                    extra = {"dataset": manifest.dataset, "partition": str(manifest.interval), "rows": rows}
                    log.info("compacted", extra=extra | {"partitions": partitions})
                case LeftAlone():
                    extra = {"dataset": outcome.dataset, "partition": str(outcome.interval)}
                    log.warning("left alone", extra=extra | {"reason": outcome.reason})
                    damaged += [outcome] if outcome.is_damaged else []
                case _:
                    log.info("swept", extra={"uri": outcome.uri})
    register_days(run, days)
    if damaged:
        first = damaged[0]
        raise SchemaMismatchError(
            f"{counted(len(damaged), 'day of datasets was left as it is', 'days of datasets were left as they are')}; "
            f"the first is {first.dataset} of {first.interval}: {first.reason}"
        )


if __name__ == "__main__":
    main("compaction", ["day-start-ts-iso", "day-end-ts-iso"], job)
