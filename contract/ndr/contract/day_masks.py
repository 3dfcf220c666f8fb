"""Sets of days as bits of an int64: bit i is the day i days before the last one."""

from __future__ import annotations

from typing import Final

MASK_DAYS: Final = 63
"""The days that a mask holds; the sign bit stays 0."""

_WEEK: Final = 7


def same_weekday_bits(days_ago: int) -> int:
    """Return the bits of the days with the weekday of a day that is `days_ago` days after the last one of the mask."""
    return sum(1 << day for day in range(-days_ago % _WEEK, MASK_DAYS, _WEEK))


def weekday_share(mask: int, observed: int, days_ago: int) -> float | None:
    """Return the share, in [0, 1], of the observed days of one weekday that a mask has.

    Parameters
    ----------
    mask, observed : int
        The days on which something was so, and the days on which it was looked at.
    days_ago : int
        How many days ago the last day of the masks was, seen from the day whose weekday is meant.

    Returns
    -------
    float or None
        None where no day of that weekday was observed.
    """
    days = observed & same_weekday_bits(days_ago)
    return (mask & days).bit_count() / days.bit_count() if days else None
