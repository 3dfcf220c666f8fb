"""One account for the whole session; Wait states and retry intervals last a hundredth of their time in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ndr.local.account.lifecycle import Account, down, up


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    directory: Path = tmp_path_factory.mktemp("account")
    yield up(directory, wait_scale=0.01, end_with_parent=True)
    down(directory)
