"""Claims: which run may build a partition, asked before it is built and again before it is committed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ndr.contract.ledger import partition_key
from ndr.contract.time import Interval
from ndr.store.pending_commit import PendingCommit


@dataclass(frozen=True, slots=True)
class LeaseKey:
    """The ledger item of a partition: its key in the table, and the partition's name in a sentence.

    `expires` is for an item that the ledger need not keep once the partition was built: nothing is planned by it.
    """

    series: str
    as_of: str
    name: str
    expires: bool = False

    @classmethod
    def of_interval(cls, project_name: str, feature_spec_version: str, dataset: str, interval: Interval) -> LeaseKey:
        """Return the key of a dataset's partition that answers for an interval."""
        key = partition_key(project_name, feature_spec_version, dataset, interval)
        return cls(key["series"], key["as_of"], f"{dataset} of {interval}", expires=True)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """A partition that another run is building."""

    key: LeaseKey
    holder: str
    until: str

    def __str__(self) -> str:
        return f"{self.key} is held by {self.holder} until {self.until}"


class Claims(Protocol):
    """Decides which run may build a partition."""

    def claim(self, key: LeaseKey) -> LeaseHeld | None:
        """Claim a partition; returns the live lease of another run, if there is one."""

    def fence(self, key: LeaseKey, pending: PendingCommit, /, **facts: Any) -> None:
        """Renew the claim, so that it lasts while the partition is committed.

        Parameters
        ----------
        facts
            The fields that only the event of this kind of partition has.

        Raises
        ------
        PublishConflictError
            Another run has taken the partition over.
        """

    def release(self, key: LeaseKey) -> None:
        """Give a claim up where nothing was published: what was built before is as complete as it was."""


class Unclaimed:
    """The claims of a run without a ledger: it may build everything."""

    def claim(self, key: LeaseKey) -> LeaseHeld | None:
        return None

    def fence(self, key: LeaseKey, pending: PendingCommit, /, **facts: Any) -> None:
        return None

    def release(self, key: LeaseKey) -> None:
        return None
