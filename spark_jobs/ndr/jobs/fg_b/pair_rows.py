"""Pair counts in the order of (source, destination, port, time): the sums of any baseline are one pass over them.

Slices of a pair that lie on one UTC day, without the start or end of a baseline between them, are merged into one row.
A backfill then holds one row for each pair and day, not for each pair and slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.networks import NetworkLists
from ndr.contract.time import DAY_MICROSECONDS, EPOCH, SLICE_MICROSECONDS, Interval, day_number, microseconds
from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.ordered_texts import OrderedTexts
from ndr.jobs.published_slices import PublishedSlices
from ndr.jobs.regularity import DayActivity, PairDays
from ndr.net.networks import is_internal, segment_ids

SUMS: Final = ("sessions_cnt", "allow_cnt", "deny_cnt", "src_bytes_sum", "dst_bytes_sum")
"""Columns of pair counts that a pair baseline has the sums of."""

REGULARITY_SPAN: Final = timedelta(days=7)
"""How much of a baseline's end its regularity looks at."""

_PORTS = 1 << 16

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CondensedPairs:
    """Pair counts, merged where no baseline tells them apart.

    Attributes
    ----------
    rows : pa.Table
        src_ip and dst_ip as codes, dst_port, `first` and `last` slice start (microseconds since the epoch), the SUMS.
    regular : int64[n]
        Numbers of the rows with active slices that a baseline's regularity looks at, ascending.
    activity : DayActivity
        These slices, for each of `regular`.
    """

    rows: pa.Table
    regular: Ints
    activity: DayActivity


def condense_for(baselines: Iterable[Baseline]) -> Callable[[pa.Table], CondensedPairs]:
    """Return a function that merges neighbouring pair counts between which no baseline starts or ends.

    It takes src_ip, dst_ip, dst_port, slice_start and the SUMS, text plain or as codes, and returns what `PairRows.of`
    takes. The more of a day's rows it is given together, the more are merged; the sums are the same.
    """
    baselines = list(baselines)
    cuts, regular = _cuts(baselines), PublishedSlices.union([regularity_time(each) for each in baselines])

    def condense(table: pa.Table) -> CondensedPairs:
        source, destination = OrderedTexts.of(table["src_ip"]), OrderedTexts.of(table["dst_ip"])
        began = table["slice_start"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()
        codes = (source.of_row, destination.of_row, table["dst_port"].to_numpy())
        totals = np.stack([table[name].to_numpy() for name in SUMS])
        key = packed(codes, (max(1, len(source.texts)), max(1, len(destination.texts)), _PORTS))
        # A partition comes in the order of its key. Several of them do not: their rows are brought together first.
        order = None if _is_ordered(key, began) else _order(key, began)
        if order is not None:
            key, began, totals = key.take(order), began.take(order), np.take(totals, order, axis=1)
        runs = _runs(key, np.searchsorted(cuts, began, side="right"))
        of_source, of_destination, port = (column[runs if order is None else order[runs]] for column in codes)
        _, allowed, _, sent, received = totals
        number = began // SLICE_MICROSECONDS
        is_active = (allowed > 0) & regular.has(number)
        rows = {
            "src_ip": _texts(of_source, source.texts),
            "dst_ip": _texts(of_destination, destination.texts),
            "dst_port": port,
            "first": began[runs],
            "last": _of_runs(np.maximum, began, runs),
            **dict(zip(SUMS, _of_runs(np.add, totals, runs), strict=True)),
        }
        return CondensedPairs(pa.table(rows), *_activity(number, allowed, sent + received, is_active, runs))

    return condense


def _activity(
    number: Ints, allowed: Ints, volume: Ints, is_active: NDArray[np.bool_], runs: Ints
) -> tuple[Ints, DayActivity]:
    """Return the runs with an active slice, and their activity."""
    some = np.logical_or.reduceat(is_active, runs) if len(runs) else is_active
    regular = np.flatnonzero(some)
    lengths = np.diff(runs, append=len(number))
    if len(regular) < len(runs):
        rows = np.flatnonzero(np.repeat(some, lengths))
        number, allowed, volume, is_active = number[rows], allowed[rows], volume[rows], is_active[rows]
    starts = np.cumsum(lengths[regular]) - lengths[regular]
    return regular, DayActivity.of(number, allowed, volume, is_active, starts)


def regularity_time(baseline: Baseline) -> PublishedSlices:
    """Return the published slices that a baseline's regularity looks at: those of the last days of its interval."""
    return baseline.pair_time.last(REGULARITY_SPAN)


def _is_ordered(key: Ints, began: Ints) -> bool:
    later = (key[1:] > key[:-1]) | ((key[1:] == key[:-1]) & (began[1:] >= began[:-1]))
    return bool(later.all())


def _order(key: Ints, began: Ints) -> Ints:
    """Return the order of rows by key, then by time: stable, so one sort is enough where they come in order of time."""
    if (began[1:] >= began[:-1]).all():
        return np.argsort(key, kind="stable")
    return np.lexsort((began, key))


def _cuts(baselines: Iterable[Baseline]) -> Ints:
    """Return the instants between which flows may be merged, microseconds since the epoch."""
    starts = [
        (each.interval.start, max(each.interval.start, each.interval.end - REGULARITY_SPAN)) for each in baselines
    ]
    ends = [each.interval.end for each in baselines]
    bounds = [microseconds(at) for at in (*(start for both in starts for start in both), *ends)]
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
    reduced: Ints = function.reduceat(values, runs, axis=-1) if len(runs) else values[..., :0]
    return reduced


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
    totals : int64[SUMS, n]
    pair : int64[n]
        Number of the row's pair.
    days : PairDays
        The days in which the pairs are active where a baseline's regularity looks; None for segments.
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
    totals: Ints
    pair: Ints
    days: PairDays | None

    @classmethod
    def of(cls, condensed: Iterable[CondensedPairs], baselines: Iterable[Baseline]) -> PairRows:
        """Sort condensed pair counts; sums can be taken over the baselines that they were condensed for."""
        bundles, baselines = list(condensed), list(baselines)
        names = ("src_ip", "dst_ip", "dst_port", "first", "last", *SUMS)
        text = pa.dictionary(pa.int32(), pa.string())
        types = (text, text, *[pa.int64()] * (len(names) - 2))
        none = pa.table([[]] * len(names), pa.schema(zip(names, types, strict=True)))
        table = pa.concat_tables([none, *(bundle.rows for bundle in bundles)])
        activity = DayActivity.joined([bundle.activity for bundle in bundles])
        before = np.cumsum([0, *(len(bundle.rows) for bundle in bundles)])
        numbers = [bundle.regular + first for bundle, first in zip(bundles, before[:-1], strict=True)]
        regular = np.full(before[-1], -1)
        regular[np.concatenate([np.zeros(0, np.int64), *numbers])] = np.arange(len(activity.active))
        del bundles
        sources, destinations = OrderedTexts.of(table["src_ip"]), OrderedTexts.of(table["dst_ip"])
        port, first, last, *totals = (table[name].to_numpy() for name in names[2:])
        keys = (sources.of_row, destinations.of_row, port)
        published = PublishedSlices.union([regularity_time(each) for each in baselines])
        return cls._sorted(
            "src_ip", sources.texts, destinations.texts, _cuts(baselines), keys, first, last, np.stack(totals),
            (regular, activity, published),
        )  # fmt: skip

    @classmethod
    def _sorted(
        cls,
        source_column: str,
        sources: pa.Array,
        destinations: pa.Array,
        cuts: Ints,
        keys: tuple[Ints, Ints, Ints],
        first: Ints,
        last: Ints,
        totals: Ints,
        activity: tuple[Ints, DayActivity, PublishedSlices] | None = None,
    ) -> PairRows:
        sizes = (max(len(sources), 1), max(len(destinations), 1), _PORTS)
        slices = (first - first.min(initial=np.iinfo(np.int64).max)) // SLICE_MICROSECONDS
        # One sort of one number; as stable it merges the runs of what comes in order, such as a partition of a day.
        order = np.argsort(packed((*keys, slices), (*sizes, int(slices.max(initial=0)) + 1)), kind="stable")
        key, first = packed(keys, sizes)[order], first[order]
        pair = np.cumsum(np.diff(key, prepend=key[:1]) != 0)
        part = np.searchsorted(cuts, first, side="right")
        runs = _runs(key, part)
        days = None
        if activity:
            regular, own, published = activity
            regular = regular[order]
            some = np.flatnonzero(regular >= 0)
            start = first[some] // SLICE_MICROSECONDS
            days = PairDays.of(pair[some], part[some], start, own.take(regular[some]), published)
        source, destination, port = (of_row[order[runs]] for of_row in keys)
        return cls(
            source_column, sources, destinations, cuts, source, destination, port, first[runs],
            _of_runs(np.maximum, last[order], runs), _of_runs(np.add, np.take(totals, order, axis=1), runs), pair[runs],
            days,
        )  # fmt: skip

    def by_segment(self, networks: NetworkLists) -> PairRows:
        """Return the rows of internal sources with the source's segment in its place, without the slices."""
        names = segment_ids(self.sources, networks).cast(pa.string())
        segments = OrderedTexts.of(pa.chunked_array([names]))
        internal = is_internal(self.sources, networks)[self.source]
        keys = (segments.of_row[self.source[internal]], self.destination[internal], self.port[internal])
        return self._sorted(
            "segment_id", segments.texts, self.destinations, self.cuts, keys, self.first[internal],
            self.last[internal], self.totals[:, internal],
        )  # fmt: skip

    def sums(self, interval: Interval) -> pa.Table:
        """Sum over the slices that start in the interval, one of those that the rows were condensed for.

        Returns
        -------
        pa.Table
            The source column and dst_ip as codes of texts in order, dst_port, the SUMS, active_days_mask (bit i: active
            i UTC days before the interval's last), first_seen and last_seen (microseconds since the epoch), ordered by
            pair.
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
            **dict(zip(SUMS, _of_runs(np.add, np.take(self.totals, rows, axis=1), begins), strict=True)),
            "active_days_mask": pa.array(_of_runs(np.bitwise_or, days, begins)),
            "first_seen": pa.array(first[begins]),
            "last_seen": pa.array(self.last[rows[last]]),
        }
        return pa.table(columns)

    def regularity(self, baseline: Baseline) -> pa.Table:
        """Return REGULARITY over the last days of a baseline, a row for each pair that `sums` has."""
        if self.days is None:
            raise ValueError("Rows of segments have no days.")
        start, end = (microseconds(instant) for instant in (baseline.interval.start, baseline.interval.end))
        pairs = self.pair[(self.first >= start) & (self.first < end)]
        pairs = pairs[_runs(pairs)]
        return self.days.of_span(pairs, regularity_time(baseline))


def _texts(codes: Ints, texts: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), texts)


def last_day(interval: Interval) -> int:
    """Return the number, since the epoch, of the last UTC day that the interval touches."""
    return day_number(interval.end - EPOCH.resolution)
