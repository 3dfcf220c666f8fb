"""``ndr run``: start a state machine as its schedule, or a person at the console, would, and follow it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from ndr.contract.horizons import ALL_HORIZONS
from ndr.contract.time import format_instant
from ndr.local.commands.options import HERE, Directory, progress
from ndr.local.commands.requests import checked_request
from ndr.local.commands.status import print_published
from ndr.local.console.follow import FollowedExecution, Follower
from ndr.local.console.progress import Progress
from ndr.local.console.tables import print_timeline
from ndr.local.deployment.deployment import Deployment
from ndr.planner.failure import named_error

app = typer.Typer(no_args_is_help=True, help="Start a state machine and follow it.")

End = Annotated[str | None, typer.Option(help="Where the baselines end; last midnight UTC by default.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Plan, and start nothing.")]
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
) -> None:
    """Run one batch through the 15-minute pipeline: the last complete one, [--start, --end), or --mini-batch-id."""
    request = {"batch_start": start, "batch_end": end, "mini_batch_id": mini_batch_id}
    flags = {"replace_with_empty": replace_with_empty, "dry_run": dry_run}
    run_and_report(directory, "mini_batch", {**request, **flags})


@app.command()
def monthly(
    directory: Directory = HERE,
    end: End = None,
    replace_with_empty: ReplaceWithEmpty = False,
    dry_run: DryRun = False,
) -> None:
    """Unload the machine inventory, then build the baselines of every horizon."""
    request = {"horizon": ALL_HORIZONS, "inventory": True, "end": end, "replace_with_empty": replace_with_empty}
    run_and_report(directory, "baselines", {**request, "dry_run": dry_run})


@app.command()
def nightly(directory: Directory = HERE, end: End = None, dry_run: DryRun = False) -> None:
    """Build the 7-day baselines."""
    run_and_report(directory, "baselines", {"horizon": "7d", "end": end, "dry_run": dry_run})


@app.command()
def weekly(directory: Directory = HERE, end: End = None, dry_run: DryRun = False) -> None:
    """Build the 30-day baselines."""
    run_and_report(directory, "baselines", {"horizon": "30d", "end": end, "dry_run": dry_run})


@app.command()
def late(
    directory: Directory = HERE,
    since: Annotated[
        str | None, typer.Option("--since", "--start", help="From when on to look; a week ago by default.")
    ] = None,
    replace_with_empty: ReplaceWithEmpty = False,
    dry_run: DryRun = False,
) -> None:
    """Build features again whose inputs changed or came late, and mark the baselines that read them stale."""
    request = {"mode": "LATE", "since": since, "replace_with_empty": replace_with_empty}
    run_and_report(directory, "baselines", {**request, "dry_run": dry_run})


def run_and_report(directory: Any, machine: str, request: Mapping[str, Any]) -> None:
    """Run a machine of a directory's deployment, print its timeline, its message and what is published.

    Raises
    ------
    InvalidRequestError
        The request is refused, and nothing was started.
    NdrError
        The execution did not succeed; the error is its own.
    """
    request = checked_request(machine, request)
    lines, deployment = progress(), Deployment.load(directory)
    execution = run_machine(deployment, machine, request, lines)
    print_timeline(lines.console, f"Timeline of {machine}", execution)
    raise_if_failed(execution)
    lines.line(str(execution.output.get("message", "")))
    if not request.get("dry_run"):
        print_published(lines.console, deployment)


def run_machine(deployment: Deployment, machine: str, request: Mapping[str, Any], lines: Progress) -> FollowedExecution:
    """Start a machine with a request, less the fields that are None, and follow it to its end."""
    given = {name: _text(value) for name, value in request.items() if value is not None and value is not False}
    states = deployment.client("stepfunctions")
    lines.line(f"start {machine} with {json.dumps(given)}")
    arn = states.start_execution(stateMachineArn=deployment.machines[machine], input=json.dumps(given))["executionArn"]
    follower = Follower(states, deployment.client("sagemaker"), deployment.machines, lines)
    return follower.follow(arn)


def raise_if_failed(execution: FollowedExecution) -> None:
    """Raise what an execution failed with, under its own name where the contract knows it.

    Raises
    ------
    NdrError
    """
    if execution.status == "SUCCEEDED":
        return
    raise named_error(execution.error or execution.status, execution.cause or "no cause was given")


def _text(value: Any) -> Any:
    return format_instant(value) if isinstance(value, datetime) else value
