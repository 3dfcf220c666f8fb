"""Settings for every test, and one account for the whole session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ndr.local.account.lifecycle import Account, down, up

# A slow or shared machine must not turn a right answer into a failure: an example may take as long as it takes.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account in which Wait states and retry intervals last a hundredth of their time."""
    directory: Path = tmp_path_factory.mktemp("account")
    yield up(directory, wait_scale=0.01, end_with_parent=True)
    down(directory)
