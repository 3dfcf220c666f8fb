"""``ndr logs``: the log lines of the jobs of an execution."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Annotated

import typer

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import format_instant
from ndr.local.commands.options import HERE, AsJson, Directory, Execution, StackName
from ndr.local.console.documents import print_document
from ndr.local.console.interrupt import on_interrupt
from ndr.local.console.output import output_console
from ndr.local.console.plain import plain
from ndr.local.executions.account import ExecutionAccount
from ndr.local.executions.find import find_execution, newest_execution
from ndr.local.executions.job_logs import Job, Line, followed_lines, jobs_of, log_lines


def logs(
    execution: Execution = "",
    directory: Directory = HERE,
    stack: StackName = "",
    step: Annotated[str, typer.Option(help="Only the job of this step, e.g. FGABuilderStep.")] = "",
    tail: Annotated[int, typer.Option("--tail", "-n", min=0, help="Only the last lines of each job; 0 for all.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print lines as they come, until the end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the log lines of the jobs of an execution; by default of the last execution."""
    if follow and (tail or as_json):
        raise InvalidRequestError("--follow prints lines as they come; leave --tail and --json out.")
    account = ExecutionAccount.of(directory, stack)
    found = find_execution(account, execution) if execution else newest_execution(account, "execution", (None,))
    if follow:
        with on_interrupt(lambda: f"{found.of} {found.name} goes on. Stop it: ndr stop {found.name}{account.options}"):
            _print(followed_lines(account, found, step))
        return
    jobs = jobs_of(account, found)
    wanted = [job for job in jobs if step in ("", job.step)]
    if not wanted:
        raise InvalidRequestError(_no_job(found.name, step, jobs, account.options))
    lines = [line for job in wanted for line in deque(log_lines(account, job), maxlen=tail or None)]
    if as_json:
        print_document({"execution": found.arn, "lines": [vars(line) for line in lines]})
    else:
        _print(lines)


def _print(lines: Iterable[Line]) -> None:
    console = output_console()
    for line in lines:
        console.print(f"{format_instant(line.at)}  {line.step}  {plain(line.text())}", soft_wrap=True)


def _no_job(name: str, step: str, jobs: list[Job], options: str) -> str:
    if jobs:
        steps = ", ".join(dict.fromkeys(job.step for job in jobs))
        return f"Step {step!r} of {name} has no job; steps with one are {steps}."
    return f"No job has started in {name}. `ndr why {name}{options}` tells what it did."
