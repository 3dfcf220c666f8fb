"""An account that ends with what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ministack_sagemaker.lifecycle import Account, down, up


@contextmanager
def hasty_account(directory: Path) -> Iterator[Account]:
    """Start an account that enforces IAM, in which Wait states and retry intervals last a hundredth of their time."""
    account = up(directory, wait_scale=0.01, end_with_parent=True)
    try:
        yield account
    finally:
        down(directory)
