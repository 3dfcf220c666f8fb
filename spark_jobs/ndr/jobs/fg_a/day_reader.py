"""Published deltas by UTC day, read once while they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from ndr.contract.datasets import DELTAS, PEER_DELTAS, Dataset
from ndr.contract.manifest import InputEntry
from ndr.contract.time import DAY, Interval, floor_to
from ndr.jobs.fg_a.monitored import of_networks
from ndr.store.catalog import pieces_coverage
from ndr.store.scan import Scan


@dataclass
class DayReader:
    """Tables of published deltas, a UTC day each, up to the batch's end, by networks (CIDR) that get features."""

    prefix: str
    batch: Interval
    networks: Sequence[str]
    scans: dict[tuple[str, datetime], Scan] = field(default_factory=dict)
    tables: dict[tuple[str, datetime], pa.Table] = field(default_factory=dict)

    def scan(self, dataset: Dataset, morning: datetime) -> Scan:
        """Return what is published of a day, looked up once."""
        key = (dataset.name, morning)
        if key not in self.scans:
            interval = Interval(morning, min(morning + DAY, self.batch.end))
            known = self.scans.get((DELTAS.name, morning))  # one commit holds both tables
            pieces = known.pieces if known else Scan.of(self.prefix, DELTAS, interval).pieces
            self.scans[key] = Scan(dataset, pieces, tuple(dataset.column_names))
        return self.scans[key]

    def rows(self, dataset: Dataset, mornings: Sequence[datetime]) -> pa.Table:
        """Return the rows of days, of monitored hosts."""
        return of_networks(pa.concat_tables([self._read(dataset, morning) for morning in mornings]), self.networks)

    def pairs(self, morning: datetime) -> pa.Table:
        """Return a day's peer deltas; those in role outbound hold every pair."""
        return self._read(PEER_DELTAS, morning)

    def _read(self, dataset: Dataset, morning: datetime) -> pa.Table:
        key = (dataset.name, morning)
        if key not in self.tables:
            self.tables[key] = self.scan(dataset, morning).read()
        return self.tables[key]

    def inputs(self, mornings: Iterable[datetime]) -> list[InputEntry]:
        """Return the partitions of these days, for a manifest."""
        return [entry for morning in mornings for entry in self.scan(DELTAS, morning).inputs]

    def coverage(self, day: Interval) -> float:
        """Return the share of `day` that deltas cover."""
        return pieces_coverage(self.scan(DELTAS, floor_to(day.start, DAY)).within(day).pieces, day)

    def forget_before(self, morning: datetime) -> None:
        """Drop days that no later day's windows reach."""
        for key in [key for key in self.tables if key[1] < morning]:
            del self.tables[key]
