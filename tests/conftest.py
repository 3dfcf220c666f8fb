"""Settings for every test, and one account for the whole session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import create_open_roles, fast_account
from ndr.store import storage

# A slow or shared machine must not turn a right answer into a failure: an example may take as long as it takes. Nor may
# chance: the same code meets the same examples.
settings.register_profile("repeatable", deadline=None, derandomize=True)
# `make unit` runs after each edit, and tries a part of the examples that `make test` tries.
settings.register_profile("quick", settings.get_profile("repeatable"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# What one account's jobs have compiled, those of the next need not.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / "build" / "numba"))


@pytest.fixture(autouse=True, scope="module")
def module_environment() -> Iterator[None]:
    """What a module's fixtures do to the process's environment ends with the module."""
    yield from _environment_as_it_was()


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a test does to the process's environment ends with it.

    A command of `ndr` points its process at an account; the next test in that process must not follow it there, nor use
    the clients that were made for it.
    """
    yield from _environment_as_it_was()


def _environment_as_it_was() -> Iterator[None]:
    before = dict(os.environ)
    storage.forget_clients()
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that enforces IAM, in which Wait states and retry intervals last a hundredth of their time."""
    with fast_account(tmp_path_factory.mktemp("account")) as account:
        create_open_roles(account)
        yield account
