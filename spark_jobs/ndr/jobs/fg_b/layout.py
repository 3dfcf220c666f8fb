"""Where the rows of FG-A go: the place of each row when rows are laid out by group.

Host groups are (host_ip, role, time_band, window_label), ordered so that the host groups of one segment group
(segment_id, role, time_band, window_label) lie side by side: one array serves both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndr.jobs.fg_b.order_statistics import Ints
from ndr.jobs.fg_b.request import StatisticsRules
from ndr.jobs.fg_b.segments import segments_of

GROUP_COLUMNS = ("role", "time_band", "window_label")
_RADIX_BITS = 16


@dataclass(frozen=True, slots=True)
class RowKeys:
    """The key columns of the rows of a horizon, as codes into their distinct texts.

    `codes` holds host_ip, role, time_band and window_label, `texts` their distinct values; `end_codes` numbers the
    window ends, whose instants (microseconds since the epoch) are `ends`.
    """

    codes: dict[str, NDArray[np.int32]]
    texts: dict[str, list[str]]
    end_codes: NDArray[np.int32]
    ends: Ints

    def __len__(self) -> int:
        return len(self.end_codes)


@dataclass(frozen=True, slots=True)
class GroupLayout:
    """The groups of a set of rows.

    Attributes
    ----------
    places : array of (rows,)
        Place of each input row in the laid-out order.
    host_offsets : array of (host groups + 1,)
        Where each host group starts in the laid-out order.
    segment_groups : array of (segment groups + 1,)
        The first host group of each segment group.
    host_columns, segment_columns : dict of str to list of str
        The key columns of the groups, in order.
    segment_ends : array of (segment groups,)
        Distinct window ends that a segment group was observed at.
    """

    places: Ints
    host_offsets: Ints
    segment_groups: Ints
    host_columns: dict[str, list[str]]
    segment_columns: dict[str, list[str]]
    segment_ends: Ints


def lay_out(keys: RowKeys, rules: StatisticsRules) -> GroupLayout:
    """Group rows by host and by segment, in an order that depends on the keys alone."""
    hosts = keys.texts["host_ip"]
    segments = segments_of(hosts, rules.ipv4_prefix, rules.ipv6_prefix)
    host_order = sorted(range(len(hosts)), key=lambda host: (segments[host], hosts[host]))
    combos, row_combo = _combinations(keys)
    numbers, host_of, combo_of = _group_numbers(segments, host_order, len(combos))
    groups = numbers[keys.codes["host_ip"], row_combo]
    sizes = np.bincount(groups, minlength=numbers.size)
    present = np.flatnonzero(sizes)
    names = {"host_ip": [hosts[host] for host in host_of[present]]}
    names |= {name: [combos[combo][at] for combo in combo_of[present]] for at, name in enumerate(GROUP_COLUMNS)}
    segment_key = [(segments[host], combo) for host, combo in zip(host_of[present], combo_of[present], strict=True)]
    firsts = [group for group, key in enumerate(segment_key) if group == 0 or key != segment_key[group - 1]]
    segment_groups = np.array([*firsts, len(present)], np.int64)
    segment_of_number = np.zeros(numbers.size, np.int64)
    segment_of_number[present] = np.repeat(np.arange(len(firsts)), np.diff(segment_groups))
    segment_names = {"segment_id": [segment_key[group][0] for group in firsts]}
    return GroupLayout(
        places=_places(groups, numbers.size),
        host_offsets=np.concatenate(([0], np.cumsum(sizes[present]))),
        segment_groups=segment_groups,
        host_columns=names,
        segment_columns=segment_names | {name: [names[name][group] for group in firsts] for name in GROUP_COLUMNS},
        segment_ends=_distinct_ends(segment_of_number[groups], keys, len(firsts)),
    )


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


def _places(groups: Ints, count: int) -> Ints:
    """Return each row's place in the stable order by group number, by radix sort of 16-bit digits."""
    order: Ints | None = None
    for shift in range(0, max(count - 1, 1).bit_length(), _RADIX_BITS):
        digits = (groups >> shift).astype(np.uint16)
        step = np.argsort(digits if order is None else digits[order], kind="stable")
        order = step if order is None else order[step]
    places = np.empty(len(groups), np.int64)
    places[order] = np.arange(len(groups))
    return places


def _distinct_ends(segments: Ints, keys: RowKeys, count: int) -> Ints:
    """Count the distinct window ends of each of `count` segment groups."""
    seen = np.zeros((count, len(keys.ends)), bool)
    seen[segments, keys.end_codes] = True
    return seen.sum(axis=1)
