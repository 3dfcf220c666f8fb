"""The baselines that were valid at a time: of each horizon the newest that ended by then, never a later one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from pyarrow import fs

from ndr.contract.horizons import HORIZONS
from ndr.contract.lineage import Answers
from ndr.contract.manifest import Answer, InputRange
from ndr.contract.time import SLICE, Interval, ceil_to
from ndr.store.catalog import Partition, readable_baseline
from ndr.store.partition import baseline_end_of
from ndr.store.storage import join, list_names


def lineage_name(horizon: str) -> str:
    """Return the name under which a manifest records which baseline of a horizon answered: `fg_b 7d`."""
    return f"fg_b {horizon}"


@dataclass(frozen=True)
class PublishedBaselines:
    """The published baselines by horizon, oldest first, of those that can be valid in an interval."""

    by_horizon: dict[str, tuple[Partition, ...]]

    @classmethod
    def of(cls, prefix: str, interval: Interval, as_of: datetime | None = None) -> PublishedBaselines:
        """Look them up: those that end in the interval, and the newest before it. What can't be read is passed over,
        and with `as_of` what was published later."""
        return cls({horizon: tuple(_found(prefix, horizon, interval, as_of)) for horizon in HORIZONS})

    def runs(self, interval: Interval) -> list[tuple[Interval, dict[str, Partition]]]:
        """Cut an interval where another baseline becomes valid; return each part with the baselines valid in it.

        A baseline is valid for slices that start at or after its end.
        """
        bounds = {interval.start, interval.end}
        for partitions in self.by_horizon.values():
            bounds |= {at for each in partitions if interval.start < (at := _from(each)) < interval.end}
        parts = [Interval(start, end) for start, end in pairwise(sorted(bounds))]
        return [(part, self._valid_at(part.start)) for part in parts]

    def _valid_at(self, instant: datetime) -> dict[str, Partition]:
        valid = {
            horizon: [each for each in partitions if _from(each) <= instant]
            for horizon, partitions in self.by_horizon.items()
        }
        return {horizon: partitions[-1] for horizon, partitions in valid.items() if partitions}

    def answers(self, interval: Interval) -> dict[str, Answers]:
        """Return which baseline is valid for each slice of an interval, by the names of `lineage_name`."""
        found: dict[str, list[Answer]] = {horizon: [] for horizon in self.by_horizon}
        for part, valid in self.runs(interval):
            for horizon, partition in valid.items():
                answer = Answer(uri=partition.uri, run_id=partition.manifest.run_id, start=part.start, end=part.end)
                found[horizon].append(answer)
        return {lineage_name(horizon): Answers(tuple(answers)) for horizon, answers in found.items()}

    def reads(self, interval: Interval) -> Sequence[InputRange]:
        """Return a manifest's record of the baselines that an interval was scored with."""
        return [answers.named(name, interval) for name, answers in self.answers(interval).items()]


def _from(partition: Partition) -> datetime:
    """Return the first slice start that a baseline is valid for."""
    return ceil_to(partition.manifest.end, SLICE)


def _found(prefix: str, horizon: str, interval: Interval, as_of: datetime | None) -> Iterator[Partition]:
    folders = list_names(join(prefix, f"horizon={horizon}"), kind=fs.FileType.Directory)
    ends = sorted((end for name in folders if (end := baseline_end_of(name)) and end < interval.end), reverse=True)
    newest_first = []
    for end in ends:
        partition = readable_baseline(prefix, horizon, end)
        if partition and (as_of is None or partition.manifest.published_at <= as_of):
            newest_first.append(partition)
            if end <= interval.start:
                break
    yield from reversed(newest_first)
