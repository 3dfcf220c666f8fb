"""Flows → deltas and peer deltas.

A flow counts twice: for its source in role outbound and for its destination in role inbound. Addresses are handled as
their ranks in sorted order, so that sorting numbers sorts rows by key.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import DELTAS, INBOUND, OUTBOUND, PEER_DELTAS, PEER_PORT_CLASSES, ROLES, Dataset
from ndr.contract.jobspecs.port_classes import PortClasses
from ndr.contract.time import SECOND_MICROSECONDS, SLICE, SLICE_MICROSECONDS
from ndr.jobs.deltas.flow_arrays import FlowArrays, flow_arrays
from ndr.jobs.deltas.grouping import counts, group, maxima, packed, sums
from ndr.jobs.deltas.port_members import PORTS
from ndr.store.schema import ARROW_TYPES, coded_schema

_MINUTE: Final = 60 * SECOND_MICROSECONDS
_MINUTES: Final = SLICE.seconds // 60
_ACTION_BITS: Final = 31


class Deltas(NamedTuple):
    """The DELTAS and PEER_DELTAS datasets, each sorted by its key, text as codes."""

    deltas: pa.Table
    peer_deltas: pa.Table


class _Slices(NamedTuple):
    """The slice that each flow starts in, counted from the first one, and how many slices there are from it on."""

    first: int
    of_flow: np.ndarray
    number: int


_Counted = dict[str, np.ndarray]
"""A role's rows as arrays by column name, sorted by key: addresses as ranks, slices as numbers."""


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
        INTEGRATION columns, valid (see `ndr.sources.integration.validity.split`); strings plain or as dictionary codes.
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
        return Deltas(coded_schema(DELTAS).empty_table(), coded_schema(PEER_DELTAS).empty_table())
    arrays = flow_arrays(flows, port_classes, round(short_session_seconds * SECOND_MICROSECONDS))
    slices, names = _slices(arrays.start), sorted(roles)
    with ThreadPoolExecutor(len(ROLES)) as pool:
        peers = pool.submit(_count_peers, arrays, slices, names)
        hosts = list(pool.map(partial(_count_hosts, arrays, slices), names))
        peer_deltas = pool.submit(_assembled, peers.result(), names, slices, arrays.addresses, PEER_DELTAS)
        deltas = _assembled(hosts, names, slices, arrays.addresses, DELTAS)
        return Deltas(deltas, peer_deltas.result())


def _slices(start: np.ndarray) -> _Slices:
    number = start // SLICE_MICROSECONDS
    first = int(number.min())
    number -= first
    return _Slices(first, number, int(number.max()) + 1)


def _count_hosts(arrays: FlowArrays, slices: _Slices, role: str) -> _Counted:
    hosts = len(arrays.addresses)
    host = arrays.source if role == OUTBOUND else arrays.destination
    groups = group(packed([host, slices.of_flow], [hosts, slices.number]), hosts * slices.number)
    sent, received = arrays.source_bytes, arrays.destination_bytes
    if role == INBOUND:
        sent, received = received, sent
    minute = arrays.start // _MINUTE % _MINUTES
    per_minute = np.bincount(groups.of_row * _MINUTES + minute, minlength=len(groups.keys) * _MINUTES)
    per_minute = per_minute.reshape(-1, _MINUTES)
    return {
        "host_ip": groups.keys // slices.number,
        "slice_start": groups.keys % slices.number,
        "sessions_cnt": per_minute.sum(axis=1),
        **{name: counts(flag, groups) for name, flag in arrays.flags.items()},
        "bytes_sent_sum": sums(sent, groups),
        "bytes_recv_sum": sums(received, groups),
        "duration_sum": sums(arrays.duration, groups) / SECOND_MICROSECONDS,
        "max_sessions_per_minute": per_minute.max(axis=1),
        "max_flow_bytes_sent": maxima(sent, groups),
        "max_flow_bytes_recv": maxima(received, groups),
    }


def _count_peers(arrays: FlowArrays, slices: _Slices, roles: Sequence[str]) -> list[_Counted]:
    """Count once for both roles: they divide the flows alike, and differ in which end comes first."""
    outbound = _count_pairs(arrays, slices)
    return [outbound if role == OUTBOUND else _seen_from_peers(arrays, slices, outbound) for role in roles]


def _count_pairs(arrays: FlowArrays, slices: _Slices) -> _Counted:
    hosts = len(arrays.addresses)
    key = packed([arrays.source, arrays.destination, arrays.port, slices.of_flow], [hosts, hosts, PORTS, slices.number])
    order = np.argsort(key)
    key = key[order]
    begins = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    row = order[begins]
    # Two counts in one number, and the classes as bits of another: bringing flows into order takes most of the time.
    actions = np.add.reduceat((arrays.flags["allow_cnt"] + (arrays.flags["deny_cnt"] << _ACTION_BITS))[order], begins)
    classes = np.bitwise_or.reduceat(_classes(arrays)[order], begins)
    return {
        "host_ip": arrays.source[row],
        "peer_ip": arrays.destination[row],
        "peer_port": arrays.port[row],
        "slice_start": slices.of_flow[row],
        "sessions_cnt": np.diff(begins, append=len(key)),
        "allow_cnt": actions & ((1 << _ACTION_BITS) - 1),
        "deny_cnt": actions >> _ACTION_BITS,
        "bytes_sent_sum": np.add.reduceat(arrays.source_bytes[order], begins),
        "bytes_recv_sum": np.add.reduceat(arrays.destination_bytes[order], begins),
        **{f"is_{name}_port": (classes >> bit & 1).astype(bool) for bit, name in enumerate(PEER_PORT_CLASSES)},
    }


def _classes(arrays: FlowArrays) -> np.ndarray:
    """Return the port classes of each flow that peer deltas tell of, as bits."""
    bits = np.zeros(len(arrays.port), np.uint8)
    for bit, name in enumerate(PEER_PORT_CLASSES):
        bits |= arrays.flags[f"{name}_port_sessions_cnt"].astype(np.uint8) << np.uint8(bit)
    return bits


def _seen_from_peers(arrays: FlowArrays, slices: _Slices, rows: _Counted) -> _Counted:
    hosts = len(arrays.addresses)
    turned = rows | {
        "host_ip": rows["peer_ip"],
        "peer_ip": rows["host_ip"],
        "bytes_sent_sum": rows["bytes_recv_sum"],
        "bytes_recv_sum": rows["bytes_sent_sum"],
    }
    key = [turned[name] for name in ("host_ip", "peer_ip", "peer_port", "slice_start")]
    order = np.argsort(packed(key, [hosts, hosts, PORTS, slices.number]))
    return {name: values[order] for name, values in turned.items()}


def _assembled(
    parts: list[_Counted], roles: Sequence[str], slices: _Slices, addresses: pa.Array, dataset: Dataset
) -> pa.Table:
    """Put the roles' rows together in key order, and times in place of slice numbers."""
    places = _places([part["host_ip"] for part in parts], len(addresses))

    def merged(values: Sequence[np.ndarray], dtype: np.dtype) -> np.ndarray:
        whole = np.empty(sum(map(len, places)), dtype)
        for place, of_part in zip(places, values, strict=True):
            whole[place] = of_part
        return whole

    columns = []
    for column in dataset.columns:
        if column.name == "role":
            codes = merged([np.full(len(place), number) for number, place in enumerate(places)], np.dtype(np.int32))
            columns.append(pa.DictionaryArray.from_arrays(codes, pa.array(roles)))
            continue
        values = [part[column.name] for part in parts]
        if column.type == "string":
            columns.append(pa.DictionaryArray.from_arrays(merged(values, np.dtype(np.int32)), addresses))
        elif column.type == "timestamp":
            micros = (merged(values, np.dtype(np.int64)) + slices.first) * SLICE_MICROSECONDS
            columns.append(pa.array(micros).cast(ARROW_TYPES["timestamp"]))
        else:
            columns.append(pa.array(merged(values, values[0].dtype)))
    return pa.table(columns, schema=coded_schema(dataset))


def _places(hosts: Sequence[np.ndarray], addresses: int) -> list[np.ndarray]:
    """Return where each part's rows, in order of host, stand when a host's rows of all parts come together."""
    rows = np.stack([np.bincount(host, minlength=addresses) for host in hosts], axis=1)
    begins = (np.cumsum(rows) - rows.ravel()).reshape(rows.shape)
    moves = begins - (np.cumsum(rows, axis=0) - rows)
    return [np.repeat(moves[:, part], rows[:, part]) + np.arange(len(host)) for part, host in enumerate(hosts)]
