"""Cutting a day's rows into parts of whole hosts, so that memory is bounded however many hosts there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def host_parts(deltas: pa.Table, peer_deltas: pa.Table, most_rows: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Cut deltas and peer deltas into parts of whole hosts, in the order of host_ip.

    Parameters
    ----------
    most_rows : int
        Deltas in a part; a host with more is a part of its own.

    Yields
    ------
    (Table, Table)
        The deltas and the peer deltas of a part; one part, perhaps empty, where all fit.
    """
    if deltas.num_rows <= most_rows:
        yield deltas, peer_deltas
        return
    hosts = deltas.group_by("host_ip").aggregate([([], "count_all")]).sort_by("host_ip")
    rows_before = np.cumsum(hosts["count_all"].to_numpy()) - 1
    part_of_host = rows_before // most_rows
    for part in np.unique(part_of_host):
        of_part = hosts["host_ip"].filter(pa.array(part_of_host == part))
        yield tuple(rows.filter(_between(rows["host_ip"], of_part)) for rows in (deltas, peer_deltas))  # type: ignore[misc]


def _between(column: pa.ChunkedArray, hosts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.and_(pc.greater_equal(column, hosts[0]), pc.less_equal(column, hosts[len(hosts) - 1]))
