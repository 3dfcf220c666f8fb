"""Where an account keeps its files: `state` lives as long as the account runs, `cache` outlives it."""

from __future__ import annotations

import os
from pathlib import Path

DIRECTORY_VARIABLE = "MINISTACK_SAGEMAKER_DIRECTORY"


def state(*names: str) -> Path:
    """A directory that a fresh account starts without, created when missing."""
    return _ensured("state", *names)


def cache(*names: str) -> Path:
    """A directory that the next account started here finds again, created when missing."""
    return _ensured("cache", *names)


def _ensured(*names: str) -> Path:
    path = Path(os.environ[DIRECTORY_VARIABLE]).joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path
