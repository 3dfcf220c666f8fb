"""Delivered files, by folder: as S3 lists them, and as a manifest records them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

from ndr.contract.datasets import LATE_FOLDER
from ndr.contract.manifest import InputFile
from ndr.contract.time import DAY, SLICE, Interval, compact_instant, day_text, interval_of, mini_batch_id, whole_seconds
from ndr.planner.feature_prefixes import FeaturePrefixes
from ndr.planner.folder import Folder
from ndr.planner.keys import bucket_and_key, is_data
from ndr.planner.time_folders import time_folders
from ndr.planner.upstream import delivered_intervals


def delivered_folders(s3: Any, prefixes: FeaturePrefixes, wanted: Interval) -> list[Folder]:
    """Return the folders of delivered files that meet `wanted`, in the layout that the JobSpec says, in order."""
    if prefixes.layout:
        return time_folders(s3, prefixes.integration, prefixes.layout, wanted)
    return mini_batch_folders(s3, prefixes.integration, wanted)


def mini_batch_folders(s3: Any, integration: str, wanted: Interval) -> list[Folder]:
    """Return the mini-batches that meet `wanted` and hold files, in order.

    Keys sort by time. Of the mini-batches that start before `wanted` only the names are listed, and the keys of those
    that reach into it.
    """
    bucket, base = bucket_and_key(integration)
    earlier = [
        mini_batch_id(interval)
        for interval in delivered_intervals(s3, integration, Interval(wanted.start, wanted.start + SLICE))
        if interval.start < wanted.start
    ]
    items = [
        *(item for name in earlier for item in _listed(s3, bucket, f"{base}{name}/")),
        *_until(_listed(s3, bucket, base, base + compact_instant(wanted.start)), base + compact_instant(wanted.end)),
    ]
    return _folders(bucket, base, items, wanted)


def out_of_batch_folders(s3: Any, deltas: str, wanted: Interval) -> list[Folder]:
    """Return the folders of rows that came with the mini-batch of another time, of slices that meet `wanted`."""
    bucket, base = bucket_and_key(deltas)
    late = f"{base}{LATE_FOLDER}/"
    items = _listed(s3, bucket, late, f"{late}dt={day_text(wanted.start)}")
    return _folders(bucket, late, _until(items, f"{late}dt={day_text(wanted.end + DAY)}"), wanted)


def _listed(s3: Any, bucket: str, prefix: str, start_after: str = "") -> Iterator[dict[str, Any]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after):
        yield from page.get("Contents", [])


def _until(items: Iterable[dict[str, Any]], end: str) -> Iterator[dict[str, Any]]:
    return takewhile(lambda item: item["Key"] < end, items)


def _folders(bucket: str, base: str, items: Iterable[dict[str, Any]], wanted: Interval) -> list[Folder]:
    files: dict[tuple[str, Interval], list[InputFile]] = {}
    for item in items:
        found = _place(item["Key"], base)
        if found and found[1].intersection(wanted):
            folder, interval, name = found
            modified = whole_seconds(item["LastModified"])
            file = InputFile(name=name, bytes=item["Size"], modified_at=modified)
            files.setdefault((folder, interval), []).append(file)
    return sorted(
        (Folder(interval, f"s3://{bucket}/{folder}", tuple(held)) for (folder, interval), held in files.items()),
        key=lambda each: (each.interval, each.uri),
    )


def _place(key: str, base: str) -> tuple[str, Interval, str] | None:
    """Part a key into its folder, the folder's interval and the file's path in it; None for markers and others."""
    parts = key.removeprefix(base).split("/")
    for number, part in enumerate(parts[:-1]):
        if interval := interval_of(part):
            path = "/".join(parts[number + 1 :])
            return (base + "/".join(parts[: number + 1]), interval, path) if is_data(path) else None
    return None
