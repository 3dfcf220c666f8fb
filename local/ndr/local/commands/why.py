"""``ndr why``: why an execution did not succeed."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from ndr.local.commands.options import HERE, AsJson, Directory, Execution, StackName
from ndr.local.console.documents import print_document
from ndr.local.console.output import output_console
from ndr.local.console.plain import plain
from ndr.local.executions.account import ExecutionAccount
from ndr.local.executions.find import find_execution, newest_execution
from ndr.local.executions.why import why as answer


def why(execution: Execution = "", directory: Directory = HERE, stack: StackName = "", as_json: AsJson = False) -> None:
    """Tell why an execution did not succeed, with step, reason and log; by default the last one that failed."""
    account = ExecutionAccount.of(directory, stack)
    failed = ("FAILED", "TIMED_OUT", "ABORTED")
    found = find_execution(account, execution) if execution else newest_execution(account, "failed execution", failed)
    answered = answer(account, found)
    if as_json:
        print_document(answered.document())
        return
    console = output_console()
    console.print(answered.sentence, soft_wrap=True)
    for pipeline in answered.pipelines:
        _print_pipeline(console, pipeline, account)


def _print_pipeline(console: Console, pipeline: dict[str, Any], account: ExecutionAccount) -> None:
    facts = {
        "pipeline": pipeline["pipeline"],
        "step": pipeline["step"],
        "reason": pipeline["reason"],
        "log": f"ndr logs {pipeline['execution'].rpartition('/')[2]}{account.options}",
        "console": pipeline["log_url"] if account.is_in_aws else None,
    }
    for name, fact in facts.items():
        if fact:
            console.print(Text(plain(f"  {name + ':':<10} {fact}")), soft_wrap=True)
