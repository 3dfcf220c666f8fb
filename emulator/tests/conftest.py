"""One account for the whole session, with two roles that may do everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import create_open_roles, fast_account

# A slow machine must not fail a test, and the same code meets the same examples.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that enforces IAM, in which Wait states and retry intervals take a hundredth of their time."""
    with fast_account(tmp_path_factory.mktemp("account")) as account:
        create_open_roles(account)
        yield account
