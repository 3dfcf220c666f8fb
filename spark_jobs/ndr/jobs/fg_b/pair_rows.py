"""Pair counts in the order of (source, destination, port, time): the sums of any baseline are one pass over them.

Slices of a pair that lie on one UTC day, without the start or end of a baseline between them, are merged into one row.
A backfill then holds one row for each pair and day, not for each pair and slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import DAY_MICROSECONDS, EPOCH, Interval, day_number, microseconds
from ndr.jobs.deltas.grouping import packed
from ndr.net.networks import segment_ids

_PORTS = 1 << 16

Ints = NDArray[np.int64]


def condense_for(intervals: Iterable[Interval]) -> Callable[[pa.Table], pa.Table]:
    """Return a function that merges neighbouring pair counts between which no interval starts or ends.

    It takes src_ip, dst_ip, dst_port, slice_start and sessions_cnt, text plain or as codes, and returns what
    `PairRows.of` takes. The more of a day's rows it is given together, the more are merged; the sums are the same.
    """
    cuts = _cuts(intervals)

    def condense(rows: pa.Table) -> pa.Table:
        source, destination = _Names.of(rows["src_ip"]), _Names.of(rows["dst_ip"])
        began = rows["slice_start"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        columns = [
            source.of_row,
            destination.of_row,
            rows["dst_port"].to_numpy(),
            began,
            rows["sessions_cnt"].to_numpy(),
        ]
        key = packed(columns[:3], (max(1, len(source.texts)), max(1, len(destination.texts)), _PORTS))
        # A partition comes in the order of its key. Several of them do not: their rows are brought together first.
        if not _is_ordered(key, began):
            order = np.lexsort((began, key))
            key, *columns = (each[order] for each in (key, *columns))
        of_source, of_destination, port, began, sessions = columns
        stretch = np.searchsorted(cuts, began, side="right")
        runs = _runs(key, stretch)
        joined = {
            "src_ip": _texts(of_source[runs], source.texts),
            "dst_ip": _texts(of_destination[runs], destination.texts),
            "dst_port": port[runs],
            "first": _of_runs(np.minimum, began, runs),
            "last": _of_runs(np.maximum, began, runs),
            "sessions": _of_runs(np.add, sessions, runs),
        }
        return pa.table(joined)

    return condense


def _is_ordered(key: Ints, began: Ints) -> bool:
    later = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (began[1:] >= began[:-1]))
    return bool(later.all())


def _cuts(intervals: Iterable[Interval]) -> Ints:
    """Return the instants between which flows may be merged, microseconds since the epoch."""
    bounds = [microseconds(at) for each in intervals for at in (each.start, each.end)]
    midnights = np.arange(min(bounds, default=0) // DAY_MICROSECONDS, max(bounds, default=0) // DAY_MICROSECONDS + 1)
    return np.union1d(np.array(bounds, np.int64), midnights * DAY_MICROSECONDS)


def _runs(*columns: NDArray[np.integer]) -> Ints:
    """Return where a row differs from the one before it."""
    changes = np.zeros(len(columns[0]), bool)
    changes[:1] = True
    for column in columns:
        changes[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changes)


def _of_runs(function: np.ufunc, values: Ints, runs: Ints) -> Ints:
    # reduceat refuses to start at the end of nothing
    reduced: Ints = function.reduceat(values, runs) if len(runs) else values[:0]
    return reduced


@dataclass(frozen=True, slots=True)
class _Names:
    """Texts in their order, and for each row the position of its text."""

    texts: pa.Array
    of_row: Ints

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> _Names:
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        encoded = column.unify_dictionaries().combine_chunks()
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
    cuts : int64[m]
        The instants between which flows may be merged, microseconds since the epoch.
    source, destination, port : int64[n]
    first, last : int64[n]
        Starts of the first and of the last slice, microseconds since the epoch.
    sessions : int64[n]
    pair : int64[n]
        Number of the row's pair.
    """

    source_column: str
    sources: pa.Array
    destinations: pa.Array
    cuts: Ints
    source: Ints
    destination: Ints
    port: Ints
    first: Ints
    last: Ints
    sessions: Ints
    pair: Ints

    @classmethod
    def of(cls, rows: Iterable[pa.Table], intervals: Iterable[Interval]) -> PairRows:
        """Sort condensed pair counts; sums can be taken over the intervals that they were condensed for."""
        names = ("src_ip", "dst_ip", "dst_port", "first", "last", "sessions")
        text = pa.dictionary(pa.int32(), pa.string())
        types = (text, text, *[pa.int64()] * 4)
        table = pa.concat_tables([pa.table([[]] * len(names), pa.schema(zip(names, types, strict=True))), *rows])
        sources, destinations = _Names.of(table["src_ip"]), _Names.of(table["dst_ip"])
        numbers = (table[name].to_numpy() for name in names[2:])
        cuts = _cuts(intervals)
        return cls._sorted("src_ip", sources, destinations.texts, cuts, destinations.of_row, *numbers)

    @classmethod
    def _sorted(
        cls,
        source_column: str,
        sources: _Names,
        destinations: pa.Array,
        cuts: Ints,
        destination: Ints,
        port: Ints,
        first: Ints,
        last: Ints,
        sessions: Ints,
    ) -> PairRows:
        sizes = (max(len(sources.texts), 1), max(len(destinations), 1), _PORTS)
        key = packed((sources.of_row, destination, port), sizes)
        order = np.lexsort((first, key))
        key, first = key[order], first[order]
        runs = _runs(key, np.searchsorted(cuts, first, side="right"))
        kept, key = order[runs], key[runs]
        return cls(
            source_column, sources.texts, destinations, cuts, sources.of_row[kept], destination[kept], port[kept],
            first[runs], _of_runs(np.maximum, last[order], runs), _of_runs(np.add, sessions[order], runs),
            np.cumsum(np.diff(key, prepend=key[:1]) != 0),
        )  # fmt: skip

    def by_segment(self, networks: Networks) -> PairRows:
        """Return the same rows with the source's segment in its place."""
        names = segment_ids(self.sources, networks).cast(pa.string())
        segments = _Names.of(pa.chunked_array([names]))
        of_row = _Names(segments.texts, segments.of_row[self.source])
        return self._sorted(
            "segment_id", of_row, self.destinations, self.cuts, self.destination, self.port, self.first, self.last,
            self.sessions,
        )  # fmt: skip

    def sums(self, interval: Interval) -> pa.Table:
        """Sum over the slices that start in the interval, one of those that the rows were condensed for.

        Returns
        -------
        pa.Table
            The source column and dst_ip as codes of texts in order, dst_port, pair_seen_count, active_days_mask (bit i:
            active i UTC days before the interval's last), first_seen and last_seen (microseconds since the epoch),
            ordered by pair.
        """
        start, end = (microseconds(instant) for instant in (interval.start, interval.end))
        rows = np.flatnonzero((self.first >= start) & (self.first < end))
        pair, first = self.pair[rows], self.first[rows]
        begins = _runs(pair)
        last = np.append(begins[1:], len(rows)) - 1 if len(rows) else begins
        days = np.int64(1) << (last_day(interval) - first // DAY_MICROSECONDS)
        pairs = rows[begins]
        columns = {
            self.source_column: _texts(self.source[pairs], self.sources),
            "dst_ip": _texts(self.destination[pairs], self.destinations),
            "dst_port": pa.array(self.port[pairs]),
            "pair_seen_count": pa.array(_of_runs(np.add, self.sessions[rows], begins)),
            "active_days_mask": pa.array(_of_runs(np.bitwise_or, days, begins)),
            "first_seen": pa.array(first[begins]),
            "last_seen": pa.array(self.last[rows[last]]),
        }
        return pa.table(columns)


def _texts(codes: Ints, texts: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), texts)


def last_day(interval: Interval) -> int:
    """Return the number, since the epoch, of the last UTC day that the interval touches."""
    return day_number(interval.end - EPOCH.resolution)
