"""Chunks: which baselines one pipeline execution of a backfill builds. Pure range arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ndr.contract.horizons import ALL_HORIZONS
from ndr.contract.time import DAY, Interval, floor_to


@dataclass(frozen=True, slots=True)
class Chunk:
    """One pipeline execution: every baseline of `horizons` whose end is in `ends`."""

    horizons: tuple[str, ...]
    ends: Interval
    baselines: tuple[tuple[str, datetime], ...]

    @property
    def horizon(self) -> str:
        """The word that `BaselineHorizon` takes; a horizon of the word that has no end in the chunk is not built."""
        return self.horizons[0] if len(self.horizons) == 1 else ALL_HORIZONS


def cut_chunks(
    targets: Mapping[str, Sequence[datetime]], needed: Mapping[str, Collection[datetime]], chunk_days: int
) -> list[Chunk]:
    """Cut a backfill into chunks that build every needed baseline once and nothing else.

    Parameters
    ----------
    targets : mapping of str to sequence of datetime
        For each horizon every baseline end of the range, ascending, as the cadence gives them.
    needed : mapping of str to collection of datetime
        The ends among them that are to be built.
    chunk_days : int
        The longest range of ends that a chunk covers, in days.

    Returns
    -------
    list of Chunk
        In order of time. Horizons share a chunk, and so one reading of the features, wherever all their ends in it
        are needed; where only some are, each horizon gets chunks of its own around them.
    """
    every_end = [end for ends in targets.values() for end in ends]
    if not every_end:
        return []
    length = timedelta(days=chunk_days)
    first = floor_to(min(every_end), DAY)
    pieces: dict[int, dict[str, list[datetime]]] = {}
    for horizon, ends in targets.items():
        for end in ends:
            pieces.setdefault((end - first) // length, {}).setdefault(horizon, []).append(end)
    return [chunk for _, present in sorted(pieces.items()) for chunk in _chunks_of_piece(present, needed)]


def _chunks_of_piece(
    present: Mapping[str, Sequence[datetime]], needed: Mapping[str, Collection[datetime]]
) -> list[Chunk]:
    if all(end in needed[horizon] for horizon, ends in present.items() for end in ends):
        first = min(ends[0] for ends in present.values())
        last = max(ends[-1] for ends in present.values())
        baselines = tuple((horizon, end) for horizon, ends in present.items() for end in ends)
        return [Chunk(tuple(present), Interval(first, last + DAY), baselines)]
    alone = [
        Chunk((horizon,), Interval(run[0], run[-1] + DAY), tuple((horizon, end) for end in run))
        for horizon, ends in present.items()
        for run in _runs(ends, needed[horizon])
    ]
    return sorted(alone, key=lambda chunk: chunk.ends)


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
