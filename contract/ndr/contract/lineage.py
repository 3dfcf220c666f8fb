"""Lineage: which partition answers for which time, and whether what was built from it is stale.

Everything here works on plain records and reads nothing. The rule is one sentence: a partition is stale when what
answers now for the time that it asked for differs from what its manifest names.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final, TypeVar

from ndr.contract.compacted import Age, ages_of, described
from ndr.contract.manifest import Answer, InputRange, Manifest
from ndr.contract.time import DAY, Interval, format_instant, merged, unfilled

T = TypeVar("T")

REPAIRED: Final = DAY
"""A mini-batch repairs the features of this long before its end by itself; LATE repairs what is older."""

Span = tuple[str, str, datetime, datetime]
"""URI and run id of a partition, and the start and end of the time that it answers for."""


def newest_first(
    partitions: Iterable[T], wanted: Interval, interval_of: Callable[[T], Interval], age_of: Callable[[T], Age]
) -> list[tuple[T, Interval]]:
    """Cut overlapping partitions so that the one published last answers for every instant.

    Parameters
    ----------
    partitions : iterable
        Records of any type, n of them.
    interval_of, age_of : callable
        Return the time that a record covers and its age.

    Returns
    -------
    list of (record, Interval)
        In time order, disjoint, within `wanted`; adjoining parts of one record are one. Takes n log n steps.
    """
    given = [(part, each) for each in partitions if (part := interval_of(each).intersection(wanted))]
    by_age = sorted(given, key=lambda pair: age_of(pair[1]), reverse=True)
    # The rank is unique, so that the heap never compares records.
    starts = sorted((part.start, rank, part.end) for rank, (part, _) in enumerate(by_age))
    bounds = sorted({instant for part, _ in given for instant in (part.start, part.end)})
    covering: list[tuple[int, datetime]] = []
    cut: list[tuple[int, Interval]] = []
    opened = 0
    for start, end in pairwise(bounds):
        while opened < len(starts) and starts[opened][0] <= start:
            heappush(covering, starts[opened][1:])
            opened += 1
        while covering and covering[0][1] <= start:
            heappop(covering)
        if not covering:
            continue
        newest = covering[0][0]
        if cut and cut[-1][0] == newest and cut[-1][1].end == start:
            cut[-1] = (newest, Interval(cut[-1][1].start, end))
        else:
            cut.append((newest, Interval(start, end)))
    return [(by_age[rank][1], part) for rank, part in cut]


def answering(
    partitions: Iterable[T], wanted: Interval, ages_of: Callable[[T], Iterable[tuple[Interval, Age]]]
) -> list[tuple[T, Interval]]:
    """Cut overlapping partitions as `newest_first` does, where a partition may have parts of several ages.

    Parameters
    ----------
    ages_of : callable
        Returns each part of a record with its age.
    """
    given = [(each, part, age) for each in partitions for part, age in ages_of(each)]
    joined: list[tuple[T, Interval]] = []
    for (each, _, _), part in newest_first(given, wanted, lambda one: one[1], lambda one: one[2]):
        if joined and joined[-1][0] is each and joined[-1][1].end == part.start:
            joined[-1] = (each, Interval(joined[-1][1].start, part.end))
        else:
            joined.append((each, part))
    return joined


def answers_of(uri: str, manifest: Manifest, part: Interval) -> list[Answer]:
    """Return what answers for a part of a published partition.

    That is the partition itself, or, for one that only puts others together (`compacted_from`), those that it was made
    of: so nothing becomes stale when slices are compacted.
    """
    if not manifest.compacted_from:
        return [Answer(uri=uri, run_id=manifest.run_id, start=part.start, end=part.end)]
    return [cut for answer in manifest.compacted_from if (cut := answer.within(part))]


def current_answers(partitions: Iterable[tuple[str, Manifest]], wanted: Interval) -> Answers:
    """Return what answers now for each instant of `wanted`.

    Parameters
    ----------
    partitions : iterable of (str, Manifest)
        URI and manifest of each published partition of one dataset that may lie in `wanted`.
    """
    cut = answering(partitions, wanted, lambda each: ages_of(each[1]))
    return Answers(tuple(answer for (uri, manifest), part in cut for answer in answers_of(uri, manifest, part)))


@dataclass(frozen=True)
class Answers:
    """What answers now for the time of one dataset: disjoint, in any order when given."""

    answers: tuple[Answer, ...]
    _of_whole_day: dict[datetime, str | None] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def _sorted(self) -> tuple[Answer, ...]:
        """Adjoining parts of one version of a partition joined, so that how they were looked up makes no difference."""
        joined: list[Answer] = []
        for answer in sorted(self.answers, key=lambda each: each.start):
            last = joined[-1] if joined else None
            if last and (last.uri, last.run_id, last.end) == (answer.uri, answer.run_id, answer.start):
                joined[-1] = last.model_copy(update={"end": answer.end})
            else:
                joined.append(answer)
        return tuple(joined)

    @cached_property
    def _ends(self) -> list[datetime]:
        return [answer.end for answer in self._sorted]

    def within(self, interval: Interval) -> tuple[Answer, ...]:
        """Return what answers for an interval, cut to it, in time order."""
        found = []
        for answer in self._sorted[bisect_right(self._ends, interval.start) :]:
            if answer.start >= interval.end:
                break
            found.append(answer.within(interval))
        return tuple(answer for answer in found if answer)

    def spans(self, interval: Interval) -> list[Span]:
        """Return what `within` does, as plain values: planning compares a hundred thousand of them."""
        start, end = interval.start, interval.end
        found: list[Span] = []
        for place in range(bisect_right(self._ends, start), len(self._sorted)):
            answer = self._sorted[place]
            if answer.start >= end:
                break
            found.append((answer.uri, answer.run_id, max(answer.start, start), min(answer.end, end)))
        return found

    def named(self, dataset: str, interval: Interval) -> InputRange:
        """Return a manifest's record of an interval that was read, with each partition by name."""
        return InputRange(dataset=dataset, start=interval.start, end=interval.end, answers=self.within(interval))

    def digested(self, dataset: str, interval: Interval) -> InputRange:
        """Return a manifest's record of a long interval that was read: one digest a UTC day."""
        return InputRange(
            dataset=dataset, start=interval.start, end=interval.end, day_digests=self.day_digests(interval)
        )

    def day_digests(self, interval: Interval) -> dict[str, str]:
        """Return the digest of what answers, by UTC day; a day for which nothing answers has none."""
        digests = ((day, self.digest_of_day(day)) for day in interval.steps(DAY))
        return {_day_name(day): digest for day, digest in digests if digest}

    def digest_of_day(self, day: Interval) -> str | None:
        """Return the digest of what answers for a UTC day, or for a part of one; None where nothing does."""
        if day.duration < DAY:
            return answers_digest(self.within(day))
        if day.start not in self._of_whole_day:
            self._of_whole_day[day.start] = answers_digest(self.within(day))
        return self._of_whole_day[day.start]


def answers_digest(answers: Sequence[Answer]) -> str | None:
    """Return a digest of partitions, their versions and the time that each answers for; None where there are none."""
    if not answers:
        return None
    lines = [
        f"{answer.uri} {answer.run_id} {format_instant(answer.start)} {format_instant(answer.end)}"
        for answer in answers
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def is_stale(manifest: Manifest, now: Mapping[str, Answers], within: Interval | None = None) -> bool:
    """Tell whether what answers now for the inputs of a partition differs from what its manifest names.

    Parameters
    ----------
    manifest : Manifest
        Of the partition. One that was written before ranges were recorded is stale when a partition that it names has
        been published again.
    now : mapping of str to Answers
        What answers now, by dataset, over at least the time that is compared. A dataset that is absent here is not
        compared.
    within : Interval, optional
        The time of the inputs to compare, where only a part of the partition still answers. Of a range that is recorded
        by day, days that reach out of it are not compared.
    """
    if not manifest.reads:
        return _names_another_version(manifest, now)
    return any(_differs(asked, now[asked.dataset], within) for asked in manifest.reads if asked.dataset in now)


def outdated(
    built: Iterable[tuple[Manifest, Interval]],
    now: Mapping[str, Answers],
    source: str,
    wanted: Interval,
    reach: Callable[[Interval], Interval],
) -> list[Interval]:
    """Return the parts of `wanted` to build again, oldest first: those that are stale, and those that are not built.

    Parameters
    ----------
    built : iterable of (Manifest, Interval)
        The partitions that answer, and for which part of `wanted`.
    now : mapping of str to Answers
        What answers now of their inputs.
    source : str
        The dataset without which nothing can be built: a part for which it does not answer is left as it is.
    reach : callable
        Returns the time of the inputs that a part is built from.
    """
    answering_now = list(built)
    stale = stale_parts(answering_now, now, reach)
    missing = unfilled(wanted, [part for _, part in answering_now])
    return merged(answer.interval for part in (*stale, *missing) for answer in now[source].within(part))


def stale_parts(
    built: Iterable[tuple[Manifest, Interval]], now: Mapping[str, Answers], reach: Callable[[Interval], Interval]
) -> list[Interval]:
    """Return the parts of published partitions that are stale by the datasets in `now`; see `outdated`."""
    parts = [each for manifest, part in built for each in _judged(manifest, part, now, reach)]
    return [part for manifest, part in parts if is_stale(manifest, now, reach(part))]


def _judged(
    manifest: Manifest, part: Interval, now: Mapping[str, Answers], reach: Callable[[Interval], Interval]
) -> list[tuple[Manifest, Interval]]:
    """Return what of a part of a partition is to be judged on its own: none where all that it shares still answers."""
    shares_all = manifest.reads and not any(version.outdated_reads for version in manifest.compacted_versions)
    if manifest.compacted_from and shares_all and not is_stale(manifest, now, reach(part)):
        return []
    return described(manifest, part)


def answers_read(manifest: Manifest, dataset: str, part: Interval) -> list[Answer] | None:
    """Return which versions of a dataset a part of a partition was built from; None where its manifest does not say.

    Parameters
    ----------
    manifest : Manifest
        Of a partition whose rows of a slice come from the same slice of its inputs, such as pair counts.
    """
    asked = [each for each in manifest.reads if each.dataset == dataset and each.day_digests is None]
    if asked:
        return [cut for each in asked for answer in each.answers if (cut := answer.within(part))]
    named = [entry for entry in manifest.inputs if entry.run_id]
    if manifest.reads or len(named) != 1:
        return None
    # Of before ranges were recorded: one partition answered for all.
    return [Answer(uri=named[0].uri, run_id=str(named[0].run_id), start=part.start, end=part.end)]


def _differs(asked: InputRange, now: Answers, within: Interval | None) -> bool:
    compared = asked.interval if within is None else asked.interval.intersection(within)
    if compared is None:
        return False
    if asked.day_digests is None:
        return Answers(asked.answers).spans(compared) != now.spans(compared)
    whole = [day for day in asked.interval.steps(DAY) if day.intersection(compared) == day]
    return any(asked.day_digests.get(_day_name(day)) != now.digest_of_day(day) for day in whole)


def _day_name(day: Interval) -> str:
    return f"{day.start:%Y-%m-%d}"


def _names_another_version(manifest: Manifest, now: Mapping[str, Answers]) -> bool:
    versions = {answer.uri: answer.run_id for answers in now.values() for answer in answers.answers}
    return any(versions.get(entry.uri, entry.run_id) != entry.run_id for entry in manifest.inputs if entry.run_id)
