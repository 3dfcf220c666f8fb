"""In how many slices, and on how many UTC days, a host or a segment had a session in a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ndr.contract.time import DAY, Interval, microseconds
from ndr.jobs.fg_b.baseline import StatisticsRules
from ndr.jobs.fg_b.order_statistics import Ints
from ndr.jobs.fg_b.placement import RowKeys
from ndr.jobs.fg_b.segments import segments_of

ONE_SLICE = "15m"
# A table of flags over all possible numbers is faster than a sort until it is much longer than the rows.
_FLAGS_PER_ROW = 16

Owner = tuple[str, str]
"""A host or a segment, and a role."""


@dataclass(frozen=True, slots=True)
class ActiveSlices:
    """The distinct active slices of each owner.

    Attributes
    ----------
    numbers : mapping of Owner to int
    ends : array of (window ends,)
        Microseconds since the epoch, ascending.
    moments : array of (n,)
        owner * window ends + window end of each active slice, ascending.
    """

    numbers: Mapping[Owner, int]
    ends: Ints
    moments: Ints

    @classmethod
    def of(cls, keys: RowKeys, owners: Sequence[str]) -> ActiveSlices:
        """Select the rows of one slice; `owners` is the owner of each host: the host itself, or its segment."""
        roles, names = keys.texts["role"], sorted(set(owners))
        width = max(len(keys.ends), 1)
        first_of = {name: place * len(roles) * width for place, name in enumerate(names)}
        one_slice = np.array([label == ONE_SLICE for label in keys.texts["window_label"]], bool)
        chosen = one_slice[keys.codes["window_label"]] if len(keys) else np.zeros(0, bool)
        moments = np.array([first_of[owner] for owner in owners], np.int64).take(keys.codes["host_ip"][chosen])
        moments += (np.arange(len(roles)) * width).take(keys.codes["role"][chosen])
        moments += keys.end_codes[chosen]
        numbers = {(name, role): at * len(roles) + of for at, name in enumerate(names) for of, role in enumerate(roles)}
        return cls(numbers, keys.ends, _distinct(moments, len(numbers) * width))

    def within(self, interval: Interval, owners: Sequence[Owner]) -> tuple[Ints, Ints]:
        """Return the active slices and the active UTC days of each owner in [start, end)."""
        bounds = [microseconds(instant) for instant in (interval.start, *(day.end for day in interval.steps(DAY)))]
        base = np.array([self.numbers.get(owner, -1) for owner in owners], np.int64) * len(self.ends)
        places = np.searchsorted(self.moments, base[:, None] + np.searchsorted(self.ends, bounds, side="right"))
        return places[:, -1] - places[:, 0], np.count_nonzero(np.diff(places, axis=1), axis=1)


@dataclass(frozen=True, slots=True)
class Activity:
    """The active slices of hosts, and of segments."""

    hosts: ActiveSlices
    segments: ActiveSlices

    @classmethod
    def of(cls, keys: RowKeys, rules: StatisticsRules) -> Activity:
        hosts = keys.texts["host_ip"]
        segments = segments_of(hosts, rules.networks_of_hosts)
        return cls(ActiveSlices.of(keys, hosts), ActiveSlices.of(keys, segments))


def owners(columns: Mapping[str, list[str]], entity: str) -> list[Owner]:
    """Return the owner of each group, from the key columns of the groups."""
    return list(zip(columns[entity], columns["role"], strict=True))


def _distinct(numbers: Ints, size: int) -> Ints:
    """Return the distinct numbers in [0, size), ascending."""
    if size > _FLAGS_PER_ROW * len(numbers):
        return np.unique(numbers)
    flags = np.zeros(size, bool)
    flags[numbers] = True
    return np.flatnonzero(flags)
