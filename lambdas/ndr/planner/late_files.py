"""Late data: files that came after their slice was published, told by what the manifests of the deltas name.

A file is late when the partition that answers for its time does not name it, or names another version of it. That
holds for mini-batches and for rows that another mini-batch brought (see LATE_FOLDER), and for a mini-batch that was
never built. What is built from it names it, and then it is late no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from ndr.contract.datasets import LATE_FOLDER
from ndr.contract.manifest import MANIFEST_NAME, InputFile, Manifest
from ndr.contract.time import DAY, Interval, compact_instant, day_text, floor_to, interval_of, unfilled, whole_seconds
from ndr.planner.upstream import LISTERS, LONGEST_DELIVERY, bucket_and_key, keys_below, whole_batches

SETTLED: Final = timedelta(hours=1)  # what is newer may be at work still


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of delivered files: the time of its rows, its URI, its files."""

    interval: Interval
    uri: str
    files: tuple[InputFile, ...]


@dataclass(frozen=True)
class LateData:
    """What is late, which mini-batches there are to build it with, and which slices have none."""

    late: tuple[Folder, ...]
    delivered: tuple[Interval, ...]
    published: tuple[Interval, ...]

    @property
    def batches(self) -> list[Interval]:
        """Return the batches that fold it in."""
        return whole_batches([folder.interval for folder in self.late], [*self.delivered, *self._alone])

    @property
    def _alone(self) -> list[Interval]:
        """Return slices of which nothing but stray rows was ever delivered or published."""
        known = [*self.delivered, *self.published]
        return [each.interval for each in self.late if not any(each.interval.intersection(other) for other in known)]

    @property
    def stranded(self) -> list[Interval]:
        """Return slices that can't be built again, because the mini-batch they were built from is gone."""
        return [
            folder.interval
            for folder in self.late
            if not any(folder.interval.intersection(batch) for batch in self.batches)
        ]


def find_late(s3: Any, deltas: str, integration: str, wanted: Interval) -> LateData:
    """Look for late files of mini-batches and slices that start in `wanted`."""
    folders = [folder for folder in _mini_batches(s3, integration, wanted) if folder.interval.end <= wanted.end]
    strays = [folder for folder in _strays(s3, deltas, wanted) if folder.interval.end <= wanted.end]
    manifests = _manifests(s3, deltas, Interval(wanted.start - LONGEST_DELIVERY, wanted.end))
    return LateData(
        late=tuple(folder for folder in [*folders, *strays] if folder.files and is_late(folder, manifests)),
        delivered=tuple(folder.interval for folder in folders),
        published=tuple(manifest.interval for manifest in manifests),
    )


def is_late(folder: Folder, manifests: Sequence[Manifest]) -> bool:
    """Tell whether a part of a folder's time is answered for without all of its files, or not at all."""
    rest = [folder.interval]
    for manifest in sorted(manifests, key=lambda each: (each.published_at, each.run_id), reverse=True):
        own = [part for part in (piece.intersection(manifest.interval) for piece in rest) if part]
        if own and not _names(manifest, folder):
            return True
        rest = [gap for piece in rest for gap in unfilled(piece, own)]
    return bool(rest)


def _names(manifest: Manifest, folder: Folder) -> bool:
    entry = next((each for each in manifest.inputs if each.uri.rstrip("/") == folder.uri), None)
    if entry is None:
        return False
    if not entry.files:  # of before the files were noted: what is newer than the partition came after it
        return all(file.modified_at <= manifest.published_at for file in folder.files)
    return set(folder.files) <= set(entry.files)


def _mini_batches(s3: Any, prefix: str, wanted: Interval) -> list[Folder]:
    bucket, base = bucket_and_key(prefix)
    start_after = base + compact_instant(wanted.start - LONGEST_DELIVERY)
    found = _folders(s3, bucket, base, start_after)
    return [folder for folder in found if folder.interval.intersection(wanted)]


def _strays(s3: Any, prefix: str, wanted: Interval) -> list[Folder]:
    bucket, base = bucket_and_key(prefix)
    late = f"{base}{LATE_FOLDER}/"
    found = _folders(s3, bucket, late, f"{late}dt={day_text(wanted.start)}")
    return [folder for folder in found if folder.interval.intersection(wanted)]


def _folders(s3: Any, bucket: str, prefix: str, start_after: str) -> list[Folder]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after)
    files: dict[str, list[InputFile]] = {}
    for item in (item for page in pages for item in page.get("Contents", [])):
        folder, _, name = item["Key"].rpartition("/")
        if name and not name.startswith(("_", ".")):
            modified = whole_seconds(item["LastModified"])
            files.setdefault(folder, []).append(InputFile(name=name, bytes=item["Size"], modified_at=modified))
    return [
        Folder(interval, f"s3://{bucket}/{folder}", tuple(held))
        for folder, held in files.items()
        if (interval := interval_of(folder.rpartition("/")[2]))
    ]


def _manifests(s3: Any, prefix: str, wanted: Interval) -> list[Manifest]:
    bucket, base = bucket_and_key(prefix)
    days = Interval(floor_to(wanted.start, DAY), wanted.end).steps(DAY)
    with ThreadPoolExecutor(LISTERS) as pool:
        listed = pool.map(lambda day: list(keys_below(s3, bucket, f"{base}dt={day_text(day.start)}/")), days)
        keys = [key for keys in listed for key in keys if key.endswith(f"/{MANIFEST_NAME}")]
        read = pool.map(lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read(), keys)
        return [Manifest.model_validate_json(content) for content in read]


def reached(batches: Iterable[Interval], end: Any, horizon: timedelta) -> bool:
    """Tell whether a baseline's horizon holds a part of a batch."""
    return any(batch.intersection(Interval(end - horizon, end)) for batch in batches)
