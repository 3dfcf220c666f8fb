"""``ndr env``: the environment in which AWS tools reach the account on this machine."""

from __future__ import annotations

import shlex

import typer

from ministack_sagemaker.lifecycle import Account
from ndr.local.commands.options import HERE, AsJson, Directory
from ndr.local.console.documents import print_document


def env(directory: Directory = HERE, as_json: AsJson = False) -> None:
    """Print the environment in which AWS tools reach the account on this machine: eval "$(ndr env)"."""
    account = Account.load(directory.resolve())
    if as_json:
        print_document(account.environment())
    else:
        typer.echo(export_line(account))


def export_line(account: Account) -> str:
    """Return the shell's command that sets the environment."""
    return "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in account.environment().items())
