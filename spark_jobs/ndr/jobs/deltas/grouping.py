"""Group-by on arrays of small whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

_GREATEST_KEY: Final = 2**62
# A table of flags over all possible keys is faster than a sort until it is much longer than the rows.
_DENSE_KEYS_PER_ROW: Final = 16


class Groups(NamedTuple):
    """The distinct keys in order, and for each row the place of its key among them."""

    keys: np.ndarray
    of_row: np.ndarray


def packed(columns: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """Return one int64 a row that orders rows as the columns do, first column first.

    Parameters
    ----------
    columns : sequence of ndarray
        Whole numbers, column i in [0, sizes[i]).
    sizes : sequence of int
    """
    key, size = columns[0].astype(np.int64), sizes[0]
    for column, column_size in zip(columns[1:], sizes[1:], strict=True):
        if size * column_size > _GREATEST_KEY:
            distinct, key = np.unique(key, return_inverse=True)
            size = len(distinct)
        key = key * column_size + column
        size *= column_size
    return key


def group(key: np.ndarray, size: int) -> Groups:
    """Number the distinct values of `key`, whole numbers in [0, size), in order."""
    if size > _DENSE_KEYS_PER_ROW * len(key):
        return Groups(*np.unique(key, return_inverse=True))
    present = np.zeros(size, bool)
    present[key] = True
    keys = np.flatnonzero(present)
    place = np.empty(size, np.int64)
    place[keys] = np.arange(len(keys))
    return Groups(keys, place[key])


def sums(values: np.ndarray, groups: Groups) -> np.ndarray:
    """Return the int64 sum of each group; exact, unlike a float-weighted bincount."""
    total = np.zeros(len(groups.keys), np.int64)
    np.add.at(total, groups.of_row, values)
    return total


def maxima(values: np.ndarray, groups: Groups) -> np.ndarray:
    """Return the largest value of each group, none of which is below 0."""
    largest = np.zeros(len(groups.keys), np.int64)
    np.maximum.at(largest, groups.of_row, values)
    return largest


def counts(mask: np.ndarray, groups: Groups) -> np.ndarray:
    """Return how many rows of each group the mask selects."""
    return np.bincount(groups.of_row[mask], minlength=len(groups.keys))
