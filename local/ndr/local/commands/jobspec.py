"""``ndr jobspec``: check, put and list JobSpecs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from ndr.contract.jobspecs import JobSpec, check_jobspecs, parse_jobspec, put_jobspec
from ndr.local.account.lifecycle import AccountError
from ndr.local.commands.options import HERE, Directory, progress
from ndr.local.console.tables import print_table
from ndr.local.deployment.deployment import Deployment
from ndr.local.jobspecs import deployed_values, read_jobspec_files

app = typer.Typer(no_args_is_help=True, help="Check, put and list JobSpecs.")

Files = Annotated[list[Path], typer.Argument(help="JobSpec documents, JSON: an object or an array of objects.")]


@app.command()
def check(files: Files, directory: Directory = HERE) -> None:
    """Check each JobSpec, and that the whole set fits together."""
    lines = progress()
    jobspecs = read_jobspec_files(files, _values(directory))
    check_jobspecs(jobspecs)
    for jobspec in jobspecs:
        lines.line(f"{jobspec.project_name} {jobspec.job_name_version}: valid", "green")
    lines.line(f"{len(jobspecs)} JobSpecs fit together.", "green")


@app.command()
def put(files: Files, directory: Directory = HERE) -> None:
    """Check each JobSpec and write it to the table; one that does not fit those already there is refused."""
    lines, deployment = progress(), Deployment.load(directory)
    put_checked(deployment, read_jobspec_files(files, deployed_values(deployment)))
    lines.line(f"{len(files)} files put into {deployment.outputs['JobSpecTableName']}.", "green")


@app.command("list")
def list_(directory: Directory = HERE) -> None:
    """List the JobSpecs in the table."""
    lines, deployment = progress(), Deployment.load(directory)
    keys = ("project_name", "job_name", "feature_spec_version", "updated_at", "owner")
    rows = [tuple(item[key] for key in keys) for item in deployment.jobspec_items()]
    print_table(lines.console, "JobSpecs", ("project", "job", "version", "updated", "owner"), rows)


def put_checked(deployment: Deployment, jobspecs: list[JobSpec]) -> None:
    """Write JobSpecs that, with those already in the table, fit together.

    Raises
    ------
    JobSpecInvalidError
        They do not; nothing was written.
    """
    sets: dict[tuple[str, str], dict[str, JobSpec]] = defaultdict(dict)
    for item in deployment.jobspec_items():
        sets[item["project_name"], item["feature_spec_version"]][item["job_name"]] = parse_jobspec(item)
    for jobspec in jobspecs:
        sets[jobspec.project_name, jobspec.feature_spec_version][jobspec.job_name] = jobspec
    for key in {(jobspec.project_name, jobspec.feature_spec_version) for jobspec in jobspecs}:
        check_jobspecs(sets[key].values())
    for jobspec in jobspecs:
        put_jobspec(deployment.table("JobSpecTableName"), jobspec)


def _values(directory: Path) -> dict[str, str]:
    try:
        return deployed_values(Deployment.load(directory))
    except AccountError:  # documents without placeholders can be checked without an account
        return {}
