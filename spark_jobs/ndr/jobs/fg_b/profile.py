"""Profile: on how many days, at which hours of the day, each host was at the top of its own range, and how high.

A nightly backup is high at its hour on every day, so it is expected there, and only there, up to its usual size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_B_PROFILE, PROFILE_METRICS, PROFILE_WINDOWS
from ndr.contract.networks import DefaultNetworks, NetworkLists
from ndr.contract.time import SLICE_MICROSECONDS, WINDOWS, Interval, slice_number
from ndr.jobs.deltas.grouping import group
from ndr.jobs.fg_b.baseline import Baseline, span_of
from ndr.jobs.fg_b.daily_maxima import HourDays
from ndr.jobs.fg_b.internal_hosts import of_internal_hosts
from ndr.jobs.fg_b.local_slices import LocalSlices
from ndr.jobs.fg_b.order_statistics import Floats, Ints, between, ranks, sort_groups
from ndr.jobs.fg_b.placement import RowKeys, radix_order
from ndr.jobs.fg_b.row_columns import FoundRows, Selection, read_keys
from ndr.jobs.fg_b.row_source import RowSource, TableRows
from ndr.store.schema import arrow_schema

HIGH_PERCENT: Final = 95
_HOURS: Final = 24
_LONGEST: Final = max(WINDOWS[label] for label in PROFILE_WINDOWS)
_KEYS: Final = ("host_ip", "role", "window_label")


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """What the profiles of all baselines share.

    Attributes
    ----------
    published : sequence of Interval
        The time for which FG-A was published, from the longest window before the first horizon on.
    time_zone : str
        IANA zone of the days and hours.
    networks : NetworkLists
        They tell which hosts are internal.
    hosts_are_machines : bool
        Hosts are keys of machines; see `ndr.jobs.fg_b.machine_hosts`.
    """

    published: Sequence[Interval]
    time_zone: str = "UTC"
    networks: NetworkLists = field(default_factory=DefaultNetworks)
    hosts_are_machines: bool = False

    @property
    def networks_of_hosts(self) -> NetworkLists | None:
        """The networks that tell what hosts are; None where they are keys of machines."""
        return None if self.hosts_are_machines else self.networks


def profiles_of_baselines(
    rows: pa.Table | Iterable[pa.RecordBatch] | RowSource,
    baselines: Sequence[Baseline],
    rules: ProfileRules,
    threads: int = 1,
    keys: FoundRows | None = None,
) -> list[pa.Table]:
    """Compute the profile table of each of several baselines, whose rows are read once.

    Parameters
    ----------
    rows : Arrow table, record batches, or RowSource
        FG-A rows: TEXT_COLUMNS, window_end and PROFILE_METRICS, over the horizons, of complete hosts.
    baselines : sequence of Baseline
        Not empty.
    rules : ProfileRules
    threads : int
        Threads to compute with; the result does not depend on it.
    keys : FoundRows, optional
        What `read_keys` returns of `rows` over the horizons, where others need it too.

    Returns
    -------
    list of Table
        For each baseline the `profile` dataset in the order of its key: a row for each (host, role, window, hour of
        day) at which some metric was high.

    Notes
    -----
    A window counts when it ends in the horizon and all its slices were published, those before the horizon, too. It
    belongs to the local day and hour of its last slice's start. Over the N windows of a label that count, a host's
    values of a metric are those of its rows, and 0 where it has none. A value x is *high* when

        x >= p95 and x > median

    of the N values (Hyndman & Fan 1996, type 7). The median keeps a host that does the same at all times, whose p95 is
    what it always does, from being high at every hour.

    A day is high at an hour when any of its windows is. The share of high days is high days / observed days, where a
    day is observed at an hour when any of its windows there counts. Masks hold the last 63 days.

    How high a value is at an hour, on more than one day, is the *second-highest*: of each observed day the largest of
    the values at that hour (0 where the host has none), and of these the second largest, as they are: not capped, and
    equal ones count one by one. It is null where it would be 0: fewer than two days have a value above 0. An attack
    of one day cannot raise it above the largest value of the other days; the full backups of four Saturdays do.
    """
    source = rows if isinstance(rows, RowSource) else TableRows(rows)
    span = span_of(baselines)
    slices = LocalSlices.of(Interval(span.start - _LONGEST, span.end), rules.published, rules.time_zone)
    with ThreadPoolExecutor(threads) as pool:
        found = _ProfileRows.of(keys or read_keys(source, span, pool), slices, rules.networks_of_hosts)
        horizons = [_Horizon.of(found, slices, baseline) for baseline in baselines]
        hours = list(pool.map(partial(_hours, found, source, horizons), PROFILE_METRICS))
    of_horizons = zip(*hours, strict=True)
    return [_table(found, horizon, metrics) for horizon, metrics in zip(horizons, of_horizons, strict=True)]


@dataclass(frozen=True, slots=True)
class _PieceRows:
    """Some rows of a piece, by their numbers in it."""

    piece: int
    rows: Ints


@dataclass(frozen=True, slots=True, eq=False)
class _ProfileRows:
    """The rows of the profile's windows, by series and time. A series is a (host, role, window).

    Attributes
    ----------
    pieces : list of _PieceRows
        Where the rows lie in the source.
    order : int64[rows]
        The place of each row among those of all pieces.
    places : int64[rows]
        series * slices + last slice of the window, ascending.
    slices : int
    keys : dict of str to list of str
        host_ip, role and window_label of each series, in the order of these texts.
    windows : int64[series]
        Number of the window among PROFILE_WINDOWS.
    """

    pieces: list[_PieceRows]
    order: Ints
    places: Ints
    slices: int
    keys: dict[str, list[str]]
    windows: Ints

    @classmethod
    def of(cls, read: FoundRows, slices: LocalSlices, networks: NetworkLists | None) -> _ProfileRows:
        """Keep the rows of internal hosts and of windows that were published in full."""
        keys, selections = of_internal_hosts(*read, networks)
        count = len(slices.hours)
        rows, last_slices = _full_windows(keys, slices)
        texts = {name: sorted(keys.texts[name]) for name in _KEYS}
        sizes = [max(1, len(texts[name])) for name in _KEYS]
        found = group(_numbers(keys, rows, texts, sizes), int(np.prod(sizes)))
        order = radix_order(found.of_row, len(found.keys))
        places = (found.of_row * count + last_slices).take(order)
        if np.any(places[1:] < places[:-1]):
            again = np.argsort(places)
            order, places = order.take(again), places.take(again)
        of_series = zip(_KEYS, np.unravel_index(found.keys, sizes), strict=True)
        names = {name: [texts[name][code] for code in each.tolist()] for name, each in of_series}
        windows = np.array([PROFILE_WINDOWS.index(label) for label in names["window_label"]], np.int64)
        return cls(_by_piece(rows, keys, selections), order, places, count, names, windows)

    def column(self, source: RowSource, metric: str) -> Floats:
        """Read a metric of the rows; a missing value is 0."""
        values = np.zeros(len(self.order))
        first = 0
        for piece in self.pieces:
            table = source.read(piece.piece, [metric])
            if metric in table.column_names:
                read = table.column(metric)
                read = read.fill_null(0) if read.null_count else read
                values[first : first + len(piece.rows)] = read.to_numpy().take(piece.rows)
            first += len(piece.rows)
        return values.take(self.order)


def _full_windows(keys: RowKeys, slices: LocalSlices) -> tuple[Ints, Ints]:
    """Return the rows of windows that were published in full, and the last slice of each."""
    labels = keys.texts["window_label"]
    rows = np.flatnonzero(np.array([label in PROFILE_WINDOWS for label in labels], bool)[keys.codes["window_label"]])
    full = np.array([slices.full_windows(label) for label in labels], bool).reshape(-1)
    last_slices = (keys.ends // SLICE_MICROSECONDS - 1 - slices.first).take(keys.end_codes.take(rows))
    is_full = full.take(keys.codes["window_label"].take(rows) * np.int64(len(slices.hours)) + last_slices)
    return (rows, last_slices) if is_full.all() else (rows[is_full], last_slices[is_full])


def _by_piece(rows: Ints, keys: RowKeys, selections: Sequence[Selection]) -> list[_PieceRows]:
    """Turn numbers among all selected rows, ascending, into those of the pieces."""
    bounds = np.searchsorted(rows, keys.piece_starts)
    pieces = []
    for number, selection in enumerate(selections):
        own = rows[bounds[number] : bounds[number + 1]] - keys.piece_starts[number]
        pieces.append(
            _PieceRows(selection.piece, own if selection.mask is None else np.flatnonzero(selection.mask)[own])
        )
    return pieces


def _numbers(keys: RowKeys, rows: Ints, texts: dict[str, list[str]], sizes: Sequence[int]) -> Ints:
    """Number the combinations of _KEYS in the order of their texts; return the number of each of the rows."""
    number = np.zeros(len(rows), np.int64)
    for at, name in enumerate(_KEYS):
        place = {text: rank for rank, text in enumerate(texts[name])}
        step = math.prod(sizes[at + 1 :])
        of_code = np.array([place[text] * step for text in keys.texts[name]], np.int64)
        number += of_code.take(keys.codes[name].take(rows))
    return number


@dataclass(frozen=True, slots=True, eq=False)
class _Horizon:
    """The rows of one baseline, and its windows that count.

    Attributes
    ----------
    rows : int64[rows] or None
        Numbers among the rows of the profile; None where it has all of them.
    offsets : int64[series + 1]
        Where each series starts among them.
    counted : int64[series]
        How many windows of its label count.
    observed : int64[windows, 24]
        The days on which a window of the label and hour counts, as a mask.
    day_bits, hours : int64[slices]
    hour_days : HourDays
        Of the rows, by series * 24 + hour.
    """

    baseline: Baseline
    rows: Ints | None
    offsets: Ints
    counted: Ints
    observed: Ints
    day_bits: Ints
    hours: Ints
    hour_days: HourDays

    @classmethod
    def of(cls, found: _ProfileRows, slices: LocalSlices, baseline: Baseline) -> _Horizon:
        start, stop = (slice_number(at) - slices.first for at in (baseline.interval.start, baseline.interval.end))
        day_bits = slices.day_bits(baseline)
        observed = np.zeros((len(PROFILE_WINDOWS), _HOURS), np.int64)
        counted = np.zeros(len(PROFILE_WINDOWS), np.int64)
        for window, label in enumerate(PROFILE_WINDOWS):
            counts = start + np.flatnonzero(slices.full_windows(label)[start:stop])
            counted[window] = len(counts)
            np.bitwise_or.at(observed[window], slices.hours[counts], day_bits[counts])
        base = np.arange(len(found.windows)) * found.slices
        starts = np.searchsorted(found.places, base + start)
        sizes = np.searchsorted(found.places, base + stop) - starts
        offsets = np.concatenate(([0], np.cumsum(sizes)))
        is_whole = offsets[-1] == len(found.places)
        rows = None if is_whole else np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], sizes)
        series, last_slices = np.divmod(found.places if rows is None else found.places.take(rows), found.slices)
        keys = series * _HOURS + slices.hours.take(last_slices)
        hour_days = HourDays.of(keys, slices.days.take(last_slices), len(found.windows) * _HOURS)
        return cls(baseline, rows, offsets, counted[found.windows], observed, day_bits, slices.hours, hour_days)


@dataclass(frozen=True, slots=True, eq=False)
class _Hours:
    """What a metric did at each hour.

    Attributes
    ----------
    high_days : int64[series * 24]
        The days on which it was high, as masks.
    second_highest : float64[series * 24]
    """

    high_days: Ints
    second_highest: Floats


def _hours(found: _ProfileRows, source: RowSource, horizons: Sequence[_Horizon], metric: str) -> list[_Hours]:
    """Return, for each horizon, what a metric did at each hour."""
    column = found.column(source, metric)
    of_horizons = []
    for horizon in horizons:
        values = column if horizon.rows is None else column.take(horizon.rows)
        second_highest = horizon.hour_days.second_highest(values)
        of_horizons.append(_Hours(_high_days(found, horizon, values), second_highest))
    return of_horizons


def _high_days(found: _ProfileRows, horizon: _Horizon, values: Floats) -> Ints:
    least = _least_high(values, horizon.offsets, horizon.counted)
    high = np.flatnonzero(values >= np.repeat(least, np.diff(horizon.offsets)))
    rows = high if horizon.rows is None else horizon.rows.take(high)
    series, last_slices = np.divmod(found.places.take(rows), found.slices)
    masks = np.zeros(len(found.windows) * _HOURS, np.int64)
    np.bitwise_or.at(masks, series * _HOURS + horizon.hours.take(last_slices), horizon.day_bits.take(last_slices))
    return masks


def _least_high(values: Floats, offsets: Ints, counted: Ints) -> Floats:
    """Return the least high value of each series, to which zeros are added up to `counted` values."""
    in_order = np.append(values, 0.0)  # there is something to take, even without a value
    sort_groups(in_order[:-1], offsets)
    # A machine with two addresses has more rows than there are windows.
    counted = np.maximum(counted, np.diff(offsets))
    zeros = counted - np.diff(offsets)

    def ranked(rank: Ints) -> Floats:
        place = rank - zeros
        return np.where(place >= 0, in_order.take(offsets[:-1] + place, mode="clip"), 0.0)

    def percentile(percent: int) -> Floats:
        lower, upper, weight = ranks(np.maximum(counted, 1), percent)
        return between(ranked(lower), ranked(upper), weight)

    return np.maximum(percentile(HIGH_PERCENT), np.nextafter(percentile(50), np.inf))


def _table(found: _ProfileRows, horizon: _Horizon, metrics: Sequence[_Hours]) -> pa.Table:
    kept = np.flatnonzero(np.bitwise_or.reduce([each.high_days for each in metrics]))
    series, hours = np.divmod(kept, _HOURS)
    observed = horizon.observed[found.windows[series], hours]
    days = np.bitwise_count(observed).astype(np.int64)
    columns = {name: pa.array(texts, pa.string()).take(pa.array(series)) for name, texts in found.keys.items()}
    columns["hour_of_day"] = pa.array(hours)
    columns["baseline_horizon"] = pa.repeat(horizon.baseline.label, len(kept))
    columns["baseline_end"] = pa.repeat(pa.scalar(horizon.baseline.end, pa.timestamp("us", "UTC")), len(kept))
    columns["days_observed"] = pa.array(days)
    columns["observed_days_mask"] = pa.array(observed)
    for metric, its in zip(PROFILE_METRICS, metrics, strict=True):
        mask, second_highest = its.high_days[kept], its.second_highest[kept]
        columns[f"{metric}_high_days_share"] = pa.array(np.bitwise_count(mask) / np.maximum(days, 1))
        columns[f"{metric}_high_days_mask"] = pa.array(mask)
        columns[f"{metric}_second_highest"] = pa.array(second_highest, mask=np.isnan(second_highest))
    schema = arrow_schema(FG_B_PROFILE)
    return pa.table([columns[name] for name in schema.names], schema=schema)
