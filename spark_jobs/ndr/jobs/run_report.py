"""Entry point of ReportStep. It ends with 0 where it fails too: no data depends on the report.

The failure is in the log, in the job's message and in the metric JobFailures, and the last report stays where it is.
"""

from __future__ import annotations

from ndr.jobs.entry import Arguments, main, optional
from ndr.jobs.report.job import ledger_in_environment, publish_report
from ndr.jobs.run import Run, job_logger


def job(run: Run, arguments: Arguments) -> None:
    """Write the report, and log where it lies.

    Raises
    ------
    NdrError
        Nothing is published, or it can't be read.
    """
    uri = publish_report(run, ledger_in_environment(), optional(arguments.stack_name))
    job_logger(run.job_name).info("reported", extra={"uri": uri})


def run_without_failing(argv: list[str] | None = None) -> None:
    """Run the job; a failure is reported as that of other jobs, but does not fail the step."""
    try:
        main("report", ["stack-name"], job, argv)
    except SystemExit as end:
        if end.code == 2:  # wrong arguments are a fault of the pipeline's definition
            raise
    except Exception:
        return  # logged and reported


if __name__ == "__main__":
    run_without_failing()
