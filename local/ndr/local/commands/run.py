"""``ndr run``: start a state machine as its schedule, or a person at the console, would, and follow it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ndr.contract.horizons import ALL_HORIZONS
from ndr.contract.time import format_instant
from ndr.local.commands.options import HERE, AsJson, Directory, progress
from ndr.local.commands.requests import checked_request
from ndr.local.commands.status import print_published
from ndr.local.console.documents import print_document
from ndr.local.console.follow import FollowedExecution, Follower
from ndr.local.console.interrupt import on_interrupt
from ndr.local.console.output import output_console
from ndr.local.console.progress import Progress
from ndr.local.console.tables import print_listings, print_timeline
from ndr.local.deployment.deployment import Deployment
from ndr.local.executions.account import ExecutionAccount
from ndr.local.executions.find import Found
from ndr.local.executions.plan import dry_plan, plan_listings
from ndr.planner.failure import named_error

app = typer.Typer(no_args_is_help=True, help="Start a state machine and follow it.")

End = Annotated[str | None, typer.Option(help="Where the baselines end; last midnight UTC by default.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List what would be built, and start nothing.")]
ReplaceWithEmpty = Annotated[
    bool, typer.Option("--replace-with-empty", help="Publish even where published rows would be replaced by none.")
]


@app.command("mini-batch")
def mini_batch(
    directory: Directory = HERE,
    start: Annotated[
        str | None, typer.Option("--start", "--batch-start", help="Start of the batch, e.g. 2026-01-31T06:15:00Z.")
    ] = None,
    end: Annotated[str | None, typer.Option("--end", "--batch-end", help="End of the batch, exclusive.")] = None,
    mini_batch_id: Annotated[
        str | None, typer.Option(help="Folder of the batch; one that names its interval stands alone for it.")
    ] = None,
    replace_with_empty: ReplaceWithEmpty = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Run one batch through the 15-minute pipeline: the last complete one, [--start, --end), or --mini-batch-id."""
    request = {"batch_start": start, "batch_end": end, "mini_batch_id": mini_batch_id}
    flags = {"replace_with_empty": replace_with_empty}
    run_and_report(directory, "mini_batch", {**request, **flags}, dry_run=dry_run, as_json=as_json)


@app.command()
def monthly(
    directory: Directory = HERE,
    end: End = None,
    replace_with_empty: ReplaceWithEmpty = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Unload the machine inventory, then build the baselines of every horizon."""
    request = {"horizon": ALL_HORIZONS, "inventory": True, "end": end, "replace_with_empty": replace_with_empty}
    run_and_report(directory, "baselines", request, dry_run=dry_run, as_json=as_json)


@app.command()
def nightly(directory: Directory = HERE, end: End = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Build the 7-day baselines."""
    run_and_report(directory, "baselines", {"horizon": "7d", "end": end}, dry_run=dry_run, as_json=as_json)


@app.command()
def weekly(directory: Directory = HERE, end: End = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Build the 30-day baselines."""
    run_and_report(directory, "baselines", {"horizon": "30d", "end": end}, dry_run=dry_run, as_json=as_json)


@app.command()
def late(
    directory: Directory = HERE,
    since: Annotated[
        str | None, typer.Option("--since", "--start", help="From when on to look; a week ago by default.")
    ] = None,
    replace_with_empty: ReplaceWithEmpty = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Build features again whose inputs changed or came late, and mark the baselines that read them stale."""
    request = {"mode": "LATE", "since": since, "replace_with_empty": replace_with_empty}
    run_and_report(directory, "baselines", request, dry_run=dry_run, as_json=as_json)


def run_and_report(
    directory: Path, machine: str, request: Mapping[str, Any], *, dry_run: bool = False, as_json: bool = False
) -> None:
    """Check a request; then run it on a machine of a directory's deployment, or print what it would build.

    Raises
    ------
    NdrError
        The request is refused, and nothing was started. Or the execution did not succeed; the error is its own.
    """
    given = checked_request(machine, given_fields(request))
    lines, deployment = progress(as_json), Deployment.load(directory)
    plan = dry_plan(deployment, machine, given)
    if dry_run:
        print_listings(output_console(), plan_listings(plan), as_json, message=plan["message"], plan=plan)
        if not as_json:
            lines.line(plan["message"])
        return
    execution = run_machine(deployment, machine, given, lines)
    if as_json:
        print_document(execution.document())
    else:
        print_timeline(lines.console, f"Timeline of {machine}", execution)
    raise_if_failed(execution)
    if not as_json:
        lines.line(str(execution.output.get("message", "")))
        print_published(lines.console, deployment)


def run_machine(deployment: Deployment, machine: str, request: Mapping[str, Any], lines: Progress) -> FollowedExecution:
    """Start a machine with a request, less the fields that are None, and follow it to its end."""
    given = given_fields(request)
    states = deployment.client("stepfunctions")
    lines.line(f"start {machine} with {json.dumps(given)}")
    arn = states.start_execution(stateMachineArn=deployment.machines[machine], input=json.dumps(given))["executionArn"]
    account = ExecutionAccount.of_deployment(deployment)
    return follow_to_the_end(account, Found(arn, arn.rpartition(":")[2], machine, False), lines)


def follow_to_the_end(account: ExecutionAccount, found: Found, lines: Progress) -> FollowedExecution:
    """Follow an execution to its end. Ctrl-C tells how to follow it again and how to stop it."""
    follower = Follower(account.states, account.sagemaker, account.machines, lines)

    def goes_on() -> str:
        name = f"{found.name}{account.options}"
        return f"{found.of} {found.name} goes on.\n  ndr follow {name}\n  ndr stop {name}"

    with on_interrupt(goes_on):
        return follower.follow_pipeline(found.arn) if found.is_pipeline else follower.follow(found.arn)


def raise_if_failed(execution: FollowedExecution) -> None:
    """Raise what an execution failed with, under its own name where the contract knows it.

    Raises
    ------
    NdrError
    """
    if execution.status == "SUCCEEDED":
        return
    raise named_error(execution.error or execution.status, execution.cause or "no cause was given")


def given_fields(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as JSON, without the fields that say nothing: None and False."""
    given = {name: value for name, value in request.items() if value is not None and value is not False}
    return {name: format_instant(value) if isinstance(value, datetime) else value for name, value in given.items()}
