"""Which parts of the hosts, on Spark, need what a machine did: those of the addresses that it had in the windows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.networks import NetworkLists
from ndr.contract.time import Interval, microseconds
from ndr.jobs.fg_a.machine_rows import ELSEWHERE, of_some_host, with_hosts
from ndr.jobs.fg_a.novel_rows import HOST
from ndr.jobs.fg_a.pair_history import PEER
from ndr.jobs.host_identity.host_keys import HostKeys, is_machine
from ndr.jobs.host_identity.renamed_hosts import coded_texts
from ndr.spark.parts import Parts, parts_by_text


class Sent(NamedTuple):
    """Rows, and the part that each is sent to."""

    rows: pa.Table
    parts: Parts


@dataclass(frozen=True)
class MachineParts:
    """Sends rows of hosts that are machines to the parts of their addresses.

    Attributes
    ----------
    keys : HostKeys
    networks : NetworkLists
    windows : Interval
        The time of the windows that are built.
    parts : int
        Of how many parts the addresses are.
    """

    keys: HostKeys
    networks: NetworkLists
    windows: Interval
    parts: int

    def with_hosts(self, peer_deltas: pa.Table) -> pa.Table:
        """Return peer deltas with HOST."""
        return with_hosts(peer_deltas, self.keys, self.networks)

    def peers(self, peer_deltas: pa.Table) -> Sent:
        """Return the distinct peers of each host in peer deltas of days before the windows."""
        hosts = of_some_host(self.with_hosts(peer_deltas))
        return self.sent(hosts.group_by(list(PEER), use_threads=False).aggregate([]))

    def elsewhere(self, with_hosts: pa.Table) -> Sent:
        """Return the rows of machines that had several addresses in the windows, from peer deltas with HOST."""
        several = [key for key, addresses in self._addresses_of.items() if len(addresses) > 1]
        kept = pa.compute.is_in(with_hosts[HOST], pa.array(several, pa.string()))
        return self.sent(with_hosts.filter(kept).select(ELSEWHERE))

    def sent(self, rows: pa.Table) -> Sent:
        """Return rows with HOST once for each part that has an address of their host."""
        coded = coded_texts(rows[HOST])
        parts_of = [self._parts_of(key) for key in coded.dictionary.to_pylist()]
        counts = np.array([len(parts) for parts in parts_of], np.int64)
        codes = coded.indices.to_numpy()
        of_row = counts[codes] if len(codes) else np.zeros(0, np.int64)
        taken = np.repeat(np.arange(len(codes)), of_row)
        nth = np.arange(len(taken)) - np.repeat(np.cumsum(of_row) - of_row, of_row)
        flat = np.concatenate([np.zeros(0, np.int32), *parts_of])
        place = (np.cumsum(counts) - counts)[codes[taken]] + nth if len(taken) else nth
        return Sent(rows.take(pa.array(taken)), flat[place])

    def _parts_of(self, key: str) -> Parts:
        return np.unique(self._by_text(self._addresses_of.get(key, []) if is_machine(key) else [key]))

    def _by_text(self, addresses: Iterable[str]) -> Parts:
        return parts_by_text(pa.chunked_array([pa.array(addresses, pa.string())]), self.parts)

    @cached_property
    def _addresses_of(self) -> dict[str, list[str]]:
        """The addresses that each machine had in the windows, by its key."""
        found, keys = self.keys.assignments, self.keys
        start, end = microseconds(self.windows.start), microseconds(self.windows.end)
        addresses: dict[str, set[str]] = {}
        for place in np.flatnonzero((found.starts < end) & (found.ends > start)).tolist():
            key = keys.texts[keys.of_assignment[place]]
            addresses.setdefault(key, set()).add(found.addresses[found.address[place]])
        return {key: sorted(each) for key, each in addresses.items()}
