"""Flows → deltas and peer deltas.

A flow counts twice: for its source in role outbound and for its destination in role inbound. Addresses are handled as
their ranks in sorted order, so that sorting numbers sorts rows by key.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import DELTAS, PEER_DELTAS, ROLES, Dataset
from ndr.contract.jobspecs.delta_builder import PortClasses
from ndr.contract.time import SLICE
from ndr.jobs.deltas.flow_arrays import PORTS, FlowArrays, flow_arrays
from ndr.jobs.deltas.grouping import counts, group, packed, sums
from ndr.jobs.schema import ARROW_TYPES, arrow_schema

_MINUTE: Final = 60_000_000
_MINUTES: Final = SLICE.seconds // 60
_SLICE: Final = _MINUTES * _MINUTE


class Deltas(NamedTuple):
    """The DELTAS and PEER_DELTAS datasets, each sorted by its key."""

    deltas: pa.Table
    peer_deltas: pa.Table


class _Counted(NamedTuple):
    """One role's rows as arrays by column name, sorted by key: hosts and peers as ranks, slices as numbers."""

    deltas: dict[str, np.ndarray]
    peer_deltas: dict[str, np.ndarray]


def build_deltas(
    flows: pa.Table, port_classes: PortClasses, short_session_seconds: float, roles: Sequence[str] = ROLES
) -> Deltas:
    """Count flows per host, role and slice, and per peer and port of each.

    A host's rows are complete when all its flows are given: those it is the source of for role outbound, those it is
    the destination of for role inbound. So flows may be divided by source for `roles=("outbound",)` and by
    destination for `roles=("inbound",)`, and the results put together.

    Parameters
    ----------
    flows : pa.Table
        INTEGRATION columns, valid (see `ndr.jobs.deltas.validity.split`); strings plain or as dictionary codes.
    port_classes : PortClasses
        Destination ports of each class.
    short_session_seconds : float
        A flow no longer than this is a short session.
    roles : sequence of {"outbound", "inbound"}
        Roles to count.

    Returns
    -------
    Deltas
        One row for each key with a flow; no flows, no rows.
    """
    if not flows.num_rows:
        return Deltas(arrow_schema(DELTAS).empty_table(), arrow_schema(PEER_DELTAS).empty_table())
    arrays = flow_arrays(flows, port_classes, round(short_session_seconds * 1_000_000))
    with ThreadPoolExecutor(len(ROLES)) as pool:
        counted = list(pool.map(lambda role: _count(arrays, role), sorted(roles)))
    return Deltas(
        _assembled([part.deltas for part in counted], sorted(roles), arrays.addresses, DELTAS),
        _assembled([part.peer_deltas for part in counted], sorted(roles), arrays.addresses, PEER_DELTAS),
    )


def _count(arrays: FlowArrays, role: str) -> _Counted:
    ends = arrays.source, arrays.destination
    host, peer = ends if role == "outbound" else ends[::-1]
    slice_number = arrays.start // _SLICE
    slice_number -= (first_slice := slice_number.min())
    slices = int(slice_number.max()) + 1
    deltas = _count_hosts(arrays, role, host, slice_number, slices)
    peer_deltas = _count_peers(arrays, host, peer, slice_number, slices)
    for rows in (deltas, peer_deltas):
        rows["slice_start"] = (rows["slice_start"] + first_slice) * _SLICE
    return _Counted(deltas, peer_deltas)


def _count_hosts(
    arrays: FlowArrays, role: str, host: np.ndarray, slice_number: np.ndarray, slices: int
) -> dict[str, np.ndarray]:
    hosts = len(arrays.addresses)
    groups = group(packed([host, slice_number], [hosts, slices]), hosts * slices)
    sent, received = arrays.source_bytes, arrays.destination_bytes
    if role == "inbound":
        sent, received = received, sent
    minute = arrays.start // _MINUTE % _MINUTES
    per_minute = np.bincount(groups.of_row * _MINUTES + minute, minlength=len(groups.keys) * _MINUTES)
    per_minute = per_minute.reshape(-1, _MINUTES)
    return {
        "host_ip": groups.keys // slices,
        "slice_start": groups.keys % slices,
        "sessions_cnt": per_minute.sum(axis=1),
        **{name: counts(flag, groups) for name, flag in arrays.flags.items()},
        "bytes_sent_sum": sums(sent, groups),
        "bytes_recv_sum": sums(received, groups),
        "duration_sum": sums(arrays.duration, groups) / 1_000_000,
        "max_sessions_per_minute": per_minute.max(axis=1),
    }


def _count_peers(
    arrays: FlowArrays, host: np.ndarray, peer: np.ndarray, slice_number: np.ndarray, slices: int
) -> dict[str, np.ndarray]:
    hosts = len(arrays.addresses)
    key = packed([host, peer, arrays.port, slice_number], [hosts, hosts, PORTS, slices])
    order = np.argsort(key)
    key = key[order]
    begins = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    row = order[begins]
    return {
        "host_ip": host[row],
        "peer_ip": peer[row],
        "peer_port": arrays.port[row],
        "slice_start": slice_number[row],
        "sessions_cnt": np.diff(begins, append=len(key)),
        "bytes": np.add.reduceat((arrays.source_bytes + arrays.destination_bytes)[order], begins),
    }


def _assembled(
    parts: list[dict[str, np.ndarray]], roles: Sequence[str], addresses: pa.Array, dataset: Dataset
) -> pa.Table:
    """Put the roles' rows together in key order, and names in place of numbers."""
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    role = np.repeat(np.arange(len(parts)), [len(part["host_ip"]) for part in parts])
    # Each part is sorted by the whole key, so a stable sort, which merges sorted runs, need look at its head only.
    order = np.argsort(arrays["host_ip"] * len(parts) + role, kind="stable")
    columns = []
    for column in dataset.columns:
        if column.name == "role":
            columns.append(pa.array(roles).take(pa.array(role[order])))
        elif column.type == "string":
            columns.append(addresses.take(pa.array(arrays[column.name][order])))
        elif column.type == "timestamp":
            columns.append(pa.array(arrays[column.name][order]).cast(ARROW_TYPES["timestamp"]))
        else:
            columns.append(pa.array(arrays[column.name][order]))
    return pa.table(columns, schema=arrow_schema(dataset))
