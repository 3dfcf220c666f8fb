"""``ndr jobspec``: write, check, put and list JobSpecs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer

from ministack_sagemaker.errors import AccountError
from ndr.contract.errors import InvalidRequestError, JobSpecInvalidError, NdrError
from ndr.contract.jobspecs import JobSpec, check_jobspecs, parse_jobspec, put_jobspec
from ndr.contract.wording import counted
from ndr.local.access.needs import needs_of
from ndr.local.access.simulation import refused_actions
from ndr.local.access.stack import Stack
from ndr.local.commands.jobspec_init import init
from ndr.local.commands.options import HERE, AsJson, Directory, progress
from ndr.local.console.output import output_console
from ndr.local.console.progress import Progress
from ndr.local.console.tables import Listing, print_listings
from ndr.local.deployment.deployment import Deployment, jobspec_items
from ndr.local.jobspecs import deployed_values, read_jobspec_files

app = typer.Typer(no_args_is_help=True, help="Write, check, put and list JobSpecs.")
app.command()(init)

Files = Annotated[list[Path], typer.Argument(help="JobSpec documents, JSON, or folders of them.")]
TableName = Annotated[
    str,
    typer.Option("--table", help="A table in the AWS account of your credentials, not on this machine."),
]


OptionalFiles = Annotated[
    list[Path] | None,
    typer.Argument(help="JobSpec documents, JSON, or folders of them. With --stack those in its table by default."),
]
StackName = Annotated[
    str,
    typer.Option("--stack", help="Also check that the roles of this stack, in the AWS account of your credentials, "
                 "reach what the JobSpecs name."),
]  # fmt: skip


@app.command()
def check(files: OptionalFiles = None, directory: Directory = HERE, stack_name: StackName = "") -> None:
    """Check each JobSpec, the consistency of the whole set, and with --stack what the stack's roles reach."""
    lines = progress()
    stack = Stack.named(stack_name) if stack_name else None
    if files:
        jobspecs = read_jobspec_files(files, stack.placeholder_values() if stack else _values(directory))
    elif stack:
        jobspecs = stack.jobspecs()
    else:
        raise InvalidRequestError("Nothing is named to check: name JobSpec documents, or a stack with --stack NAME.")
    check_jobspecs(jobspecs)
    for jobspec in jobspecs:
        lines.line(f"{jobspec.project_name} {jobspec.job_name_version}: valid", "green")
    lines.line(f"{counted(len(jobspecs), 'JobSpec')} are consistent.", "green")
    if stack:
        _check_access(lines, stack, jobspecs)


def _check_access(lines: Progress, stack: Stack, jobspecs: list[JobSpec]) -> None:
    """Print what the roles of a stack are allowed of what JobSpecs need.

    Raises
    ------
    JobSpecInvalidError
        Something is refused. The message says what to change.
    """
    problems = []
    for need in needs_of(jobspecs, stack):
        refused = refused_actions(stack, need)
        if refused:
            lines.line(f"{need.purpose}: {need.role} may not ({', '.join(refused)})", "red")
            problems.append(f"{need.purpose}, and {need.role} may not ({', '.join(refused)}): {need.remedy}")
        else:
            lines.line(f"{need.purpose}: {need.role} may", "green")
    if problems:
        raise JobSpecInvalidError(f"The roles of the stack {stack.name} do not suffice: {'; '.join(problems)}.")
    lines.line(f"The roles of the stack {stack.name} reach what the JobSpecs name.", "green")


@app.command()
def put(files: Files, directory: Directory = HERE, table_name: TableName = "") -> None:
    """Check each JobSpec together with those in the table, and write it. The first time, name the whole set."""
    lines = progress()
    values = {} if table_name else deployed_values(Deployment.load(directory))
    jobspecs, table = read_jobspec_files(files, values), _table(directory, table_name)
    put_checked(table, jobspecs)
    for jobspec in jobspecs:
        lines.line(f"{jobspec.project_name} {jobspec.job_name_version}: put into {table.name}", "green")


@app.command("list")
def list_(directory: Directory = HERE, table_name: TableName = "", as_json: AsJson = False) -> None:
    """List the JobSpecs in the table."""
    keys = ("project_name", "job_name", "feature_spec_version", "updated_at", "owner")
    rows = [tuple(item[key] for key in keys) for item in jobspec_items(_table(directory, table_name))]
    columns = ("project", "job", "version", "updated", "owner")
    print_listings(output_console(), [Listing("jobspecs", "JobSpecs", columns, rows)], as_json)


def put_checked(table: Any, jobspecs: list[JobSpec]) -> None:
    """Write JobSpecs that are consistent with each other and with those in the table.

    Raises
    ------
    JobSpecInvalidError
        They are not consistent. Nothing was written.
    """
    sets: dict[tuple[str, str], dict[str, JobSpec]] = defaultdict(dict)
    for item in jobspec_items(table):
        sets[item["project_name"], item["feature_spec_version"]][item["job_name"]] = parse_jobspec(item)
    for jobspec in jobspecs:
        sets[jobspec.project_name, jobspec.feature_spec_version][jobspec.job_name] = jobspec
    for key in {(jobspec.project_name, jobspec.feature_spec_version) for jobspec in jobspecs}:
        check_jobspecs(sets[key].values())
    for jobspec in jobspecs:
        put_jobspec(table, jobspec)


def _table(directory: Path, table_name: str) -> Any:
    if table_name:
        return boto3.resource("dynamodb").Table(table_name)
    return Deployment.load(directory).table("JobSpecTableName")


def _values(directory: Path) -> dict[str, str]:
    try:
        return deployed_values(Deployment.load(directory))
    except (NdrError, AccountError):  # documents without placeholders can be checked without a deployment
        return {}
