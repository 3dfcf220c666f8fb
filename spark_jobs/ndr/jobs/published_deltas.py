"""The published deltas that a run reads, looked up once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ndr.contract.datasets import DELTAS, Dataset
from ndr.contract.lineage import Answers
from ndr.contract.manifest import Owner
from ndr.contract.time import Interval
from ndr.store.catalog import Piece, pieces_answers, published_pieces
from ndr.store.scan import Scan


@dataclass(frozen=True)
class PublishedDeltas:
    """Which partitions below a prefix answer for an interval."""

    prefix: str
    owner: Owner
    interval: Interval
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, prefix: str, owner: Owner, interval: Interval) -> PublishedDeltas:
        """Look them up.

        Raises
        ------
        SchemaMismatchError
            A manifest that would answer can't be read, or is of another dataset, project or version.
        """
        return cls(prefix, owner, interval, tuple(published_pieces(prefix, interval, DELTAS.name, owner)))

    def extended(self, interval: Interval) -> PublishedDeltas:
        """Return the same over more time, looking up only what is not known yet.

        Raises
        ------
        SchemaMismatchError
            As `of`.
        """
        found = self
        if interval.start < self.interval.start:
            before = self.of(self.prefix, self.owner, Interval(interval.start, self.interval.start))
            found = PublishedDeltas(
                self.prefix, self.owner, Interval(interval.start, self.interval.end), (*before.pieces, *found.pieces)
            )
        if interval.end > self.interval.end:
            after = self.of(self.prefix, self.owner, Interval(self.interval.end, interval.end))
            found = PublishedDeltas(
                self.prefix, self.owner, Interval(found.interval.start, interval.end), (*found.pieces, *after.pieces)
            )
        return found

    @cached_property
    def answers(self) -> Answers:
        """What answers, for lineage."""
        return pieces_answers(self.pieces)

    def scan(self, dataset: Dataset, interval: Interval) -> Scan:
        """Return the rows of one of the tables that deltas are published with."""
        return Scan(dataset, self.pieces, tuple(dataset.column_names)).within(interval)
