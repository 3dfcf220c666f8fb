"""Which hosts get features: those in the monitored networks."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ndr.net.networks import are_inside


def of_networks(rows: pa.Table, networks: Sequence[str]) -> pa.Table:
    """Return the rows whose host_ip lies in any of the networks (CIDR); all rows where none is named."""
    if not networks:
        return rows
    hosts = pc.unique(rows["host_ip"])
    inside = are_inside(hosts.to_pylist(), networks)
    return rows.filter(pc.is_in(rows["host_ip"], value_set=hosts.filter(pa.array(inside, pa.bool_()))))
