"""The main function of every entry point: reads arguments, runs the job, reports a named error to SageMaker."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from ndr.contract.errors import InvalidRequestError, NdrError
from ndr.contract.jobspecs import JobName
from ndr.contract.jobspecs.delta_builder import Engine
from ndr.contract.pipelines import NOT_USED
from ndr.contract.time import SLICE, Interval
from ndr.jobs.metrics import count_run
from ndr.jobs.run import Run, job_logger
from ndr.jobs.tables import register_commits
from ndr.spark.cluster import serve
from ndr.spark.engine import SPARK_JOBS, chosen_engine, spark_on
from ndr.spark.instances import Instances, opt_ml, read_instances

REPLACE_WITH_EMPTY: Final = "replace-with-empty"
MESSAGE_LIMIT: Final = 1024
"""Characters of a job's message that SageMaker shows."""
OPTIONAL: Final = {REPLACE_WITH_EMPTY: "false"}
"""Arguments that a pipeline registered before they existed does not give, and what they are then."""


class Arguments(argparse.Namespace):
    """The arguments of a job by their snake_case names, all text."""


def _parse(names: Sequence[str], argv: Sequence[str] | None) -> Arguments:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in dict.fromkeys(("project-name", "feature-spec-version", *names, *OPTIONAL)):
        parser.add_argument(f"--{name}", required=name not in OPTIONAL, default=OPTIONAL.get(name))
    return parser.parse_args(argv, namespace=Arguments())


def batch_of(arguments: Arguments) -> Interval:
    """Read the batch, an interval of whole slices.

    Raises
    ------
    InvalidRequestError
    """
    batch = Interval.parse(
        arguments.batch_start_ts_iso, arguments.batch_end_ts_iso, ("BatchStartTsIso", "BatchEndTsIso")
    )
    if not batch.is_whole(SLICE):
        raise InvalidRequestError(
            f"The batch {batch} does not consist of whole 15-minute slices; "
            "give BatchStartTsIso and BatchEndTsIso at minutes 00, 15, 30 or 45."
        )
    return batch


def replace_with_empty(arguments: Arguments) -> bool:
    """Tell whether published rows may be replaced by none.

    Raises
    ------
    InvalidRequestError
    """
    text = arguments.replace_with_empty.strip().lower()
    if text not in ("true", "false"):
        raise InvalidRequestError(f"ReplaceWithEmpty is {arguments.replace_with_empty!r}; write true or false.")
    return bool(text == "true")


def optional(text: str) -> str | None:
    """Return a job argument, or None where it says `none` or nothing."""
    return None if text.strip().lower() in ("", NOT_USED) else text


def main(
    job_name: str,
    argument_names: Sequence[str],
    job: Callable[[Run, Arguments], None],
    argv: Sequence[str] | None = None,
) -> None:
    """Run a job and exit: 0 when it published, 1 with the reason in SageMaker's message file when it did not."""
    arguments = _parse(argument_names, argv)
    log = job_logger(job_name)
    log.append_keys(**vars(arguments))  # so that log lines can be searched by mini-batch or baseline
    log.info("started")
    started = time.monotonic()
    try:
        run = Run.in_environment(job_name, arguments.project_name, arguments.feature_spec_version)
        on_instances(run, lambda ready: job(ready, arguments), read_instances())
        if read_instances().is_first:
            register_commits(run)
    except NdrError as error:
        reason = f"{type(error).__name__}: {error}"
        log.error(reason)
        count_run(arguments.project_name, job_name, time.monotonic() - started, failed=True)
        report_failure(reason)
        sys.exit(1)
    except Exception as error:
        # The console shows only the text of this file, so it must name unforeseen errors too.
        log.exception("failed")
        count_run(arguments.project_name, job_name, time.monotonic() - started, failed=True)
        report_failure(f"{type(error).__name__}: {error}")
        raise
    seconds = round(time.monotonic() - started, 3)
    log.info("finished", extra={"seconds": seconds})
    if read_instances().is_first:  # the other instances measure the same time
        count_run(arguments.project_name, job_name, seconds, failed=False)


def on_instances(run: Run, job: Callable[[Run], None], instances: Instances) -> None:
    """Run the job on the first instance. The others are Spark workers, or exit at once with the local engine.

    Raises
    ------
    ClusterError
        The instances could not connect; on an instance other than the first: the job failed there.
    """
    asked: Engine = run.spec(cast(JobName, run.job_name)).engine if run.job_name in SPARK_JOBS else "local"
    engine = chosen_engine(asked, instances)
    if engine == "local" and instances.is_first:
        job(run)
    elif engine == "local":
        job_logger(run.job_name).info("nothing to do on this instance", extra={"runs_on": instances.first})
    elif instances.is_first:
        with spark_on(instances) as session:
            job(replace(run, spark=session))
    else:
        serve(instances)


def message_file() -> Path:
    """Return the file whose text SageMaker shows as the reason of a failure."""
    return opt_ml() / "output" / "message"


def report_failure(reason: str) -> None:
    """Write why the job failed to where SageMaker reads it."""
    try:
        message_file().parent.mkdir(parents=True, exist_ok=True)
        message_file().write_text(reason[:MESSAGE_LIMIT])
    except OSError:
        print(reason, file=sys.stderr)  # this folder exists in SageMaker only
