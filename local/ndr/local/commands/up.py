"""``ndr up``: an AWS account on this machine, with the template deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ministack_sagemaker.errors import AccountError
from ndr.contract.errors import NdrError
from ndr.local.commands.env import export_line
from ndr.local.commands.options import HERE, Directory, progress
from ndr.local.console.interrupt import on_interrupt
from ndr.local.console.tables import print_table
from ndr.local.deployment.create import deploy_stack, registered_pipelines, start_account, what_keeps_running
from ndr.local.deployment.deployment import Deployment


def up(
    directory: Directory = HERE,
    project: Annotated[str, typer.Option(help="project_name of your JobSpecs; kept as it is, or ndr-local.")] = "",
    version: Annotated[str, typer.Option(help="feature_spec_version of your JobSpecs; kept as it is, or v1.")] = "",
) -> None:
    """Start the account, deploy template.yaml, which registers the pipelines. What ran there before is kept."""
    lines = progress()
    with on_interrupt(lambda: what_keeps_running(directory)):
        with lines.doing("start the account"):
            account = start_account(directory)
        known_project, known_version = _known(directory)
        deployment = deploy_stack(account, project or known_project, version or known_version, "up", lines)
    print_table(lines.console, "Outputs", ("output", "value"), deployment.outputs.items())
    print_table(lines.console, "Pipelines", ("pipeline", "description"), registered_pipelines(deployment))
    lines.line('The account runs until `ndr down`. AWS tools reach it with this, or with eval "$(ndr env)":')
    lines.line(export_line(account))


def _known(directory: Path) -> tuple[str, str]:
    """Return the project and version of what is deployed already, or the defaults."""
    try:
        deployed = Deployment.load(directory)
    except (NdrError, AccountError):
        return "ndr-local", "v1"
    return deployed.project_name, deployed.feature_spec_version
