"""The compaction job: each finished day of a dataset becomes one partition, and what that replaces is swept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from ndr.contract.errors import InvalidRequestError, NdrError, PublishConflictError, SchemaMismatchError
from ndr.contract.jobspecs import FG_B_BUILDER
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, format_instant
from ndr.jobs.compaction.datasets import CompactedDataset, compacted_datasets
from ndr.jobs.compaction.whole_reads import AnswersByDay, asked_of, outdated_reads, whole_reads
from ndr.jobs.run import Run
from ndr.store.catalog import Piece, published_pieces
from ndr.store.compaction import Compaction, Stretch, stretches
from ndr.store.manifest import complete_commit
from ndr.store.sweep import Swept, sweep_baselines, sweep_day


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A part of a dataset that was not compacted or swept, and why.

    Where it is not damaged, another run is at it, and the next run does it.
    """

    dataset: str
    interval: Interval
    reason: str
    is_damaged: bool = False


@dataclass(frozen=True, slots=True)
class Compacted:
    """A partition as it was published, and how many partitions it was made of."""

    manifest: Manifest
    partitions: int


Outcome = Compacted | LeftAlone | Swept


def compact_days(run: Run, days: Interval, now: datetime | None = None) -> Iterator[Outcome]:
    """Compact and sweep days of deltas, pair counts, FG-A and FG-C, a day of a dataset at a time; sweep the baselines.

    What is published of a day without a gap becomes one partition. A day that is one already stays as it is.

    Parameters
    ----------
    days : Interval
        Whole UTC days that are over.
    now : datetime, optional
        By which the age of what is swept is measured; the clock's time by default.

    Yields
    ------
    Compacted, LeftAlone or Swept
        As it happens.

    Raises
    ------
    InvalidRequestError
        `days` are not whole UTC days, or not over.
    """
    check_days(days, now or datetime.now(UTC))
    datasets = compacted_datasets(run)
    answers = AnswersByDay(datasets, run.owner)
    for day in days.steps(DAY):
        for dataset in datasets:
            try:
                for stretch in stretches(_pieces(run, dataset, day)):
                    if stretch.is_compact:
                        complete_commit(stretch.pieces[0].partition.uri)
                    else:
                        yield _compact(run, dataset, stretch, answers)
                yield from _swept(run, dataset, day, now or datetime.now(UTC))
            except SchemaMismatchError as error:
                yield LeftAlone(dataset.name, day, str(error), is_damaged=True)
    yield from sweep_baselines(run.spec(FG_B_BUILDER).outputs.fg_b, now or datetime.now(UTC))


def check_days(days: Interval, now: datetime) -> None:
    """Check that an interval is of whole UTC days that are over.

    Raises
    ------
    InvalidRequestError
    """
    if not days.is_whole(DAY):
        raise InvalidRequestError(
            f"The days {days} do not start and end at midnight UTC; give DayStartTsIso and DayEndTsIso as 2026-01-31."
        )
    if days.end > now:
        raise InvalidRequestError(
            f"The days {days} are not over; the latest DayEndTsIso is {format_instant(now.replace(hour=0, minute=0))}."
        )


def _pieces(run: Run, dataset: CompactedDataset, day: Interval) -> list[Piece]:
    return published_pieces(dataset.prefix, day, dataset.name, run.owner)


def _compact(run: Run, dataset: CompactedDataset, stretch: Stretch, answers: AnswersByDay) -> Compacted | LeftAlone:
    key = run.lease_key(dataset.name, stretch.interval)
    held = run.claims.claim(key)
    if held:
        return LeftAlone(dataset.name, stretch.interval, str(held))
    try:
        asked = asked_of(stretch)
        now = answers.over(asked)
        tables = dataset.tables_of(piece.partition.manifest for piece in stretch.pieces)
        manifest = Compaction.of(dataset.prefix, stretch, tables).publish(
            run.fence(dataset.name, stretch.interval),
            outdated_reads(stretch, now),
            reads=whole_reads(stretch, asked, now),
            **run.facts,
        )
    except NdrError as error:
        _release(run, dataset, stretch.interval)
        return LeftAlone(dataset.name, stretch.interval, str(error), isinstance(error, SchemaMismatchError))
    return Compacted(manifest, len(stretch.pieces))


def _swept(run: Run, dataset: CompactedDataset, day: Interval, now: datetime) -> Iterator[Swept]:
    yield from sweep_day(
        dataset.prefix,
        day,
        _pieces(run, dataset, day),
        now,
        lambda interval: run.claims.claim(run.lease_key(dataset.name, interval)) is None,
        lambda interval: _release(run, dataset, interval),
    )


def _release(run: Run, dataset: CompactedDataset, interval: Interval) -> None:
    with suppress(PublishConflictError):  # another run has taken it over
        run.claims.release(run.lease_key(dataset.name, interval))
