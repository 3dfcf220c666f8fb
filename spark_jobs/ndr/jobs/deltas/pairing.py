"""Records of one direction, as VPC Flow Logs have them, paired into connections.

The records between the same two ends (address and port) with the same transport are put in order of time. A
connection's records follow each other without a pause of more than `PAUSE`; a SYN begins another one. Where several
interfaces saw a connection, one of them tells it: the one that refused it, else the one that saw most bytes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.jobs.deltas.flow_arrays import address_ranks
from ndr.jobs.deltas.grouping import Groups, group, packed, sums
from ndr.jobs.deltas.port_members import PORTS
from ndr.sources.integration.columns import FLOW_COLUMNS
from ndr.spark.parts import Parts, parts_by_text

PAUSE: Final = timedelta(seconds=60)
FIN: Final = 1
SYN: Final = 2
RST: Final = 4
ACK: Final = 16
_SYN_ACK: Final = SYN | ACK
# Ports up to the first are well known, those from the second on are what clients take (Linux; others begin higher).
_PORT_CLASSES: Final = np.array([1024, 32768])
_ADDRESSES: Final = ("source_ip", "destination_ip")
_PART_OF_END: Final = 1 << 20
_UNKNOWN_FLAGS: Final = -1
_REASONS: Final = pa.array(
    ["tcp-rst-from-client", "tcp-rst-from-server", "tcp-fin", "aged-out", "unknown", "policy-deny"]
)


def parts_by_ends(records: pa.Table, parts: int) -> Parts:
    """Return the part of each record: the same for both directions between two addresses."""
    source, destination = (parts_by_text(records[name], _PART_OF_END) for name in _ADDRESSES)
    return ((source + destination) % parts).astype(np.int32)


class Paired(NamedTuple):
    """Connections (`FLOW_COLUMNS`), how many records another interface had too, how many of the others are allowed, and
    how many of these no record of the other direction answers."""

    flows: pa.Table
    repeated: int
    allowed: int
    unpaired: int


class _Records(NamedTuple):
    """Records as arrays, sorted by the ends that they are between, then by time.

    `ends` numbers the pairs of ends; `forward` tells the records that the lesser end sent.
    """

    ends: np.ndarray
    forward: np.ndarray
    start: np.ndarray
    end: np.ndarray
    flags: np.ndarray
    row: np.ndarray

    @property
    def opens(self) -> np.ndarray:
        """Which records have a SYN of the end that opens the connection."""
        return (self.flags != _UNKNOWN_FLAGS) & (self.flags & _SYN_ACK == SYN)

    @property
    def answers(self) -> np.ndarray:
        """Which records have the SYN and ACK of the end that was contacted."""
        return (self.flags != _UNKNOWN_FLAGS) & (self.flags & _SYN_ACK == _SYN_ACK)


def paired(records: pa.Table) -> Paired:
    """Pair the records of some time into connections.

    Parameters
    ----------
    records : pa.Table
        `ndr.jobs.deltas.sessions.RECORD_COLUMNS`, valid.

    Returns
    -------
    Paired
        The order of the records does not change it.
    """
    if not records.num_rows:
        return Paired(FLOW_COLUMNS.empty_table(), 0, 0, 0)
    addresses, (source, destination) = address_ranks(records)
    ends, forward = _ends(records, source, destination, len(addresses))
    denied = np.asarray(pc.not_equal(records["event_action"], "allow").to_numpy())
    told = _told_by_one(records, ends, denied)
    sorted_records = _sorted(records, ends, forward, np.flatnonzero(told))
    connection = np.cumsum(_begins(sorted_records)) - 1
    flows, one_way = _connections(records, sorted_records, connection, denied, addresses, (source, destination))
    allowed = ~denied[sorted_records.row]
    unpaired = int((one_way[connection] & allowed).sum())
    return Paired(flows, int((~told).sum()), int(allowed.sum()), unpaired)


def _ends(
    records: pa.Table, source: np.ndarray, destination: np.ndarray, addresses: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a number for each record's pair of ends and transport, and whether the lesser end sent the record."""
    source_end, destination_end = (
        rank * PORTS + _integers(records[f"{side}_port"])
        for rank, side in ((source.astype(np.int64), "source"), (destination.astype(np.int64), "destination"))
    )
    lesser, greater = np.minimum(source_end, destination_end), np.maximum(source_end, destination_end)
    transport = _codes(records["network_transport"])
    key = packed([lesser, greater, transport], [addresses * PORTS, addresses * PORTS, int(transport.max()) + 1])
    return np.unique(key, return_inverse=True)[1], source_end <= destination_end


def _told_by_one(records: pa.Table, ends: np.ndarray, denied: np.ndarray) -> np.ndarray:
    """Return which records are of the interface that tells their pair of ends."""
    observer = _codes(records["observer"], in_order=True)
    of_observer = group(ends * (int(observer.max()) + 1) + observer, (int(ends.max()) + 1) * (int(observer.max()) + 1))
    pair = of_observer.keys // (int(observer.max()) + 1)
    seen = sums(_integers(records["source_bytes"]), of_observer)
    refused = np.bincount(of_observer.of_row, weights=denied) > 0
    best = np.lexsort((np.arange(len(pair)), -seen, ~refused, pair))
    is_first = np.diff(pair[best], prepend=-1) != 0
    chosen = np.zeros(len(pair), bool)
    chosen[best[is_first]] = True
    return chosen[of_observer.of_row]


def _sorted(records: pa.Table, ends: np.ndarray, forward: np.ndarray, rows: np.ndarray) -> _Records:
    start, end = (_integers(records[name])[rows] // SECOND_MICROSECONDS for name in ("event_start", "event_end"))
    flags = np.asarray(pc.fill_null(records["tcp_flags"], _UNKNOWN_FLAGS).to_numpy())[rows]
    size = _integers(records["source_bytes"])[rows]
    found = _Records(ends[rows], forward[rows], start, end, flags, rows)
    order = np.lexsort((size, flags, found.forward, end, ~found.opens, start, found.ends))
    return _Records(*(column[order] for column in found))


def _begins(records: _Records) -> np.ndarray:
    """Return which records begin a connection."""
    new_ends = np.diff(records.ends, prepend=-1) != 0
    # The latest end so far among the records of the same ends: each pair of ends is lifted above the one before it.
    lift = records.ends * (int(records.end.max()) - int(records.start.min()) + 1)
    latest = np.maximum.accumulate(records.end - int(records.start.min()) + lift) - lift + int(records.start.min())
    pause = np.zeros(len(new_ends), bool)
    pause[1:] = records.start[1:] - latest[:-1] > PAUSE.total_seconds()
    reopened = np.zeros(len(new_ends), bool)
    closed = (records.flags[:-1] != _UNKNOWN_FLAGS) & (records.flags[:-1] & (FIN | RST) != 0)
    reopened[1:] = records.opens[1:] & (closed | (records.forward[1:] != records.forward[:-1]))
    return new_ends | pause | reopened


def _connections(
    records: pa.Table,
    ordered: _Records,
    connection: np.ndarray,
    denied: np.ndarray,
    addresses: pa.Array,
    ranks: tuple[np.ndarray, np.ndarray],
) -> tuple[pa.Table, np.ndarray]:
    """Return the connections, and which of them have records of one direction only."""
    groups = Groups(np.arange(int(connection[-1]) + 1), connection)
    first = np.flatnonzero(np.diff(connection, prepend=-1))
    opened_forward = _opened_forward(records, ordered, groups, first)
    from_opener = ordered.forward == opened_forward[connection]
    size = _integers(records["source_bytes"])[ordered.row]
    sent, received = (sums(np.where(side, size, 0), groups) for side in (from_opener, ~from_opener))
    # The row whose ends the connection is told by, and whether it is turned round.
    row, turned = ordered.row[first], ~from_opener[first]
    ends = [np.where(turned, ranks[1][row], ranks[0][row]), np.where(turned, ranks[0][row], ranks[1][row])]
    ports = [_integers(records[name])[row] for name in ("source_port", "destination_port")]
    is_denied = np.bincount(connection, weights=denied[ordered.row]) > 0
    one_way = ~(_any(groups, from_opener) & _any(groups, ~from_opener))
    start = np.minimum.reduceat(_integers(records["event_start"])[ordered.row], first)
    end = np.maximum.reduceat(_integers(records["event_end"])[ordered.row], first)
    transport = records["network_transport"].combine_chunks().take(pa.array(row))
    reason = _reasons(ordered, groups, from_opener, is_denied, np.asarray(pc.equal(transport, "tcp").fill_null(False)))
    columns = [
        pa.DictionaryArray.from_arrays(ends[0].astype(np.int32), addresses), np.where(turned, ports[1], ports[0]),
        pa.DictionaryArray.from_arrays(ends[1].astype(np.int32), addresses), np.where(turned, ports[0], ports[1]),
        sent, received, start, end, pa.array(["allow", "deny"]).take(pa.array(is_denied.astype(np.int8))),
        pa.repeat("TRAFFIC", len(row)), _REASONS.take(pa.array(reason)), transport,
    ]  # fmt: skip
    arrays = [pa.array(column) if isinstance(column, np.ndarray) else column for column in columns]
    coded = [
        array.cast(pa.timestamp("us")).cast(field.type)
        if pa.types.is_timestamp(field.type)
        else array.dictionary_encode().cast(field.type)
        if pa.types.is_string(array.type)
        else array
        for array, field in zip(arrays, FLOW_COLUMNS, strict=True)
    ]
    return pa.table(coded, schema=FLOW_COLUMNS), one_way


def _opened_forward(records: pa.Table, ordered: _Records, groups: Groups, first: np.ndarray) -> np.ndarray:
    """Return for each connection whether the lesser end opened it.

    The SYN tells it, then the SYN and ACK, then that clients take high ports, then the time of the first records. Ends
    that differ in none of these are told apart by the lower port. ICMP has no ports: where both directions began in one
    second it can't be known.
    """
    row, forward = ordered.row[first], ordered.forward[first]
    source, destination = (_integers(records[name])[row] for name in ("source_port", "destination_port"))
    of_source, of_destination = (np.searchsorted(_PORT_CLASSES, port, side="right") for port in (source, destination))
    later = _second_direction_is_later(ordered, groups, first)
    to_service = np.where(of_source != of_destination, of_source > of_destination, later | (source >= destination))
    opened = forward == to_service
    for said, by_forward in (
        (ordered.answers, ~ordered.forward),
        (ordered.opens, ordered.forward),
    ):
        yes, no = _any(groups, said & by_forward), _any(groups, said & ~by_forward)
        opened = np.where(yes ^ no, yes, opened)
    return np.asarray(opened, bool)


def _second_direction_is_later(ordered: _Records, groups: Groups, first: np.ndarray) -> np.ndarray:
    """Return which connections have no record of the other direction that begins with the first one."""
    is_other = ordered.forward != ordered.forward[first][groups.of_row]
    return ~_any(groups, is_other & (ordered.start == ordered.start[first][groups.of_row]))


def _reasons(
    ordered: _Records, groups: Groups, from_opener: np.ndarray, denied: np.ndarray, is_tcp: np.ndarray
) -> np.ndarray:
    """Return the place in `_REASONS` of each connection's."""
    known = ordered.flags != _UNKNOWN_FLAGS
    reset, closed = known & (ordered.flags & RST != 0), known & (ordered.flags & FIN != 0)
    cases = [denied, ~is_tcp, _any(groups, reset & from_opener), _any(groups, reset), _any(groups, closed)]
    return np.select([*cases, _any(groups, known)], [5, 3, 0, 1, 2, 3], 4)


def _any(groups: Groups, mask: np.ndarray) -> np.ndarray:
    return np.bincount(groups.of_row[mask], minlength=len(groups.keys)) > 0


def _integers(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy())


def _codes(column: pa.ChunkedArray, in_order: bool = False) -> np.ndarray:
    """Return words as numbers from 0, null as the greatest; `in_order` numbers them as they sort."""
    whole = column.combine_chunks()
    coded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    words = coded.dictionary
    rank = np.arange(len(words) + 1)
    if in_order:
        rank[np.asarray(pc.sort_indices(words))] = np.arange(len(words))
    return rank[np.asarray(pc.fill_null(coded.indices, len(words)))]
