"""Deltas of many flows, counted in parts of whole hosts, so that memory is bounded by the flows and one part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import INBOUND, OUTBOUND
from ndr.contract.jobspecs.port_classes import PortClasses
from ndr.jobs.deltas.flow_arrays import address_ranks
from ndr.jobs.deltas.kernel import Deltas, build_deltas

MOST_FLOWS: Final = 1 << 20
_ADDRESSES: Final = ("source_ip", "destination_ip")


def deltas_in_parts(
    flows: pa.Table, port_classes: PortClasses, short_session_seconds: float, most_flows: int = MOST_FLOWS
) -> Iterator[Deltas]:
    """Count as `build_deltas` does, a role and some hosts at a time.

    Parameters
    ----------
    flows : pa.Table
        INTEGRATION columns, valid, text as codes.
    port_classes, short_session_seconds
        As `build_deltas` has them.
    most_flows : int
        Flows of a part; a host with more is a part of its own.

    Yields
    ------
    Deltas
        No two of them hold the same key. One, perhaps empty, where all flows fit into a part.
    """
    if flows.num_rows <= most_flows:
        yield build_deltas(flows, port_classes, short_session_seconds)
        return
    for role, ranks in zip((OUTBOUND, INBOUND), address_ranks(flows)[1], strict=True):
        for first, end in _host_ranges(ranks, most_flows):
            part = flows.filter(pa.array((ranks >= first) & (ranks < end)))
            yield build_deltas(_with_own_addresses(part), port_classes, short_session_seconds, (role,))


def _host_ranges(ranks: np.ndarray, most_flows: int) -> list[tuple[int, int]]:
    """Cut the ranks of hosts into ranges whose flows are at most `most_flows`, or that are one host."""
    flows_before = np.concatenate(([0], np.cumsum(np.bincount(ranks))))
    ranges, first = [], 0
    while first < len(flows_before) - 1:
        end = int(np.searchsorted(flows_before, flows_before[first] + most_flows, side="right")) - 1
        ranges.append((first, max(end, first + 1)))
        first = ranges[-1][1]
    return [(first, end) for first, end in ranges if flows_before[end] > flows_before[first]]


def _with_own_addresses(flows: pa.Table) -> pa.Table:
    """Drop the addresses of other parts from the dictionaries, because the kernel sorts all that there are."""
    for name in _ADDRESSES:
        column = flows[name].combine_chunks()
        codes = column.indices.to_numpy()
        present = np.zeros(len(column.dictionary), bool)
        present[codes] = True
        new_codes = (np.cumsum(present) - 1).astype(np.int32)[codes]
        own = pa.DictionaryArray.from_arrays(new_codes, column.dictionary.filter(pa.array(present)))
        flows = flows.set_column(flows.schema.get_field_index(name), name, own)
    return flows
