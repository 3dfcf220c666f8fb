"""``ndr follow``: follow an execution to its end."""

from __future__ import annotations

from ndr.local.commands.options import HERE, Directory, Execution, StackName, progress
from ndr.local.commands.run import follow_to_the_end, raise_if_failed
from ndr.local.console.tables import print_timeline
from ndr.local.executions.account import RUNNING, ExecutionAccount
from ndr.local.executions.find import find_execution, newest_execution


def follow(execution: Execution = "", directory: Directory = HERE, stack: StackName = "") -> None:
    """Follow an execution to its end, by default the running or else the last one, and print its timeline."""
    account, lines = ExecutionAccount.of(directory, stack), progress()
    found = find_execution(account, execution) if execution else newest_execution(account, "execution", (RUNNING, None))
    followed = follow_to_the_end(account, found, lines)
    print_timeline(lines.console, f"Timeline of {found.of} {found.name}", followed)
    raise_if_failed(followed)
    if followed.output and followed.output.get("message"):
        lines.line(str(followed.output["message"]))
