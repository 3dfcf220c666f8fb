"""Pair counts in the order of (source, destination, port, time): the sums of any interval are one pass over them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.time import DAY, EPOCH, Interval, floor_to
from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_b.segments import segments_of

_DAY_MICROSECONDS = DAY // timedelta(microseconds=1)
_PORTS = 1 << 16

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Names:
    """Texts in their order, and for each row the place of its text among them."""

    texts: pa.Array
    of_row: Ints

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> _Names:
        encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return cls(encoded.dictionary.take(pa.array(order)), rank[encoded.indices.to_numpy()])


@dataclass(frozen=True, slots=True)
class PairRows:
    """Pair counts of one kind of source, sorted by pair and time; several baselines take their sums from one sort.

    Attributes
    ----------
    source_column : str
        `src_ip` or `segment_id`.
    sources, destinations : pa.Array
        Texts in order, which the codes of a row index.
    source, destination, port : int64[n]
    began : int64[n]
        Start of the slice, microseconds since the epoch.
    sessions : int64[n]
    pair : int64[n]
        Number of the row's pair.
    """

    source_column: str
    sources: pa.Array
    destinations: pa.Array
    source: Ints
    destination: Ints
    port: Ints
    began: Ints
    sessions: Ints
    pair: Ints

    @classmethod
    def of(cls, rows: pa.Table) -> PairRows:
        """Sort src_ip, dst_ip, dst_port, slice_start and sessions_cnt, in any order."""
        sources, destinations = _Names.of(rows["src_ip"]), _Names.of(rows["dst_ip"])
        return cls._sorted(
            "src_ip",
            sources.texts,
            destinations.texts,
            sources.of_row,
            destinations.of_row,
            rows["dst_port"].to_numpy(),
            rows["slice_start"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(),
            rows["sessions_cnt"].to_numpy(),
        )

    @classmethod
    def _sorted(
        cls,
        source_column: str,
        sources: pa.Array,
        destinations: pa.Array,
        source: Ints,
        destination: Ints,
        port: Ints,
        began: Ints,
        sessions: Ints,
    ) -> PairRows:
        key = packed((source, destination, port), (max(len(sources), 1), max(len(destinations), 1), _PORTS))
        order = np.lexsort((began, key))
        key = key[order]
        pair = np.cumsum(np.diff(key, prepend=key[:1]) != 0)
        return cls(
            source_column, sources, destinations, source[order], destination[order], port[order], began[order],
            sessions[order], pair,
        )  # fmt: skip

    def by_segment(self, ipv4_prefix: int, ipv6_prefix: int) -> PairRows:
        """Return the same rows with the source's segment in its place."""
        names = pa.array(segments_of(self.sources.to_pylist(), ipv4_prefix, ipv6_prefix), pa.string())
        segments = _Names.of(pa.chunked_array([names]))
        return self._sorted(
            "segment_id", segments.texts, self.destinations, segments.of_row[self.source], self.destination,
            self.port, self.began, self.sessions,
        )  # fmt: skip

    def sums(self, interval: Interval) -> pa.Table:
        """Sum over the slices that start in the interval.

        Returns
        -------
        pa.Table
            The source column, dst_ip, dst_port, pair_seen_count, active_days_mask (bit i: active i UTC days before the
            interval's last), first_seen and last_seen (microseconds since the epoch), ordered by pair.
        """
        start, end = ((instant - EPOCH) // EPOCH.resolution for instant in (interval.start, interval.end))
        rows = np.flatnonzero((self.began >= start) & (self.began < end))
        pair, began = self.pair[rows], self.began[rows]
        first = np.flatnonzero(np.diff(pair, prepend=-1))
        last = np.append(first[1:], len(rows)) - 1 if len(rows) else first
        days = np.int64(1) << (last_day(interval) - began // _DAY_MICROSECONDS)
        # reduceat refuses to start at the end of nothing
        totals = np.add.reduceat(self.sessions[rows], first) if len(rows) else rows
        mask = np.bitwise_or.reduceat(days, first) if len(rows) else rows
        columns = {
            self.source_column: self.sources.take(pa.array(self.source[rows[first]])),
            "dst_ip": self.destinations.take(pa.array(self.destination[rows[first]])),
            "dst_port": pa.array(self.port[rows[first]]),
            "pair_seen_count": pa.array(totals),
            "active_days_mask": pa.array(mask),
            "first_seen": pa.array(began[first]),
            "last_seen": pa.array(began[last]),
        }
        return pa.table(columns)


def last_day(interval: Interval) -> int:
    """Return the number, since the epoch, of the last UTC day that the interval touches."""
    return (floor_to(interval.end - timedelta(microseconds=1), DAY) - EPOCH) // DAY
