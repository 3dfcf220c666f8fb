"""Peer rows as codes: who was contacted, on which port, in which segment, per (host, role)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ndr.contract.jobspecs.networks import Networks
from ndr.jobs.fg_a.codes import PORTS, Integers, encoded, integers, numbered, ports, positions, slice_numbers
from ndr.jobs.fg_a.host_roles import HostRoles, SortOrder
from ndr.jobs.fg_a.windows import Frame
from ndr.net.networks import segment_ids


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


@dataclass(frozen=True)
class PeerRows:
    """The peer rows of a batch's windows, ordered by (group, slice)."""

    order: SortOrder
    sessions: Integers
    bytes: Integers
    peer_texts: pa.Array
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
        segment_of_peer = segment_ids(texts, networks).indices.to_numpy()
        peers = Values.of(text_key(order.groups, peer, len(texts)), order)
        return cls(
            order=order,
            sessions=integers(peer_deltas, "sessions_cnt")[order.rows],
            bytes=(integers(peer_deltas, "bytes_sent_sum") + integers(peer_deltas, "bytes_recv_sum"))[order.rows],
            peer_texts=texts,
            peers=peers,
            ports=Values.of(port_key(order.groups, port), order),
            segments=Values.of(text_key(order.groups, segment_of_peer[peer], len(texts)), order),
            pairs=Values.of(port_key(peers.codes, port), order),
        )


def text_key(groups: Integers, text: Integers, text_count: int) -> Integers:
    """Return a key per (group, text), where `text` numbers peers, or segments, below `text_count`."""
    return groups * text_count + text


def port_key(owners: Integers, port: Integers) -> Integers:
    """Return a key per (owner, port); the owner is a group, or for pairs a group's peer."""
    return owners * PORTS + port
