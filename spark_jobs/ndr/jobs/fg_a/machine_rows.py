"""Peer deltas of hosts that are machines: the key of the host that had the address, and what it did elsewhere."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.networks import NetworkLists
from ndr.jobs.fg_a.novel_rows import HOST, NO_HOST
from ndr.jobs.host_identity.host_keys import MARK, HostKeys

ELSEWHERE: Final = (HOST, "role", "peer_ip", "peer_port", "slice_start")
"""What is known of the peer deltas of machines that had several addresses."""


def with_hosts(peer_deltas: pa.Table, keys: HostKeys, networks: NetworkLists) -> pa.Table:
    """Return peer deltas with HOST."""
    hosts = keys.in_slices(peer_deltas["host_ip"], peer_deltas["slice_start"], networks).cast(pa.string())
    return peer_deltas.append_column(HOST, pc.fill_null(hosts, NO_HOST))


def of_some_host(rows: pa.Table) -> pa.Table:
    """Return the rows with HOST that are of a host."""
    return rows.filter(pc.not_equal(rows[HOST], NO_HOST))


def elsewhere(rows: pa.Table) -> pa.Table:
    """Return the rows of machines that have rows of more than one address, as ELSEWHERE."""
    machines = rows.filter(pc.starts_with(rows[HOST], MARK))
    pairs = machines.select([HOST, "host_ip"]).unify_dictionaries().group_by([HOST, "host_ip"]).aggregate([])
    addresses = pairs.group_by(HOST).aggregate([([], "count_all")])
    several = addresses.filter(pc.greater(addresses["count_all"], 1))[HOST]
    return machines.filter(pc.is_in(machines[HOST], several)).select(ELSEWHERE)
