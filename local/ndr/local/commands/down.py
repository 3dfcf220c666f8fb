"""``ndr down``: stop the account on this machine."""

from __future__ import annotations

from ministack_sagemaker.lifecycle import down as stop_account
from ndr.local.commands.options import HERE, Directory, progress


def down(directory: Directory = HERE) -> None:
    """Stop the account. Its data was in memory and is gone; what SAM has built is kept."""
    stopped = stop_account(directory)
    progress().line(f"The account in {directory} is stopped." if stopped else f"No account runs in {directory}.")
