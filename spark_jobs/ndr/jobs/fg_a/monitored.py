"""Which hosts get features: those in the monitored networks."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pyarrow as pa
import pyarrow.compute as pc


def of_networks(rows: pa.Table, networks: Sequence[str]) -> pa.Table:
    """Return the rows whose host_ip lies in any of the networks (CIDR); all rows where none is named."""
    if not networks:
        return rows
    parsed = [ip_network(network) for network in networks]
    hosts = pc.unique(rows["host_ip"])
    inside = [any(ip_address(host) in network for network in parsed) for host in hosts.to_pylist()]
    return rows.filter(pc.is_in(rows["host_ip"], value_set=hosts.filter(pa.array(inside, pa.bool_()))))
