"""What the newest baselines were built from, and which partitions are stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Final

from ndr.contract.compacted import versions_within
from ndr.contract.datasets import DELTAS, FG_A, FG_B, FG_C, PAIR_COUNTS
from ndr.contract.lineage import Answers, is_stale
from ndr.contract.manifest import InputRange, Manifest
from ndr.contract.time import DAY, Interval, day_text
from ndr.report.published import Published
from ndr.store.catalog import Partition, Piece, pieces_answers, published_pieces

_COMPARED: Final = (DELTAS.name, FG_A.name, PAIR_COUNTS.name)
"""The inputs whose versions are compared. Which baseline was valid for a score is not: a later one changes no score."""


@dataclass(frozen=True, slots=True)
class ReadRange:
    """What was asked of a dataset, for how many of its days anything answered, and the days that changed since."""

    dataset: str
    interval: Interval
    days_published: int
    days_changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BaselineLineage:
    """A baseline and what it was built from, down to the delivered files.

    `feature_versions`, `delta_versions`, `files` and `bytes` count, within the report's period, the FG-A partitions of
    the summarized time, the deltas that answer for the same time, and the files that these were read from.
    """

    horizon: str
    uri: str
    end: datetime
    summarized: Interval
    published_at: datetime
    run_id: str
    code_version: str
    coverage: float
    rows: Mapping[str, int]
    reads: tuple[ReadRange, ...]
    feature_versions: int
    delta_versions: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class StalePartition:
    """A published partition for whose inputs other versions answer now, and of which datasets these are."""

    dataset: str
    interval: Interval
    run_id: str
    inputs: tuple[str, ...]


def newest_lineages(published: Published, now: Mapping[str, Answers]) -> list[BaselineLineage]:
    """Return the lineage of the newest baseline of each horizon."""
    return [
        _lineage(published, horizon, partitions[-1], now)
        for horizon, partitions in published.baselines.items()
        if partitions
    ]


def stale_partitions(published: Published, now: Mapping[str, Answers]) -> list[StalePartition]:
    """Return what is stale, in the order of the datasets and of time."""
    found = []
    for name, manifest, interval in _built(published):
        outdated = [each for version in manifest.compacted_versions for each in version.outdated_reads]
        changed = {asked.dataset for asked in (*manifest.reads, *outdated) if asked.dataset in now}
        stale = [dataset for dataset in changed if is_stale(_only(manifest, dataset, outdated), now)]
        if stale:
            found.append(StalePartition(name, interval, manifest.run_id, tuple(sorted(stale))))
    return found


def current_inputs(published: Published) -> dict[str, Answers]:
    """Return what answers now for all that the partitions of the period were built from, by dataset."""
    asked: dict[str, list[Interval]] = {}
    for _, manifest, _ in _built(published):
        for each in manifest.reads:
            asked.setdefault(each.dataset, []).append(each.interval)
    return {name: _answers(published, name, asked[name]) for name in _COMPARED if name in asked}


def _answers(published: Published, name: str, asked: list[Interval]) -> Answers:
    wanted = reduce(lambda one, other: Interval(min(one.start, other.start), max(one.end, other.end)), asked)
    return pieces_answers(
        published_pieces(published.prefixes[name], wanted, name, pass_over_unreadable=True, without_reads=True)
    )


def _built(published: Published) -> Iterator[tuple[str, Manifest, Interval]]:
    """Yield each partition that answers and was built from published ones."""
    for name in (FG_A.name, PAIR_COUNTS.name, FG_C):
        for piece in published.pieces.get(name, []):
            yield name, piece.partition.manifest, piece.interval
    for horizon, partitions in published.baselines.items():
        for each in partitions:
            yield f"{FG_B} {horizon}", each.manifest, each.manifest.summarized


def _only(manifest: Manifest, dataset: str, outdated: Iterable[InputRange]) -> Manifest:
    reads = [asked for asked in (*manifest.reads, *outdated) if asked.dataset == dataset]
    return manifest.model_copy(update={"reads": tuple(reads)})


def _lineage(published: Published, horizon: str, baseline: Partition, now: Mapping[str, Answers]) -> BaselineLineage:
    manifest = baseline.manifest
    features = _within(published.pieces.get(FG_A.name, []), manifest.summarized)
    deltas = _within(published.pieces[DELTAS.name], manifest.summarized)
    files = {
        (entry.uri, file.name): file.bytes
        for piece, part in deltas
        for version, _ in versions_within(piece.partition.uri, piece.partition.manifest, part)
        for entry in version.inputs
        for file in entry.files
    }
    return BaselineLineage(
        horizon=horizon,
        uri=baseline.uri,
        end=manifest.end,
        summarized=manifest.summarized,
        published_at=manifest.published_at,
        run_id=manifest.run_id,
        code_version=manifest.code_version,
        coverage=manifest.coverage,
        rows={name: table.rows for name, table in manifest.tables.items()},
        reads=tuple(_read(asked, now) for asked in manifest.reads),
        feature_versions=len(_names(features)),
        delta_versions=len(_names(deltas)),
        files=len(files),
        bytes=sum(files.values()),
    )


def _read(asked: InputRange, now: Mapping[str, Answers]) -> ReadRange:
    days = {day_text(day.start): day for day in asked.interval.steps(DAY)}
    then = asked.day_digests
    if then is None:
        answers = Answers(asked.answers)
        then = {name: digest for name, day in days.items() if (digest := answers.digest_of_day(day))}
    current = now.get(asked.dataset)
    changed = [] if current is None else [
        name for name, day in days.items() if then.get(name) != current.digest_of_day(day)
    ]  # fmt: skip
    return ReadRange(asked.dataset, asked.interval, len(then), tuple(changed))


def _within(pieces: list[Piece], interval: Interval) -> list[tuple[Piece, Interval]]:
    return [(piece, part) for piece in pieces if (part := piece.interval.intersection(interval))]


def _names(parts: list[tuple[Piece, Interval]]) -> set[tuple[str, str]]:
    return {
        version.name
        for piece, part in parts
        for version, _ in versions_within(piece.partition.uri, piece.partition.manifest, part)
    }
