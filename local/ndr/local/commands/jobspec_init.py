"""``ndr jobspec init``: write a complete set of JobSpecs for a project of one's own, without an account."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs import MACHINE_INVENTORY_UNLOAD
from ndr.contract.jobspecs.delta_builder import AUTO, SOURCE_NAMES
from ndr.contract.wording import counted
from ndr.local.commands.options import progress
from ndr.local.jobspecs.filled import Answers, filled_documents, write_documents

Answer = str | None


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist, or be empty.")] = Path("jobspecs"),
    project: Annotated[Answer, typer.Option(help="Name of the project, as ndr-prod. Asked for if left out.")] = None,
    prefix: Annotated[
        Answer, typer.Option(help="Bucket or prefix of all that is published, as s3://bucket/ndr/. Asked for.")
    ] = None,
    version: Annotated[str, typer.Option(help="Version of the features.")] = "v1",
    source: Annotated[str, typer.Option(help=f"Format of the logs: {', '.join([*SOURCE_NAMES, AUTO])}.")] = AUTO,
    integration: Annotated[
        Answer, typer.Option(help="Prefix at which the logs lie; integration/ below --prefix by default.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Who answers for the JobSpecs.")] = "ndr-team",
    secret_arn: Annotated[Answer, typer.Option(help="Secret of the Redshift database that lists the machines.")] = None,
    cluster: Annotated[Answer, typer.Option(help="Redshift cluster of that database.")] = None,
    workgroup: Annotated[Answer, typer.Option(help="Redshift Serverless workgroup of that database.")] = None,
    database: Annotated[Answer, typer.Option(help="Name of that database.")] = None,
) -> None:
    """Write JobSpecs for your own project into FOLDER, checked as `ndr jobspec check FOLDER` does. Needs no account."""
    answers = Answers(
        project_name=project or _asked("--project", "Name of the project, as ndr-prod"),
        prefix=prefix or _asked("--prefix", "Bucket or prefix of all that is published, as s3://bucket/ndr/"),
        feature_spec_version=version,
        source=source,
        owner=owner,
        integration=integration,
        secret_arn=secret_arn,
        cluster=cluster,
        workgroup=workgroup,
        database=database,
    )
    documents = filled_documents(answers, datetime.now(UTC))
    write_documents(documents, folder)
    lines = progress()
    lines.line(f"{counted(len(documents), 'JobSpec')} of {answers.project_name} {version} in {folder}/.", "green")
    if not (secret_arn and (cluster or workgroup) and database):
        lines.line(
            f"{MACHINE_INVENTORY_UNLOAD}.json names an example of a database and its secret: enter yours before the "
            "first monthly run."
        )
    lines.line("Enter your table of machines, networks and business hours, then:")
    lines.line(f"  ndr jobspec check {folder}")
    lines.line(f"  ndr jobspec put {folder} --table <JobSpecTableName>")


def _asked(option: str, question: str) -> str:
    """Ask for what an option leaves out, on standard error.

    Raises
    ------
    InvalidRequestError
        There is nobody to answer.
    """
    try:
        return str(typer.prompt(question, err=True))
    except typer.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        raise InvalidRequestError(f"{option} is missing: {question}.") from None
