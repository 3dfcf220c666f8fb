"""How long it took from the delivery of logs to the features that were built from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ndr.contract.compacted import versions_within
from ndr.contract.datasets import DELTAS, FG_A
from ndr.contract.manifest import Answer, CompactedVersion
from ndr.contract.time import Interval
from ndr.report.published import Published
from ndr.store.catalog import Piece


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch of logs: when its last file was delivered, and when the FG-A rows that answer now were published.

    `seconds` is the time between the two. Where features were built again, it counts up to the last time.
    """

    batch: Interval
    files: int
    bytes: int
    delivered_at: datetime
    published_at: datetime

    @property
    def seconds(self) -> float:
        return (self.published_at - self.delivered_at).total_seconds()


def deliveries(published: Published) -> list[Delivery]:
    """Return the batches whose manifests name their files and of which features are published, oldest first."""
    features = list(_versions(published.pieces.get(FG_A.name, [])))
    found = []
    for version, answer in _versions(published.pieces[DELTAS.name]):
        files = [file for entry in version.inputs for file in entry.files]
        built = [each.published_at for each, part in features if part.interval.intersection(answer.interval)]
        if files and built:
            delivered = max(file.modified_at for file in files)
            size = sum(file.bytes for file in files)
            found.append(Delivery(answer.interval, len(files), size, delivered, max(built)))
    return found


def _versions(pieces: list[Piece]) -> Iterator[tuple[CompactedVersion, Answer]]:
    for piece in pieces:
        yield from versions_within(piece.partition.uri, piece.partition.manifest, piece.interval)
