"""What the manifest of a compacted partition says that it was built from: one record in place of each version's own.

The 96 slices of a day name the same inputs again and again, which would be megabytes. Of a version that is not stale,
what answers now is what it was built from; so what answers now is recorded once for all of them, and of a stale version
what differs from that. So compaction makes nothing stale, and nothing that is stale appears to be up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ndr.contract.datasets import DELTAS
from ndr.contract.lineage import Answers
from ndr.contract.manifest import Answer, CompactedVersion, InputRange, Manifest, Owner
from ndr.contract.time import DAY, SLICE, Interval, day_text, floor_to, interval_of
from ndr.jobs.compaction.datasets import CompactedDataset
from ndr.store.catalog import pieces_answers, published_pieces
from ndr.store.compaction import Stretch

Asked = dict[tuple[str, bool], Interval]
"""By dataset, and whether it is recorded by day: the time that any version asked for."""


@dataclass
class AnswersByDay:
    """What answers for the datasets that features are built from, looked up once a UTC day."""

    datasets: Iterable[CompactedDataset]
    owner: Owner
    _known: dict[tuple[str, datetime], tuple[Answer, ...]] = field(default_factory=dict)

    def over(self, asked: Asked) -> dict[str, Answers]:
        """Return what answers, by dataset; one whose prefix is not known is absent.

        Raises
        ------
        SchemaMismatchError
            A manifest that would answer can't be read.
        """
        if not asked:
            return {}
        prefixes = {dataset.name: dataset.prefix for dataset in self.datasets}
        earliest = min(floor_to(each.start, DAY) for each in asked.values())
        self._known = {key: answers for key, answers in self._known.items() if key[1] >= earliest}
        found: dict[str, tuple[Answer, ...]] = {}
        for (name, _), interval in asked.items():
            if name in prefixes:
                days = Interval(floor_to(interval.start, DAY), interval.end).steps(DAY)
                answers = (answer for day in days for answer in self._of_day(name, prefixes[name], day.start))
                found[name] = tuple(dict.fromkeys([*found.get(name, ()), *answers]))
        return {name: Answers(answers) for name, answers in found.items()}

    def _of_day(self, name: str, prefix: str, morning: datetime) -> tuple[Answer, ...]:
        if (name, morning) not in self._known:
            pieces = published_pieces(prefix, Interval(morning, morning + DAY), name, self.owner)
            self._known[name, morning] = pieces_answers(pieces).answers
        return self._known[name, morning]


def asked_of(stretch: Stretch) -> Asked:
    """Return the time of each dataset that the versions of a stretch were built from."""
    asked: Asked = {}
    for version, _, manifest in stretch.versions:
        for name, by_day, interval in _asked_by(version, manifest):
            known = asked.get((name, by_day), interval)
            asked[name, by_day] = Interval(min(known.start, interval.start), max(known.end, interval.end))
    return asked


def outdated_reads(stretch: Stretch, now: Mapping[str, Answers]) -> dict[tuple[str, str], tuple[InputRange, ...]]:
    """Return, by name, what each stale version of a stretch was built from and does not answer any more."""
    return {
        version.name: found
        for version, answer, manifest in stretch.versions
        if (found := tuple(_outdated(version, answer, manifest, now)))
    }


def whole_reads(stretch: Stretch, asked: Asked, now: Mapping[str, Answers]) -> tuple[InputRange, ...]:
    """Return the record of what answers now for the time that the versions of a stretch were built from."""
    known = [
        now[name].digested(name, interval) if by_day else now[name].named(name, interval)
        for (name, by_day), interval in asked.items()
        if name in now
    ]
    others = [each for piece in stretch.pieces for each in piece.partition.manifest.reads if each.dataset not in now]
    return (*known, *(each for place, each in enumerate(others) if each not in others[:place]))


def _outdated(
    version: CompactedVersion, answer: Answer, found_in: Manifest, now: Mapping[str, Answers]
) -> Iterator[InputRange]:
    own = [each for each in (*found_in.reads, *version.outdated_reads) if each.dataset in now]
    for asked in own or _named_by(version):
        # Features look back only: what a compacted partition read after the end of a version is not the version's.
        until = Interval(min(asked.start, answer.start), answer.end)
        if asked.dataset in now and (within := asked.interval.intersection(until)):
            yield from _differences(asked, within, now[asked.dataset])


def _differences(asked: InputRange, within: Interval, now: Answers) -> Iterator[InputRange]:
    if asked.day_digests is None:
        then = Answers(asked.answers)
        if then.within(within) == now.within(within):
            return
        for part in within.steps(SLICE):
            if then.within(part) != now.within(part):
                yield then.named(asked.dataset, part)
        return
    for day in within.steps(DAY):
        digest = asked.day_digests.get(day_text(day.start))
        if day.duration == DAY and digest != now.digest_of_day(day):
            digests = {day_text(day.start): digest} if digest else {}
            yield InputRange(dataset=asked.dataset, start=day.start, end=day.end, day_digests=digests)


def _named_by(version: CompactedVersion) -> Iterator[InputRange]:
    """Return the reads of a version of before ranges were recorded: it names the partitions of the deltas."""
    for entry in version.inputs:
        interval = interval_of(entry.uri.rstrip("/").rpartition("/")[2])
        if entry.run_id and interval:
            answer = Answer(uri=entry.uri, run_id=entry.run_id, start=interval.start, end=interval.end)
            yield InputRange(dataset=DELTAS.name, start=interval.start, end=interval.end, answers=(answer,))


def _asked_by(version: CompactedVersion, manifest: Manifest) -> Iterator[tuple[str, bool, Interval]]:
    for asked in manifest.reads or _named_by(version):
        yield asked.dataset, asked.day_digests is not None, asked.interval
