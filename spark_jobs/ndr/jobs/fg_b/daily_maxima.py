"""The second-largest daily maximum: what a value reaches at an hour on at least two days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ndr.jobs.fg_b.order_statistics import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class HourDays:
    """The local days and hours of values, each a run of neighbours among them.

    Attributes
    ----------
    starts : int64[runs]
        Where each run starts among the values.
    keys : int64[runs]
        Number of the series and hour that a run is of; two days of one have the same key.
    count : int
        How many keys there are.
    """

    starts: Ints
    keys: Ints
    count: int

    @classmethod
    def of(cls, keys: Ints, days: Ints, count: int) -> HourDays:
        """Find the runs of values whose key and day are given, in the order of series and time."""
        is_first = np.ones(len(keys), bool)
        is_first[1:] = (keys[1:] != keys[:-1]) | (days[1:] != days[:-1])
        starts = np.flatnonzero(is_first)
        return cls(starts, keys[starts], count)

    def second_highest(self, values: Floats) -> Floats:
        """Return the second-largest daily maximum of each key, float64[count].

        Parameters
        ----------
        values : float64[values]
            None is negative.

        Returns
        -------
        float64[count]
            NaN where fewer than two days have a value above 0. Days that tie count one by one.
        """
        second = np.full(self.count, np.nan)
        if not len(values):
            return second
        maxima = np.maximum.reduceat(values, self.starts)
        largest, below = np.zeros(self.count), np.zeros(self.count)
        np.maximum.at(largest, self.keys, maxima)
        is_largest = maxima == largest[self.keys]
        np.maximum.at(below, self.keys[~is_largest], maxima[~is_largest])
        is_shared = np.bincount(self.keys[is_largest], minlength=self.count) > 1
        found = np.where(is_shared, largest, below)
        return np.where(found > 0, found, second)
