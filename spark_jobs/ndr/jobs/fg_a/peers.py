"""Peer rows as codes: who was contacted, on which port, in which segment, per (host, role)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.jobspecs.networks import Networks
from ndr.jobs.fg_a.codes import (
    PORTS,
    Flags,
    Integers,
    encoded,
    flags,
    integers,
    numbered,
    ports,
    positions,
    slice_numbers,
)
from ndr.jobs.fg_a.host_roles import HostRoles, SortOrder
from ndr.jobs.fg_a.windows import Frame
from ndr.net.networks import address_keys, is_high_risk, segment_ids


@dataclass(frozen=True)
class Values:
    """The distinct values, of one kind, of every group: a group's are numbered `offsets[g]` to `offsets[g + 1]`.

    `codes` is the value of each row; `keys` tells what a value is, for `find`.
    """

    codes: Integers
    keys: pa.Array
    offsets: Integers

    @classmethod
    def of(cls, keys: Integers, order: SortOrder) -> Values:
        """Number the keys of rows that are ordered by group; a key belongs to one group."""
        codes, distinct = numbered(keys)
        group_of_value = np.empty(len(distinct), dtype=np.int64)
        group_of_value[codes] = order.groups
        return cls(codes, distinct, np.searchsorted(group_of_value, np.arange(order.offsets.size)))

    def find(self, keys: Integers) -> Integers:
        """Return the number of each key; -1 where no row has it."""
        return positions(pa.array(keys), self.keys)


class PeerCodes(NamedTuple):
    """Of each row, the place of its peer in `PeerRows.peer_texts` and the number of its segment; -1 is none."""

    peers: Integers
    segments: Integers


@dataclass(frozen=True)
class PeerRows:
    """The peer rows of a batch's windows, ordered by (group, slice)."""

    order: SortOrder
    sessions: Integers
    bytes: Integers
    on_admin_port: Flags
    on_high_risk_port: Flags
    in_high_risk_network: Flags
    peer_of_row: Integers
    port_of_row: Integers
    peer_texts: pa.Array
    segment_texts: pa.Array
    segment_of_peer: Integers
    networks: Networks
    peers: Values
    ports: Values
    segments: Values
    pairs: Values

    @classmethod
    def of(cls, peer_deltas: pa.Table, host_roles: HostRoles, frame: Frame, networks: Networks) -> PeerRows:
        order = SortOrder.of(
            host_roles.groups(peer_deltas), slice_numbers(peer_deltas), len(host_roles),
            frame.first_slice, frame.last_end,
        )  # fmt: skip
        codes, texts = encoded(peer_deltas, "peer_ip")
        peer, port = codes[order.rows], ports(peer_deltas, "peer_port")[order.rows]
        addresses = address_keys(texts)
        named = segment_ids(addresses, networks)
        segment_of_peer = named.indices.to_numpy().astype(np.int64)
        peers = Values.of(text_key(order.groups, peer, len(texts)), order)
        return cls(
            order=order,
            sessions=integers(peer_deltas, "sessions_cnt")[order.rows],
            bytes=(integers(peer_deltas, "bytes_sent_sum") + integers(peer_deltas, "bytes_recv_sum"))[order.rows],
            on_admin_port=flags(peer_deltas, "is_admin_port")[order.rows],
            on_high_risk_port=flags(peer_deltas, "is_high_risk_port")[order.rows],
            in_high_risk_network=is_high_risk(addresses, networks)[peer],
            peer_of_row=peer,
            port_of_row=port,
            peer_texts=texts,
            segment_texts=named.dictionary,
            segment_of_peer=segment_of_peer,
            networks=networks,
            peers=peers,
            ports=Values.of(port_key(order.groups, port), order),
            segments=Values.of(text_key(order.groups, segment_of_peer[peer], len(texts)), order),
            pairs=Values.of(port_key(peers.codes, port), order),
        )

    def of_rows(self, kept: Integers) -> tuple[Integers, Integers, Integers]:
        """Return the peer, its segment and the port of some of the ordered rows."""
        peer = self.peer_of_row[kept]
        return peer, self.segment_of_peer[peer], self.port_of_row[kept]

    def recoded(self, table: pa.Table, name: str, kept: Integers) -> PeerCodes:
        """Return the codes of the peers in a column of another table, in the rows `kept`.

        A segment may be known by another peer, so those of peers that are not among these rows are looked up.
        """
        codes, texts = encoded(table, name)
        codes, known = codes[kept], positions(texts, self.peer_texts)
        segments = np.append(self.segment_of_peer, -1)[known]
        others = np.zeros(len(texts), bool)
        others[codes] = True
        others &= known < 0
        if others.any():
            named = segment_ids(texts.filter(pa.array(others)), self.networks)
            segments[others] = positions(named.dictionary, self.segment_texts)[named.indices.to_numpy()]
        return PeerCodes(known[codes], segments[codes])


def text_key(groups: Integers, text: Integers, text_count: int) -> Integers:
    """Return a key per (group, text), where `text` numbers peers, or segments, below `text_count`."""
    return groups * text_count + text


def port_key(owners: Integers, port: Integers) -> Integers:
    """Return a key per (owner, port); the owner is a group, or for pairs a group's peer."""
    return owners * PORTS + port
