"""Rows laid out by group, and by time within a group.

Host groups are (host_ip, role, time_band, window_label), ordered so that the host groups of one segment group
(segment_id, role, time_band, window_label) lie side by side: one array serves both. Rows of a group are in the order of
their window ends: the rows of any horizon are one run of each group.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ndr.contract.time import microseconds
from ndr.jobs.fg_b.baseline import Baseline, StatisticsRules
from ndr.jobs.fg_b.order_statistics import Ints
from ndr.jobs.fg_b.placement import (
    GROUP_COLUMNS,
    Placement,
    RowKeys,
    blocks_of,
    by_piece,
    placed,
    run_starts,
    write_runs,
)
from ndr.jobs.fg_b.segments import segments_of

# Rows of a block for each group: its counts of rows are small beside the rows.
_ROWS_A_GROUP = 32


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
    host_ends : array of (host groups,)
        Distinct window ends that a host group was observed at: fewer than its rows for a machine with two addresses.
    segment_ends : array of (segment groups,)
        Distinct window ends that a segment group was observed at.
    host_published, segment_published : arrays of (host groups,), (segment groups,)
        Published window ends of a host group; those of all hosts of a segment group, summed.
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
    host_ends: Ints
    segment_ends: Ints
    host_published: Ints
    segment_published: Ints
    is_whole: bool

    @property
    def host_rows(self) -> Ints:
        """The rows of each host group."""
        return np.diff(self.host_offsets)

    @property
    def segment_offsets(self) -> Ints:
        """Where each segment group starts when the horizon's rows lie side by side."""
        return self.host_offsets[self.segment_groups]

    @property
    def segment_rows(self) -> Ints:
        """The rows of each segment group."""
        return np.diff(self.segment_offsets)

    @property
    def host_zeros(self) -> Ints:
        """The published windows of each host group in which the host had no session."""
        return np.maximum(self.host_published - self.host_ends, 0)

    @property
    def segment_zeros(self) -> Ints:
        """The same of a segment group, over its hosts."""
        return np.maximum(self.segment_published - self.segment_rows, 0)

    def per_segment(self, of_hosts: Ints) -> Ints:
        """Return the sum over the host groups of each segment group."""
        return np.add.reduceat(of_hosts, self.segment_groups[:-1])

    def row_numbers(self) -> Ints | None:
        """Return the numbers of the horizon's rows among the laid-out ones; None where it has all of them."""
        if self.is_whole:
            return None
        return np.arange(self.host_offsets[-1]) + np.repeat(self.run_starts - self.host_offsets[:-1], self.host_rows)


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Rows laid out by host group and window end.

    Attributes
    ----------
    placements : list of Placement
        Where the rows of each piece go.
    moments : array of (rows,)
        host group * window ends + window end of each laid-out row: ascending.
    ends : array of (window ends,)
        Microseconds since the epoch, ascending.
    repetitions : array of (repetitions,)
        The laid-out rows that have the group and window end of the row before them.
    group_keys : dict of str to list of str
        host_ip, segment_id, role, time_band and window_label of each host group.
    group_segments : array of (host groups,)
        The segment group that each host group belongs to.
    seen : array of bool, (segment groups, window ends)
        Whether a segment group was observed at a window end.
    """

    placements: list[Placement]
    moments: Ints
    ends: Ints
    repetitions: Ints
    group_keys: dict[str, list[str]]
    group_segments: Ints
    seen: NDArray[np.bool_]

    @property
    def row_ends(self) -> Ints:
        """The window end of each laid-out row, microseconds since the epoch."""
        return self.ends[self.moments % len(self.ends)] if len(self.ends) else self.ends

    def _repeated(self, places: Ints) -> Ints:
        """Return how many of the rows before each place have the group and window end of the row before them."""
        return np.searchsorted(self.repetitions, places)

    def within(self, baseline: Baseline) -> HorizonLayout:
        """Return the layout of a baseline's rows: start < window_end <= end.

        Raises
        ------
        InvalidRequestError
            See `Baseline.published`.
        """
        bounds = [microseconds(instant) for instant in (baseline.interval.start, baseline.interval.end)]
        first, last = np.searchsorted(self.ends, bounds, side="right")
        base = np.arange(len(self.group_segments)) * len(self.ends)
        starts, stops = (np.searchsorted(self.moments, base + bound) for bound in (first, last))
        present = np.flatnonzero(stops > starts)
        segments = self.group_segments[present]
        firsts = np.flatnonzero(np.diff(segments, prepend=-1))
        names = {name: [values[group] for group in present] for name, values in self.group_keys.items()}
        host_names, segment_names = ({**names}, {k: [v[group] for group in firsts] for k, v in names.items()})
        del host_names["segment_id"], segment_names["host_ip"]
        published = baseline.published(names["time_band"], names["window_label"])
        return HorizonLayout(
            groups=present,
            segments=segments[firsts],
            run_starts=starts[present],
            host_offsets=np.concatenate(([0], np.cumsum((stops - starts)[present]))),
            segment_groups=np.append(firsts, len(present)),
            host_columns=host_names,
            segment_columns=segment_names,
            host_ends=(stops - starts - self._repeated(stops) + self._repeated(starts))[present],
            segment_ends=self.seen[segments[firsts], first:last].sum(axis=1),
            host_published=published,
            segment_published=np.add.reduceat(published, firsts) if len(firsts) else published,
            is_whole=bool(first == 0 and last == len(self.ends)),
        )


def lay_out(keys: RowKeys, rules: StatisticsRules, pool: Executor) -> RowLayout:
    """Group rows by host and by segment, in an order that depends on the keys alone."""
    hosts = keys.texts["host_ip"]
    numbers = _GroupNumbers.of(keys, segments_of(hosts, rules.networks_of_hosts))
    blocks = blocks_of(keys, len(numbers.host_of) * _ROWS_A_GROUP)
    counts = np.zeros((len(blocks), len(numbers.host_of)), np.int64)
    row_numbers = list(pool.map(partial(numbers.of_rows, keys), blocks, counts))
    present = np.flatnonzero(counts.sum(axis=0))
    names, group_segments = numbers.names(present, keys)
    group_of_number = np.zeros(len(numbers.host_of), np.int64)
    group_of_number[present] = np.arange(len(present))
    counts = counts[:, present]
    moments = np.empty(int(counts.sum()), np.int64)
    seen = np.zeros((int(group_segments[-1]) + 1 if len(present) else 0, len(keys.ends)), bool)

    def place(block: list[int], row_numbers: Ints, counts: Ints, starts: Ints) -> list[Placement]:
        groups, ends = group_of_number.take(row_numbers), keys.of_block(keys.end_codes, block)
        order, runs = placed(groups, ends, counts, starts)
        groups, ends = groups.take(order), ends.take(order)
        write_runs(moments, runs, groups * len(keys.ends) + ends)
        seen[group_segments.take(groups), ends] = True
        return by_piece(keys, block, order, runs)

    placements = [each for block in pool.map(place, blocks, row_numbers, counts, run_starts(counts)) for each in block]
    repetitions = np.flatnonzero(moments[1:] == moments[:-1]) + 1
    return RowLayout(placements, moments, keys.ends, repetitions, names, group_segments, seen)


@dataclass(frozen=True, slots=True)
class _GroupNumbers:
    """A number for every (host, combination of GROUP_COLUMNS): a segment's hosts are neighbours in each combination.

    Attributes
    ----------
    numbers : array of (hosts * combinations,)
    host_of, combo_of : arrays of (hosts * combinations,)
        The host and the combination of each number.
    segments : list of str
        The segment of each host.
    combos : list of tuple of str
    weights : dict of str to array
        For each of GROUP_COLUMNS, what a code adds to the number of the combination.
    """

    numbers: Ints
    host_of: Ints
    combo_of: Ints
    segments: list[str]
    combos: list[tuple[str, ...]]
    weights: dict[str, Ints]

    @classmethod
    def of(cls, keys: RowKeys, segments: list[str]) -> _GroupNumbers:
        combos, weights = _combinations(keys)
        hosts = keys.texts["host_ip"]
        order = np.array(sorted(range(len(hosts)), key=lambda host: (segments[host], hosts[host])), np.int64)
        _, segment = np.unique(np.array([segments[host] for host in order], dtype=object), return_inverse=True)
        rank = np.tile(np.arange(len(order)), len(combos))
        combo = np.repeat(np.arange(len(combos)), len(order))
        by_number = np.lexsort((rank, combo, segment[rank]))
        host_of, combo_of = order[rank[by_number]], combo[by_number]
        numbers = np.empty(len(by_number), np.int64)
        numbers[host_of * len(combos) + combo_of] = np.arange(len(by_number))
        return cls(numbers, host_of, combo_of, segments, combos, weights)

    def of_rows(self, keys: RowKeys, block: list[int], counts: Ints) -> Ints:
        """Return the number of each row of a block, and add the rows of each number to `counts`."""
        place = keys.of_block(keys.codes["host_ip"], block) * len(self.combos)
        for name, weights in self.weights.items():
            place += weights.take(keys.of_block(keys.codes[name], block))
        numbers = self.numbers.take(place)
        counts += np.bincount(numbers, minlength=len(counts))
        return numbers

    def names(self, present: Ints, keys: RowKeys) -> tuple[dict[str, list[str]], Ints]:
        """Return the key columns of the numbers that have rows, and the segment group of each."""
        hosts, combos = self.host_of[present].tolist(), self.combo_of[present].tolist()
        names = {"host_ip": [keys.texts["host_ip"][host] for host in hosts]}
        names["segment_id"] = [self.segments[host] for host in hosts]
        names |= {name: [self.combos[combo][at] for combo in combos] for at, name in enumerate(GROUP_COLUMNS)}
        segment_keys = list(zip(names["segment_id"], combos, strict=True))
        changes = [group == 0 or key != segment_keys[group - 1] for group, key in enumerate(segment_keys)]
        return names, np.cumsum(changes, dtype=np.int64) - 1


def _combinations(keys: RowKeys) -> tuple[list[tuple[str, ...]], dict[str, Ints]]:
    """Number the (role, time_band, window_label) combinations in the order of their texts."""
    combos: list[tuple[str, ...]] = [()]
    weights: dict[str, Ints] = {}
    for name in GROUP_COLUMNS:
        texts = sorted(keys.texts[name])
        weights = {each: of_code * len(texts) for each, of_code in weights.items()}
        weights[name] = np.array([texts.index(text) for text in keys.texts[name]], np.int64)
        combos = [(*combo, text) for combo in combos for text in texts]
    return combos, weights
