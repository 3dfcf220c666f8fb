"""Published deltas by UTC day, read once while they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import OUTBOUND, PEER_DELTAS, Dataset
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import DAY, SLICE, Interval
from ndr.jobs.fg_a.machine_rows import elsewhere, of_some_host, with_hosts
from ndr.jobs.fg_a.published_time import PublishedTime
from ndr.jobs.host_identity.host_keys import HostKeys
from ndr.jobs.host_identity.machines import Machines
from ndr.jobs.monitored import of_hosts, of_pairs
from ndr.jobs.published_deltas import PublishedDeltas
from ndr.store.catalog import delivered_intervals, pieces_coverage
from ndr.store.scan import Scan

PAIR: Final = ("host_ip", "role", "peer_ip", "peer_port")


@dataclass
class DayReader:
    """Tables of published deltas, a UTC day each, up to the batch's end, of internal hosts.

    With `machines` hosts are machines: peer deltas have the column HOST.
    """

    deltas: PublishedDeltas
    batch: Interval
    networks: Networks
    machines: Machines | None = None
    tables: dict[tuple[str, datetime], pa.Table] = field(default_factory=dict)

    @cached_property
    def keys(self) -> HostKeys | None:
        """The keys of the hosts, where they are machines."""
        return HostKeys(self.machines.assignments) if self.machines else None

    def scan(self, dataset: Dataset, morning: datetime) -> Scan:
        """Return what is published of a day."""
        return self.deltas.scan(dataset, Interval(morning, min(morning + DAY, self.batch.end)))

    def rows(self, dataset: Dataset, mornings: Sequence[datetime]) -> pa.Table:
        """Return the rows of days, of internal hosts and peers that are not excluded."""
        rows = of_hosts(pa.concat_tables([self._read(dataset, morning) for morning in mornings]), self.networks)
        return with_hosts(rows, self.keys, self.networks) if self.keys and dataset == PEER_DELTAS else rows

    def elsewhere(self, peer_deltas: pa.Table, mornings: Sequence[datetime]) -> pa.Table | None:
        """Return what machines with several addresses did, of the peer deltas of days."""
        return elsewhere(peer_deltas) if self.keys else None

    def pairs(self, morning: datetime) -> pa.Table:
        """Return a day's pairs that have an internal end and no excluded one; rows in role outbound hold them all.

        Where hosts are machines, return the peers of each host.
        """
        if self.keys:
            return self._peers(morning, self.keys)
        known = self.tables.get((PEER_DELTAS.name, morning))
        if known is None:
            known = Scan(PEER_DELTAS, self.scan(PEER_DELTAS, morning).pieces, PAIR).read(coded=True)
        outbound = known.select(PAIR).filter(pc.equal(known["role"], OUTBOUND))
        ends = {"host_ip": "src_ip", "peer_ip": "dst_ip"}
        kept = of_pairs(outbound.rename_columns([ends.get(name, name) for name in PAIR]), self.networks)
        return kept.rename_columns(list(PAIR))

    def _peers(self, morning: datetime, keys: HostKeys) -> pa.Table:
        known = self.tables.get((PEER_DELTAS.name, morning))
        if known is None:
            pieces = self.scan(PEER_DELTAS, morning).pieces
            known = Scan(PEER_DELTAS, pieces, (*PAIR, "slice_start")).read(coded=True)
        return of_some_host(
            with_hosts(of_hosts(known.select([*PAIR, "slice_start"]), self.networks), keys, self.networks)
        )

    def _read(self, dataset: Dataset, morning: datetime) -> pa.Table:
        key = (dataset.name, morning)
        if key not in self.tables:
            self.tables[key] = self.scan(dataset, morning).read()
        return self.tables[key]

    def coverage(self, interval: Interval, windows: Iterable[timedelta]) -> float:
        """Return the share that deltas cover of the windows that end in `interval`, of the length that has least.

        Before the first deltas of the lookback there was nothing to be published, so that time is not counted.
        """
        first = self.deltas.pieces[0].interval.start if self.deltas.pieces else interval.start
        starts = (min(max(interval.start + SLICE - length, first), interval.start) for length in windows)
        return min(
            pieces_coverage(self.deltas.scan(PEER_DELTAS, window).pieces, window)
            for window in (Interval(start, interval.end) for start in starts)
        )

    def published(self, inputs: Interval) -> PublishedTime:
        """Return what is published of the time that features follow from."""
        return PublishedTime.of(delivered_intervals(self.deltas.scan(PEER_DELTAS, inputs).pieces), inputs)

    def forget_before(self, morning: datetime) -> None:
        """Drop days that no later day's windows reach."""
        for key in [key for key in self.tables if key[1] < morning]:
            del self.tables[key]
