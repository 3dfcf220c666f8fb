"""FG-A of a batch, a UTC day after the other, with the pairs of the lookback carried along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol

import pyarrow as pa

from ndr.contract.datasets import DELTAS, PEER_DELTAS, Dataset
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval, floor_to
from ndr.jobs.fg_a.host_parts import host_parts
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.pair_history import PairHistory
from ndr.jobs.fg_a.published_time import PublishedTime

# Deltas built at a time. One makes up to 135 rows of FG-A (1 + 2 + 4 + 32 + 96 windows), 40 as a rule.
PART_ROWS: Final = 12_000


class DaySource(Protocol):
    """Published deltas by UTC day, each named by its midnight."""

    def rows(self, dataset: Dataset, mornings: Sequence[datetime]) -> pa.Table:
        """Return the rows of days, of internal hosts and peers that are not excluded."""

    def elsewhere(self, peer_deltas: pa.Table, mornings: Sequence[datetime]) -> pa.Table | None:
        """Return, where hosts are machines, the rows of those that had several addresses in the peer deltas of days."""

    def pairs(self, morning: datetime) -> pa.Table:
        """Return every pair of a day as rows of its source: host_ip, role (outbound), peer_ip, peer_port.

        Where hosts are machines, return every peer of a host in either role, with HOST.
        """

    def forget_before(self, morning: datetime) -> None:
        """Drop earlier days; they are not asked for again."""


def features_by_day(
    batch: Interval,
    spec: FgABuilderSpec,
    networks: Networks,
    days: DaySource,
    history: PairHistory,
    published: PublishedTime,
    threads: int,
) -> Iterator[tuple[Interval, Iterator[pa.Table]]]:
    """Build the FG-A rows of a batch.

    Parameters
    ----------
    history : PairHistory
        Pairs up to a midnight at or before that of the day on which the earliest window starts.
    published : PublishedTime
        Of all the time that the features follow from.

    Yields
    ------
    (Interval, iterator of Table)
        Each UTC day of the batch, or the part of it, with its rows in parts of whole hosts, which together are in the
        order of the key. A day's parts are built as they are asked for, before the next day is.
    """
    for day in batch.steps(DAY):
        earliest = earliest_midnight(day, spec)
        while history.end < earliest:
            history = history.after(days.pairs(history.end))
            days.forget_before(min(history.end, earliest))
        mornings = mornings_of(day, spec)
        peer_deltas = days.rows(PEER_DELTAS, mornings)
        elsewhere = days.elsewhere(peer_deltas, mornings)
        parts = host_parts(days.rows(DELTAS, mornings), peer_deltas, PART_ROWS)
        yield day, _built(day, spec, networks, parts, history, published, threads, elsewhere)
        days.forget_before(earliest)


def _built(
    day: Interval,
    spec: FgABuilderSpec,
    networks: Networks,
    parts: Iterator[tuple[pa.Table, pa.Table]],
    history: PairHistory,
    published: PublishedTime,
    threads: int,
    elsewhere: pa.Table | None,
) -> Iterator[pa.Table]:
    for deltas, peer_deltas in parts:
        yield build_fg_a(
            day, spec, networks, deltas, peer_deltas, pair_baseline=history.table, threads=threads,
            published=published, elsewhere=elsewhere,
        )  # fmt: skip


def earliest_midnight(batch: Interval, spec: FgABuilderSpec) -> datetime:
    """Return the midnight of the day on which the batch's earliest window starts."""
    return floor_to(batch.start + SLICE - max(WINDOWS[label] for label in spec.windows), DAY)


def mornings_of(day: Interval, spec: FgABuilderSpec) -> list[datetime]:
    """Return the midnights of the days that the windows of a day touch."""
    first = earliest_midnight(day, spec)
    return [first + number * DAY for number in range((day.end - first - SLICE) // DAY + 1)]


def lookback_of(batch: Interval, spec: FgABuilderSpec) -> Interval:
    """Return the days before the windows' own in which novelty looks for pairs."""
    midnight = earliest_midnight(batch, spec)
    return Interval(midnight - spec.novelty.lookback_days * DAY, midnight)


def inputs_of(batch: Interval, spec: FgABuilderSpec) -> Interval:
    """Return all the time whose deltas a batch's features follow from."""
    return Interval(lookback_of(batch, spec).start, batch.end)
