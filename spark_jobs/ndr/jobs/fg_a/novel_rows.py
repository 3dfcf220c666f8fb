"""Peer rows as novelty counts them: the values of each host, and where the past of a host belongs.

The past is that of an owner: the host at an address in a role. Where hosts are addresses the owners are the groups.
Where they are machines a group has an owner for each machine that had its address, and a machine is an owner in each
group whose address it had: it knows there what it did elsewhere, and nothing of what another machine did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from ndr.jobs.fg_a.codes import Integers, encoded, numbered, ports, recoded, slice_numbers
from ndr.jobs.fg_a.host_roles import ROLES_SORTED, HostRoles, SortOrder
from ndr.jobs.fg_a.peers import PeerCodes, PeerRows, Values, port_key, text_key
from ndr.jobs.fg_a.windows import Frame

HOST: Final = "host"
"""Column of peer rows where hosts are machines: the key of the host that had the address in the slice, or NO_HOST."""
NO_HOST: Final = ""
"""Several machines had the address in the slice: its peers are neither new nor rare, and no host knows them by it."""


@dataclass(frozen=True)
class Owners:
    """The owners among the peer rows: machine or address, role and group; sorted by host and role.

    `keys` is host number x 2 + role number, `groups` the group, `numbers` the owner's number in the values' keys.
    """

    hosts: pa.Array
    keys: Integers
    groups: Integers
    numbers: Integers

    def of_rows(self, table: pa.Table, kept: Integers) -> tuple[Integers, Integers]:
        """Return the rows among `kept` of the host and role of an owner, once for each owner, and its place."""
        hosts, roles = recoded(table, HOST, self.hosts)[kept], recoded(table, "role", ROLES_SORTED)[kept]
        wanted = np.where((hosts < 0) | (roles < 0), -1, 2 * hosts + roles)
        first, stop = (np.searchsorted(self.keys, wanted, side=side) for side in ("left", "right"))
        counts = stop - first
        nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(kept, counts), np.repeat(first, counts) + nth


class Later(NamedTuple):
    """What owners did elsewhere in the time of the windows: values that become known, by group and slice.

    Group g has the entries `offsets[g]` to `offsets[g + 1]`; their slices ascend.
    """

    offsets: Integers
    slices: Integers
    codes: Integers

    @classmethod
    def none(cls, groups: int) -> Later:
        """Return that nothing was done elsewhere."""
        empty = np.zeros(0, np.int64)
        return cls(np.zeros(groups + 1, np.int64), empty, empty)

    def chosen(self, codes: Integers) -> Later:
        """Return the entries that have a value, by its number; -1 has none."""
        kept = np.flatnonzero(codes >= 0)
        return Later(np.searchsorted(kept, self.offsets), self.slices[kept], codes[kept])


class ByKind(NamedTuple):
    """Something of each kind of value: the days on which each was active, or the values of rows."""

    peers: Integers
    ports: Integers
    pairs: Integers
    segments: Integers


@dataclass(frozen=True)
class NovelRows:
    """The peer rows of a batch's windows that have an owner, ordered by (group, slice), and their values by owner."""

    rows: PeerRows
    host_roles: HostRoles
    order: SortOrder
    owners: Owners | None
    peers: Values
    ports: Values
    segments: Values
    pairs: Values

    @classmethod
    def of(cls, rows: PeerRows, peer_deltas: pa.Table, host_roles: HostRoles) -> NovelRows:
        """Take the peer rows: by their hosts where they have the column HOST, otherwise as they are."""
        if HOST not in peer_deltas.column_names:
            return cls(rows, host_roles, rows.order, None, rows.peers, rows.ports, rows.segments, rows.pairs)
        codes, hosts = encoded(peer_deltas, HOST)
        of_row = codes[rows.order.rows]
        kept = np.flatnonzero(np.array(hosts.to_pylist(), object)[of_row] != NO_HOST) if len(of_row) else of_row
        order = _chosen(rows.order, kept)
        number, distinct = numbered(order.groups * max(1, len(hosts)) + of_row[kept])
        groups, host = np.divmod(distinct.to_numpy(), max(1, len(hosts)))
        keys = 2 * host + groups % len(ROLES_SORTED)
        by_key = np.argsort(keys, kind="stable")
        owners = Owners(hosts, keys[by_key], groups[by_key], by_key)
        texts = len(rows.peer_texts)
        peer, segment, port = rows.of_rows(kept)
        peers = Values.of(text_key(number, peer, texts), order)
        return cls(
            rows,
            host_roles,
            order,
            owners,
            peers,
            Values.of(port_key(number, port), order),
            Values.of(text_key(number, segment, texts), order),
            Values.of(port_key(peers.codes, port), order),
        )

    def owners_of(self, table: pa.Table, kept: Integers) -> tuple[Integers, Integers]:
        """Return the rows among `kept` that are of the past of an owner, and the number of the owner."""
        if self.owners:
            found, places = self.owners.of_rows(table, kept)
            return found, self.owners.numbers[places]
        groups = self.host_roles.groups(table)
        kept = kept[groups[kept] >= 0]
        return kept, groups[kept]

    def codes_of(self, owners: Integers, peers: PeerCodes, port: Integers) -> ByKind:
        """Return the values of rows of the past, by kind; -1 where the windows do not have it."""
        of_peer, of_pair, of_segment = (np.full(len(owners), -1) for _ in range(3))
        kept = np.flatnonzero(peers.segments >= 0)
        texts = len(self.rows.peer_texts)
        of_segment[kept] = self.segments.find(text_key(owners[kept], peers.segments[kept], texts))
        kept = np.flatnonzero(peers.peers >= 0)
        of_peer[kept] = self.peers.find(text_key(owners[kept], peers.peers[kept], texts))
        kept = np.flatnonzero(of_peer >= 0)
        of_pair[kept] = self.pairs.find(port_key(of_peer[kept], port[kept]))
        return ByKind(of_peer, self.ports.find(port_key(owners, port)), of_pair, of_segment)

    def later(self, elsewhere: pa.Table | None, frame: Frame) -> dict[str, Later]:
        """Return what owners did elsewhere in the time of the windows, by kind of value.

        Parameters
        ----------
        elsewhere : Table or None
            Peer rows of machines that had several addresses: HOST, role, peer_ip, peer_port, slice_start.
        """
        groups = len(self.host_roles)
        if elsewhere is None or self.owners is None:
            return dict.fromkeys(ByKind._fields, Later.none(groups))
        numbers = slice_numbers(elsewhere)
        kept = np.flatnonzero((numbers >= frame.first_slice) & (numbers < frame.last_end))
        kept, places = self.owners.of_rows(elsewhere, kept)
        group = self.owners.groups[places]
        by_time = np.lexsort((numbers[kept], group))
        kept, group, owners = kept[by_time], group[by_time], self.owners.numbers[places[by_time]]
        found = Later(np.searchsorted(group, np.arange(groups + 1)), numbers[kept], kept)
        peers, port = self.rows.recoded(elsewhere, "peer_ip", kept), ports(elsewhere, "peer_port")[kept]
        codes = self.codes_of(owners, peers, port)
        return {name: found.chosen(of) for name, of in zip(ByKind._fields, codes, strict=True)}


def _chosen(order: SortOrder, kept: Integers) -> SortOrder:
    """Return some of the rows of an order, whose places ascend."""
    groups = order.groups[kept]
    offsets = np.searchsorted(groups, np.arange(order.offsets.size))
    return SortOrder(order.rows[kept], groups, order.slices[kept], offsets)
