"""A commit that is about to happen: what a fence is asked of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ndr.contract.manifest import Manifest


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A version of a partition that is written and not published.

    Attributes
    ----------
    uri : str
        The partition.
    manifest : Manifest
        Of the version.
    replaced : Manifest or None
        Of the version that is published there now.
    """

    uri: str
    manifest: Manifest
    replaced: Manifest | None


Fence = Callable[[PendingCommit], None]
"""Raises where a run may not publish any more."""
