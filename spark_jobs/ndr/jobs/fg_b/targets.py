"""Which baselines a run builds, and which of them share one reading of their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ndr.contract.errors import InvalidRequestError
from ndr.contract.horizons import HORIZONS, choices_sentence, labels_of
from ndr.contract.jobspecs.fg_b_builder import Cadences
from ndr.contract.time import SLICE, Interval, baseline_ends, floor_to, parse_instant


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One baseline: its horizon, and the end that names it."""

    end: datetime
    horizon: str


def horizons_of(word: str) -> list[str]:
    """Return the horizons that BaselineHorizon names.

    Raises
    ------
    InvalidRequestError
    """
    if labels := labels_of(word):
        return list(labels)
    raise InvalidRequestError(f"BaselineHorizon is {word!r}; write {choices_sentence()}.")


def regular_targets(horizon: str, end: str | None) -> list[Target]:
    """Return the baselines of a REGULAR run: one for each horizon, ending at `end`.

    Raises
    ------
    InvalidRequestError
        No end, no instant, or not on a quarter hour.
    """
    if end is None:
        raise InvalidRequestError("BaselineMode is REGULAR but BaselineEndTsIso is none; write the baseline's end.")
    instant = parse_instant(end, "BaselineEndTsIso")
    if floor_to(instant, SLICE) != instant:
        raise InvalidRequestError(
            f"BaselineEndTsIso is {end}, which is not the end of a 15-minute slice; use minute 00, 15, 30 or 45."
        )
    return [Target(instant, name) for name in horizons_of(horizon)]


def backfill_targets(horizon: str, start: str | None, end: str | None, cadence: Cadences) -> list[Target]:
    """Return the baselines that the schedules would have built in [start, end), in time order.

    Raises
    ------
    InvalidRequestError
        An end of the range is missing or no instant, or no scheduled baseline lies in the range.
    """
    if start is None or end is None:
        raise InvalidRequestError(
            "BaselineMode is BACKFILL but BackfillStartTsIso or BackfillEndTsIso is none; write both."
        )
    interval = Interval.parse(start, end, ("BackfillStartTsIso", "BackfillEndTsIso"))
    targets = [
        Target(instant, name)
        for name in horizons_of(horizon)
        for instant in baseline_ends(interval, cadence.of(name), cadence.weekday)
    ]
    if not targets:
        built = ", ".join(f"{name} {cadence.of(name)}" for name in HORIZONS)
        raise InvalidRequestError(
            f"No baseline of horizon {horizon} is scheduled in {interval}, by the cadence {built}; widen the range."
        )
    return sorted(targets)


def chunks(targets: Iterable[Target], reach: timedelta) -> Iterator[list[Target]]:
    """Group baselines, in the order of their ends, so that the ends of a chunk lie less than `reach` apart.

    A chunk reads its rows once, over at most its longest horizon and `reach`: with `reach` the longest horizon,
    memory and reading stay within twice a horizon however long the backfill is.
    """
    chunk: list[Target] = []
    for target in sorted(targets, key=lambda each: each.end):
        if chunk and target.end - chunk[0].end >= reach:
            yield chunk
            chunk = []
        chunk.append(target)
    if chunk:
        yield chunk
