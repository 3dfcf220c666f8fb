"""A history as the jobs publish it: delivered mini-batches, features with their lineage, baselines.

Days are slices, or one partition each where they were compacted. Only the days that are `described` have manifests with
content; the others have their keys, which is all that listing needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from tests.planning.bucket import MODIFIED, Bucket

from ndr.contract.horizons import HORIZONS
from ndr.contract.lineage import Answers
from ndr.contract.manifest import (
    FORMAT,
    MANIFEST_NAME,
    SUCCESS_NAME,
    Answer,
    CompactedVersion,
    InputEntry,
    InputFile,
    InputRange,
    Manifest,
    Owner,
)
from ndr.contract.time import (
    DAY,
    SLICE,
    Interval,
    compact_instant,
    day_text,
    floor_to,
    mini_batch_id,
    parse_instant,
)
from ndr.planner.feature_prefixes import FeaturePrefixes

OWNER: Final = Owner("ndr-prod", "v1")
TABLES: Final = {"deltas": ("deltas", "peer_deltas"), "fg_a": ("fg_a",), "pair_counts": ("pair_counts",)}
RUN: Final = "20260109T000000Z-1f3a2b3c4d5e"
PUBLISHED: Final = datetime(2026, 1, 9, tzinfo=UTC)
LOOKBACK_DAYS: Final = 30


def prefixes(bucket: str = "data", base: str = "v1") -> FeaturePrefixes:
    names = ("integration", "deltas", "fg_a", "pair_counts", "fg_b")
    return FeaturePrefixes(
        OWNER, lookback_days=LOOKBACK_DAYS, **{name: f"s3://{bucket}/{base}/{name}/" for name in names}
    )


@dataclass
class History:
    """What lies in the bucket.

    Parameters
    ----------
    days : Interval
        Whole days that are delivered and published.
    compacted_until : datetime
        Days before it are one partition each.
    described_from : datetime
        Days from it on have manifests with content.
    """

    days: Interval
    compacted_until: datetime
    described_from: datetime
    where: FeaturePrefixes = field(default_factory=prefixes)
    keys: list[str] = field(default_factory=list)
    content: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part in self.partitions():
            self.deliver(part)
            for dataset in TABLES:
                self._publish(dataset, part)
        if self.described_from < self.days.end:
            self._describe()

    def bucket(self) -> Bucket:
        return Bucket(list(self.keys), dict(self.content), dict(self.modified))

    def keep_slices(self, days: Interval, since: datetime) -> None:
        """Add the slices that compacted days were made of, put at `since`, which are not swept yet."""
        for part in days.steps(SLICE):
            for dataset in TABLES:
                self._publish(dataset, part)
                self.modified[f"{self.folder(dataset, part)}/{MANIFEST_NAME}"] = since

    def partitions(self) -> Iterator[Interval]:
        for day in self.days.steps(DAY):
            if day.start < self.compacted_until:
                yield day
            else:
                yield from day.steps(SLICE)

    def folder(self, dataset: str, interval: Interval) -> str:
        prefix = getattr(self.where, dataset).split("/", 3)[3]
        return f"{prefix}dt={day_text(interval.start)}/{mini_batch_id(interval)}"

    def uri(self, dataset: str, interval: Interval) -> str:
        return f"{getattr(self.where, dataset).rstrip('/')}/dt={day_text(interval.start)}/{mini_batch_id(interval)}"

    def deliver(self, part: Interval, name: str = "part-0.json.gz") -> None:
        """Put a file into each 15-minute folder of a part of the time."""
        for batch in part.steps(SLICE):
            self.keys.append(f"{self.where.integration.split('/', 3)[3]}{mini_batch_id(batch)}/{name}")

    def _publish(self, dataset: str, part: Interval) -> None:
        folder = self.folder(dataset, part)
        self.keys += [f"{folder}/{RUN}/{table}-00000.parquet" for table in TABLES[dataset]]
        self.keys += [f"{folder}/{MANIFEST_NAME}", f"{folder}/{SUCCESS_NAME}"]

    def _describe(self) -> None:
        built_from = Answers(tuple(self._answers("deltas", self.days)))
        for part in self.partitions():
            if part.start < self.described_from:
                continue
            windows = Interval(floor_to(part.start - DAY + SLICE, DAY), part.end)
            lookback = Interval(windows.start - LOOKBACK_DAYS * DAY, windows.start)
            self._put("deltas", part, inputs=tuple(self._inputs(part)))
            reads = (built_from.named("deltas", windows), built_from.digested("deltas", lookback))
            self._put("fg_a", part, reads=reads)
            self._put("pair_counts", part, reads=(built_from.named("deltas", part),))

    def _answers(self, dataset: str, interval: Interval) -> Iterator[Answer]:
        """A compacted day answers as the slices that it was made of."""
        for part in interval.steps(SLICE):
            yield Answer(uri=self.uri(dataset, part), run_id=RUN, start=part.start, end=part.end)

    def _versions(self, dataset: str, part: Interval) -> Iterator[CompactedVersion]:
        for slice_ in part.steps(SLICE):
            yield CompactedVersion(
                uri=self.uri(dataset, slice_),
                run_id=RUN,
                start=slice_.start,
                end=slice_.end,
                published_at=PUBLISHED,
                code_version="c",
                coverage=1.0,
                inputs=tuple(self._inputs(slice_)) if dataset == "deltas" else (),
            )

    def _inputs(self, part: Interval) -> Iterator[InputEntry]:
        for batch in part.steps(SLICE):
            file = InputFile(name="part-0.json.gz", bytes=0, modified_at=parse_instant(MODIFIED))
            yield InputEntry(uri=f"{self.where.integration}{mini_batch_id(batch)}", files=(file,))

    def _put(self, dataset: str, part: Interval, **facts: Any) -> None:
        if part.duration > SLICE:
            facts |= {
                "compacted_from": tuple(self._answers(dataset, part)),
                "compacted_versions": tuple(self._versions(dataset, part)),
            }
        manifest = manifest_of(dataset, part, **facts)
        self.content[f"{self.folder(dataset, part)}/{MANIFEST_NAME}"] = manifest.model_dump_json().encode()

    def put_baselines(self, horizon: str, ends: Iterable[datetime]) -> None:
        """Publish baselines that were built from the history."""
        answers = {name: Answers(tuple(self._answers(name, self.days))) for name in TABLES}
        for end in ends:
            span = Interval(end - HORIZONS[horizon], end)
            reads: list[InputRange] = [answers[name].digested(name, span) for name in TABLES]
            folder = f"{self.where.fg_b.split('/', 3)[3]}horizon={horizon}/end={compact_instant(end)}"
            manifest = manifest_of("fg_b", span, reads=tuple(reads))
            self.keys.append(f"{folder}/{MANIFEST_NAME}")
            self.content[f"{folder}/{MANIFEST_NAME}"] = manifest.model_dump_json().encode()


def manifest_of(dataset: str, part: Interval, **facts: Any) -> Manifest:
    return Manifest(
        format=FORMAT,
        dataset=dataset,
        project_name=OWNER.project_name,
        feature_spec_version=OWNER.feature_spec_version,
        start=part.start,
        end=part.end,
        tables={},
        code_version="c",
        run_id=RUN,
        published_at=PUBLISHED,
        **facts,
    )
