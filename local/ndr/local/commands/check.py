"""``ndr check``: whether a deployed stack can work, and what to type where it can't."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import boto3
import typer
from botocore.exceptions import ProfileNotFound

from ministack_sagemaker.errors import AccountError
from ndr.contract.errors import NdrError
from ndr.local.check.areas import check_stack
from ndr.local.check.finding import Finding, Verdict
from ndr.local.check.stack import Stack, StackUnreadableError, read_stack
from ndr.local.commands.options import AsJson
from ndr.local.console.documents import print_document
from ndr.local.console.exit_codes import ExitCode
from ndr.local.console.output import output_console, print_error
from ndr.local.console.verdicts import finding_records, print_findings
from ndr.local.deployment.deployment import Deployment

KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def check(
    stack: Annotated[str, typer.Option(help="Name of the CloudFormation stack.")],
    region: Annotated[str, typer.Option(help="Its region; AWS_REGION or the profile's by default.")] = "",
    profile: Annotated[str, typer.Option(help="Profile of your credentials; AWS_PROFILE or AWS_... by default.")] = "",
    directory: Annotated[
        Path | None,
        typer.Option("--directory", "-d", help="Check a stack in the account on this machine of this folder instead."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a deployed stack: images, pipelines, JobSpecs, data, schedules, executions, alarms. It changes nothing.

    The exit status is 0, or 1 if something is broken, or 2 if the stack can't be read.
    """
    try:
        found = read_stack(stack, _session(region, profile, directory), datetime.now(UTC))
        if not found.is_of_this_project and not found.status.startswith(("ROLLBACK_", "CREATE_")):
            raise StackUnreadableError(
                f"The stack {stack!r} is not of this project: it has no output JobSpecTableName. Name another one with "
                "--stack."
            )
    except StackUnreadableError as error:
        print_error(f"{type(error).__name__}: {error}")
        raise typer.Exit(ExitCode.USAGE) from None
    if as_json:
        findings = list(check_stack(found))
        print_document(_document(found, findings))
    else:
        findings = print_findings(output_console(), check_stack(found))
    if any(finding.verdict is Verdict.BROKEN for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def _session(region: str, profile: str, directory: Path | None) -> boto3.Session:
    """Return a session with the caller's credentials. The environment gets the same, for the definitions' sessions."""
    if directory is not None:
        try:
            Deployment.load(directory)  # points this process at its account
        except (NdrError, AccountError) as error:
            raise StackUnreadableError(f"{error} Start an account with a stack: ndr up") from None
    if profile:
        for name in KEYS:  # keys in the environment would take precedence over the profile
            os.environ.pop(name, None)
        os.environ["AWS_PROFILE"] = profile
    try:
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
    except ProfileNotFound as error:
        raise StackUnreadableError(f"{error}. `aws configure list-profiles` lists them.") from None
    if not session.region_name:
        raise StackUnreadableError("No region is set. Give --region, or set AWS_REGION.")
    return session


def _document(stack: Stack, findings: list[Finding]) -> dict[str, object]:
    return {
        "stack": stack.name,
        "account": stack.account,
        "region": stack.region,
        "checked_at": f"{stack.now:%Y-%m-%dT%H:%M:%SZ}",
        "broken": any(finding.verdict is Verdict.BROKEN for finding in findings),
        "findings": finding_records(findings),
    }
