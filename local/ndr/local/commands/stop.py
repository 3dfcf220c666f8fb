"""``ndr stop``: stop an execution and its pipeline executions."""

from __future__ import annotations

from typing import Annotated

import typer

from ndr.contract.errors import InvalidRequestError
from ndr.contract.wording import counted
from ndr.local.commands.options import HERE, Directory, Execution, StackName
from ndr.local.console.output import output_console
from ndr.local.executions.account import ExecutionAccount
from ndr.local.executions.find import Found, find_execution, running_executions
from ndr.local.executions.stop import stop as stop_execution


def stop(
    execution: Execution = "",
    directory: Directory = HERE,
    stack: StackName = "",
    keep_pipelines: Annotated[
        bool,
        typer.Option("--keep-pipelines", help="Let its pipeline executions go on; the same request follows them."),
    ] = False,
) -> None:
    """Stop an execution and what it started; by default the one that runs. Partial results are never published."""
    account = ExecutionAccount.of(directory, stack)
    found = find_execution(account, execution) if execution else _the_running_one(running_executions(account))
    console = output_console()
    stopped = list(stop_execution(account, found, keep_pipelines=keep_pipelines))
    for arn, of in stopped:
        console.print(f"stopped {of} {arn.rpartition('/')[2].rpartition(':')[2]}", soft_wrap=True)
    if not stopped:
        console.print(f"{found.of} {found.name} has ended already, and nothing of it runs.", soft_wrap=True)


def _the_running_one(running: list[Found]) -> Found:
    if not running:
        raise InvalidRequestError("No execution is running.")
    if len(running) > 1:
        names = ", ".join(f"{each.name} ({each.of})" for each in running[:10])
        raise InvalidRequestError(f"{counted(len(running), 'execution')} are running; name one: {names}.")
    return running[0]
