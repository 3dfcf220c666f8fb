"""Windows: which baselines one pipeline execution of a backfill builds. Pure range arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ndr.contract.horizons import ALL_HORIZONS
from ndr.contract.time import DAY, Interval, floor_to


@dataclass(frozen=True, slots=True)
class Window:
    """One pipeline execution: every baseline of `horizons` whose end is in `ends`."""

    horizons: tuple[str, ...]
    ends: Interval
    baselines: tuple[tuple[str, datetime], ...]

    @property
    def horizon(self) -> str:
        """The word that `BaselineHorizon` takes; a horizon of the word that has no end in the chunk is not built."""
        return self.horizons[0] if len(self.horizons) == 1 else ALL_HORIZONS


def cut_windows(
    targets: Mapping[str, Sequence[datetime]], needed: Mapping[str, Collection[datetime]], window_days: int
) -> list[Window]:
    """Cut a backfill into windows that build every needed baseline once and nothing else.

    Parameters
    ----------
    targets : mapping of str to sequence of datetime
        For each horizon every baseline end of the range, ascending, as the cadence gives them.
    needed : mapping of str to collection of datetime
        The ends among them that are to be built.
    window_days : int
        The longest range of ends that a window covers, in days.

    Returns
    -------
    list of Window
        In order of time. Horizons share a window, and so one reading of the features, wherever all their ends in it
        are needed; where only some are, each horizon gets windows of its own around them.
    """
    every_end = [end for ends in targets.values() for end in ends]
    if not every_end:
        return []
    windows: list[Window] = []
    piece_start = floor_to(min(every_end), DAY)
    while piece_start <= max(every_end):
        piece = Interval(piece_start, piece_start + timedelta(days=window_days))
        windows += _windows_of_piece(
            {horizon: [end for end in ends if end in piece] for horizon, ends in targets.items()}, needed
        )
        piece_start = piece.end
    return windows


def _windows_of_piece(
    targets: Mapping[str, Sequence[datetime]], needed: Mapping[str, Collection[datetime]]
) -> list[Window]:
    present = {horizon: ends for horizon, ends in targets.items() if ends}
    if present and all(end in needed[horizon] for horizon, ends in present.items() for end in ends):
        first = min(ends[0] for ends in present.values())
        last = max(ends[-1] for ends in present.values())
        baselines = tuple((horizon, end) for horizon, ends in present.items() for end in ends)
        return [Window(tuple(present), Interval(first, last + DAY), baselines)]
    alone = [
        Window((horizon,), Interval(run[0], run[-1] + DAY), tuple((horizon, end) for end in run))
        for horizon, ends in present.items()
        for run in _runs(ends, needed[horizon])
    ]
    return sorted(alone, key=lambda window: window.ends)


def _runs(ends: Sequence[datetime], needed: Collection[datetime]) -> Iterator[list[datetime]]:
    """Yield the longest stretches of consecutive `ends` that are all needed."""
    run: list[datetime] = []
    for end in ends:
        if end in needed:
            run.append(end)
        elif run:
            yield run
            run = []
    if run:
        yield run
