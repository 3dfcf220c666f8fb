"""FG-A of a batch, a UTC day after the other, with the pairs of the lookback carried along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from ndr.contract.datasets import DELTAS, PEER_DELTAS, Dataset
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval, floor_to
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.pair_history import PairHistory


class DaySource(Protocol):
    """Published deltas by UTC day, each named by its midnight."""

    def rows(self, dataset: Dataset, mornings: Sequence[datetime]) -> pa.Table:
        """Return the rows of days, of hosts that get features."""

    def pairs(self, morning: datetime) -> pa.Table:
        """Return every pair of a day as rows of its source: host_ip, role (outbound), peer_ip, peer_port."""

    def forget_before(self, morning: datetime) -> None:
        """Drop earlier days; they are not asked for again."""


def features_by_day(
    batch: Interval, spec: FgABuilderSpec, days: DaySource, history: PairHistory, threads: int
) -> Iterator[tuple[Interval, pa.Table]]:
    """Build the FG-A rows of a batch.

    Parameters
    ----------
    history : PairHistory
        Pairs up to a midnight at or before that of the day on which the earliest window starts.

    Yields
    ------
    (Interval, Table)
        Each UTC day of the batch, or the part of it, with its rows.
    """
    for day in batch.steps(DAY):
        earliest = earliest_midnight(day, spec)
        while history.end < earliest:
            history = history.after(days.pairs(history.end))
            days.forget_before(min(history.end, earliest))
        mornings = mornings_of(day, spec)
        yield (
            day,
            build_fg_a(
                day,
                spec,
                deltas=days.rows(DELTAS, mornings),
                peer_deltas=days.rows(PEER_DELTAS, mornings),
                pair_baseline=history.table,
                threads=threads,
            ),
        )
        days.forget_before(earliest)


def earliest_midnight(batch: Interval, spec: FgABuilderSpec) -> datetime:
    """Return the midnight of the day on which the batch's earliest window starts."""
    return floor_to(batch.start + SLICE - max(WINDOWS[label] for label in spec.windows), DAY)


def mornings_of(day: Interval, spec: FgABuilderSpec) -> list[datetime]:
    """Return the midnights of the days that the windows of a day touch."""
    first = earliest_midnight(day, spec)
    return [first + number * DAY for number in range((day.end - first - SLICE) // DAY + 1)]
