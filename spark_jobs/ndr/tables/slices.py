"""Datasets of partitions of time, such as deltas: for every instant the partition published last answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from ndr.contract.datasets import Dataset
from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, EPOCH, Interval, interval_of, merged
from ndr.store.catalog import Piece, published_pieces
from ndr.store.partition_folders import manifest_folders
from ndr.store.unregistered import Commit
from ndr.tables.published import Answering, Bounds, Rows, files_of, happened

_RESOLUTION = EPOCH.resolution


@dataclass(frozen=True)
class Slices:
    """A dataset of partitions of time.

    Attributes
    ----------
    name, prefix : str
        As in its manifests and JobSpecs.
    tables : tuple of Dataset
        What is committed together.
    owner : Owner
        Whose data it is.
    """

    name: str
    prefix: str
    tables: tuple[Dataset, ...]
    owner: Owner
    levels: int = 2

    def scope(self, commits: Iterable[Commit]) -> SlicesScope:
        """Return the time of commits, and of all that is published across its bounds."""
        found = (interval_of(commit.partition.rpartition("/")[2]) for commit in commits)
        return SlicesScope(self, tuple(merged(each for each in found if each))).including(())

    def all_of(self, days: Interval) -> SlicesScope:
        """Return whole days."""
        return SlicesScope(self, (days,))

    def is_published(self, commit: Commit) -> bool:
        """Tell whether a commit happened, or can't happen any more."""
        return happened(self.prefix, commit)


@dataclass(frozen=True)
class SlicesScope:
    """Intervals whose bounds no published partition crosses."""

    of: Slices
    intervals: tuple[Interval, ...]
    _partitions: dict[date, list[Interval]] = field(default_factory=dict, compare=False, repr=False)
    _pieces: dict[tuple[Interval, ...], list[Piece]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def days(self) -> frozenset[date]:
        """The days of the intervals."""
        return frozenset(day.start.date() for interval in self.intervals for day in interval.steps(DAY))

    def including(self, found: Iterable[Rows]) -> SlicesScope:
        """Return the scope with the whole time of rows, and of what is published, that share time with it."""
        others = [_time_of(rows) for rows in found]
        known = [*(each for day in self.days for each in self._published(day)), *others]
        return self._wider(known)

    def including_days(self, days: Iterable[date]) -> SlicesScope:
        """Return the scope with all of some days."""
        whole = [_whole(day) for day in days]
        return SlicesScope(self.of, tuple(merged([*self.intervals, *whole])), self._partitions, self._pieces)

    def holds(self, rows: Rows) -> bool:
        """Tell whether rows are of the intervals."""
        return any(interval.intersection(_time_of(rows)) for interval in self.intervals)

    def answering(self, table: Dataset) -> dict[Rows, Answering]:
        """Return the rows that answer in the intervals."""
        if self.intervals not in self._pieces:
            self._pieces[self.intervals] = list(self._found_pieces())
        return dict(self._files(self._pieces[self.intervals], table))

    def _found_pieces(self) -> Iterator[Piece]:
        of = self.of
        for interval in self.intervals:
            yield from published_pieces(of.prefix, interval, of.name, of.owner, without_reads=True)

    def _files(self, pieces: Iterable[Piece], table: Dataset) -> Iterator[tuple[Rows, Answering]]:
        """Yield the files of pieces; of a table without a time column, which can't be cut, each file once and whole."""
        for piece in pieces:
            manifest, partition = piece.partition.manifest, "/".join(piece.partition.uri.split("/")[-self.of.levels :])
            part = None if piece.is_whole or table.time_column is None else piece.interval
            bounds = _bounds(table, part or manifest.interval)
            yield from files_of(self.of.prefix, partition, manifest, table, manifest.start.date(), part, bounds)

    def _published(self, day: date) -> list[Interval]:
        if day not in self._partitions:
            names = (uri.rpartition("/")[2] for uri in manifest_folders(self.of.prefix, _whole(day)))
            self._partitions[day] = [interval for name in names if (interval := interval_of(name))]
        return self._partitions[day]

    def _wider(self, known: Sequence[Interval]) -> SlicesScope:
        intervals = self.intervals
        while True:
            touched = [each for each in known if any(each.intersection(interval) for interval in intervals)]
            wider = tuple(merged([*intervals, *touched]))
            if wider == intervals:
                return SlicesScope(self.of, intervals, self._partitions, self._pieces)
            intervals = wider


def _time_of(rows: Rows) -> Interval:
    return rows.part or interval_of(rows.partition.rpartition("/")[2]) or _whole(rows.day)


def _whole(day: date) -> Interval:
    morning = datetime.combine(day, time(), UTC)
    return Interval(morning, morning + DAY)


def _bounds(table: Dataset, interval: Interval) -> Bounds:
    if table.time_column is None:
        return ()
    if table.is_window_end:
        return ((table.time_column, interval.start + _RESOLUTION, interval.end),)
    return ((table.time_column, interval.start, interval.end - _RESOLUTION),)
