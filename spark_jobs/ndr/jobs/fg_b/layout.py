"""Where the rows of FG-A go: the place of each row when rows are laid out by group, and by time within a group.

Host groups are (host_ip, role, time_band, window_label), ordered so that the host groups of one segment group
(segment_id, role, time_band, window_label) lie side by side: one array serves both. Rows of a group are in the order of
their window ends: the rows of any horizon are one run of each group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndr.contract.time import Interval, microseconds
from ndr.jobs.fg_b.order_statistics import Floats, Ints
from ndr.jobs.fg_b.specs import StatisticsRules
from ndr.net.networks import segments_of

GROUP_COLUMNS = ("role", "time_band", "window_label")
_RADIX_BITS = 16
# From this mean length on, copying runs one by one is faster than copying rows by their numbers.
_LONG_RUN = 16


@dataclass(frozen=True, slots=True)
class RowKeys:
    """The key columns of rows, as codes into their distinct texts.

    `codes` holds host_ip, role, time_band and window_label, `texts` their distinct values; `end_codes` numbers the
    window ends, whose instants (microseconds since the epoch, ascending) are `ends`.
    """

    codes: dict[str, NDArray[np.int32]]
    texts: dict[str, list[str]]
    end_codes: NDArray[np.int32]
    ends: Ints

    def __len__(self) -> int:
        return len(self.end_codes)


@dataclass(frozen=True, slots=True)
class HorizonLayout:
    """The groups that have rows in a horizon, and where these rows lie among the laid-out ones.

    Attributes
    ----------
    groups, segments : arrays of (host groups,), (segment groups,)
        The numbers of the host groups and of the segment groups among those of all rows.
    run_starts : array of (host groups,)
        Where each host group's run of rows starts in the laid-out order of all rows.
    host_offsets : array of (host groups + 1,)
        Where each host group starts when the horizon's rows lie side by side.
    segment_groups : array of (segment groups + 1,)
        The first host group of each segment group.
    host_columns, segment_columns : dict of str to list of str
        The key columns of the groups, in order.
    segment_ends : array of (segment groups,)
        Distinct window ends that a segment group was observed at.
    is_whole : bool
        The horizon's rows are all the rows there are.
    """

    groups: Ints
    segments: Ints
    run_starts: Ints
    host_offsets: Ints
    segment_groups: Ints
    host_columns: dict[str, list[str]]
    segment_columns: dict[str, list[str]]
    segment_ends: Ints
    is_whole: bool

    def take(self, column: Floats) -> Floats:
        """Return the horizon's rows of a laid-out column."""
        if self.is_whole:
            return column
        sizes = np.diff(self.host_offsets)
        if self.host_offsets[-1] >= _LONG_RUN * len(sizes):
            runs = [column[start : start + size] for start, size in zip(self.run_starts, sizes, strict=True)]
            return np.concatenate([column[:0], *runs])
        rows = np.arange(self.host_offsets[-1]) + np.repeat(self.run_starts - self.host_offsets[:-1], sizes)
        return column[rows]


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Rows laid out by host group and window end.

    Attributes
    ----------
    places : array of (rows,)
        Place of each input row in the laid-out order.
    moments : array of (rows,)
        host group * window ends + window end of each laid-out row: ascending.
    ends : array of (window ends,)
        Microseconds since the epoch, ascending.
    group_keys : dict of str to list of str
        host_ip, segment_id, role, time_band and window_label of each host group.
    group_segments : array of (host groups,)
        The segment group that each host group belongs to.
    seen : array of bool, (segment groups, window ends)
        Whether a segment group was observed at a window end.
    """

    places: Ints
    moments: Ints
    ends: Ints
    group_keys: dict[str, list[str]]
    group_segments: Ints
    seen: NDArray[np.bool_]

    def within(self, interval: Interval) -> HorizonLayout:
        """Return the layout of the rows with start < window_end <= end."""
        bounds = [microseconds(instant) for instant in (interval.start, interval.end)]
        first, last = np.searchsorted(self.ends, bounds, side="right")
        base = np.arange(len(self.group_segments)) * len(self.ends)
        starts, stops = (np.searchsorted(self.moments, base + bound) for bound in (first, last))
        present = np.flatnonzero(stops > starts)
        segments = self.group_segments[present]
        firsts = np.flatnonzero(np.diff(segments, prepend=-1))
        names = {name: [values[group] for group in present] for name, values in self.group_keys.items()}
        host_names, segment_names = ({**names}, {k: [v[group] for group in firsts] for k, v in names.items()})
        del host_names["segment_id"], segment_names["host_ip"]
        return HorizonLayout(
            groups=present,
            segments=segments[firsts],
            run_starts=starts[present],
            host_offsets=np.concatenate(([0], np.cumsum((stops - starts)[present]))),
            segment_groups=np.append(firsts, len(present)),
            host_columns=host_names,
            segment_columns=segment_names,
            segment_ends=self.seen[segments[firsts], first:last].sum(axis=1),
            is_whole=bool(first == 0 and last == len(self.ends)),
        )


def lay_out(keys: RowKeys, rules: StatisticsRules) -> RowLayout:
    """Group rows by host and by segment, in an order that depends on the keys alone."""
    hosts = keys.texts["host_ip"]
    segments = segments_of(hosts, rules.segment)
    host_order = sorted(range(len(hosts)), key=lambda host: (segments[host], hosts[host]))
    combos, row_combo = _combinations(keys)
    numbers, host_of, combo_of = _group_numbers(segments, host_order, len(combos))
    groups = numbers[keys.codes["host_ip"], row_combo]
    present = np.flatnonzero(np.bincount(groups, minlength=numbers.size))
    group_of_number = np.zeros(numbers.size, np.int64)
    group_of_number[present] = np.arange(len(present))
    groups = group_of_number[groups]
    names = {
        name: [texts[host] for host in host_of[present]]
        for name, texts in (("host_ip", hosts), ("segment_id", segments))
    }
    names |= {name: [combos[combo][at] for combo in combo_of[present]] for at, name in enumerate(GROUP_COLUMNS)}
    segment_keys = list(zip(names["segment_id"], combo_of[present], strict=True))
    changes = [group == 0 or key != segment_keys[group - 1] for group, key in enumerate(segment_keys)]
    group_segments = np.cumsum(changes, dtype=np.int64) - 1
    seen = np.zeros((int(sum(changes)), len(keys.ends)), bool)
    seen[group_segments[groups], keys.end_codes] = True
    moments = groups * len(keys.ends) + keys.end_codes
    places = _places(moments, len(present) * len(keys.ends))
    laid_out = np.empty_like(moments)
    laid_out[places] = moments
    return RowLayout(places, laid_out, keys.ends, names, group_segments, seen)


def _combinations(keys: RowKeys) -> tuple[list[tuple[str, ...]], NDArray[np.int32]]:
    """Number the (role, time_band, window_label) combinations in the order of their texts."""
    combos: list[tuple[str, ...]] = [()]
    row_combo = np.zeros(len(keys), np.int32)
    for name in GROUP_COLUMNS:
        texts = sorted(keys.texts[name])
        rank = np.array([texts.index(text) for text in keys.texts[name]], np.int32)
        combos = [(*combo, text) for combo in combos for text in texts]
        row_combo = row_combo * np.int32(len(texts)) + rank[keys.codes[name]]
    return combos, row_combo


def _group_numbers(segments: list[str], host_order: list[int], combos: int) -> tuple[Ints, Ints, Ints]:
    """Number every (host, combination) so that a segment's hosts are neighbours within each combination.

    Returns
    -------
    numbers : array of (hosts, combinations)
    host_of, combo_of : arrays of (hosts * combinations,)
        The host and the combination of each number.
    """
    order = np.array(host_order, np.int64)
    _, segment = np.unique(np.array([segments[host] for host in host_order], dtype=object), return_inverse=True)
    rank = np.tile(np.arange(len(order)), combos)
    combo = np.repeat(np.arange(combos), len(order))
    by_number = np.lexsort((rank, combo, segment[rank]))
    host_of, combo_of = order[rank[by_number]], combo[by_number]
    numbers = np.empty((len(order), combos), np.int64)
    numbers[host_of, combo_of] = np.arange(numbers.size)
    return numbers, host_of, combo_of


def _places(keys: Ints, count: int) -> Ints:
    """Return each row's place in the order by keys below `count`, by radix sort of 16-bit digits."""
    order: Ints | None = None
    for shift in range(0, max(count - 1, 1).bit_length(), _RADIX_BITS):
        digits = (keys >> shift).astype(np.uint16)
        step = np.argsort(digits if order is None else digits[order], kind="stable")
        order = step if order is None else order[step]
    places = np.empty(len(keys), np.int64)
    places[order] = np.arange(len(keys))
    return places
