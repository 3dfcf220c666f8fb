"""Directories of an account: `state` is emptied when an account starts, `cache` is kept."""

from __future__ import annotations

import os
from pathlib import Path

DIRECTORY_VARIABLE = "MINISTACK_SAGEMAKER_DIRECTORY"


def state(*names: str) -> Path:
    """Return a directory below `state`, created if missing."""
    return _ensured("state", *names)


def cache(*names: str) -> Path:
    """Return a directory below `cache`, created if missing."""
    return _ensured("cache", *names)


def _ensured(*names: str) -> Path:
    path = Path(os.environ[DIRECTORY_VARIABLE]).joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path
