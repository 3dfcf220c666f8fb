"""Published partitions told by their keys' names, with few requests however many files they have.

A dataset's keys are `dt=2026-01-31/20260131T061500Z-PT15M/` and then the manifest, the success marker, or the folder of
a run and a file. S3 rolls keys up to the first delimiter into one entry of a page. With "_" as the delimiter, the
marker and the manifest of a partition are one entry, which exists when the manifest does, and the files of most tables
are one more. A slice of FG-A has two entries instead of three keys, however many files it has, and an entry, which has
no date, takes a tenth of a key's time to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from typing import Any, Final

from ndr.contract.manifest import MANIFEST_NAME, SUCCESS_NAME
from ndr.contract.time import DAY, Interval, ceil_to, day_text, floor_to, interval_of
from ndr.planner.keys import bucket_and_key

DELIMITER: Final = "_"
PARTS: Final = 8
"""How many parts of a long time are listed at once."""
SHORTEST_PART: Final = 31 * DAY

assert MANIFEST_NAME.startswith(DELIMITER)
assert SUCCESS_NAME.startswith(DELIMITER)


def published_intervals(s3: Any, prefix: str, wanted: Interval) -> list[Interval]:
    """Return the intervals of the partitions published below a dataset's prefix on the days of `wanted`, in order.

    The requests follow what is published, a thousand entries each, and not the length of `wanted`.
    """
    days = Interval(floor_to(wanted.start, DAY), ceil_to(wanted.end, DAY))
    step = max(SHORTEST_PART, ceil(days.duration / DAY / PARTS) * DAY)
    parts = [
        Interval(start, min(start + step, days.end))
        for start in (days.start + number * step for number in range(ceil(days.duration / step)))
    ]
    with ThreadPoolExecutor(PARTS) as pool:
        listed = pool.map(lambda part: list(_intervals(s3, prefix, part)), parts)
        return [interval for found in listed for interval in found]


def _intervals(s3: Any, prefix: str, days: Interval) -> Iterator[Interval]:
    for _, *places in entries(s3, prefix, days):
        if len(places) == 2 and places[1] == DELIMITER and (found := interval_of(places[0])):
            yield found


def entries(s3: Any, prefix: str, days: Interval) -> Iterator[list[str]]:
    """Yield the parts of each entry below the day folders of whole UTC days: the day, the partition, and more.

    A partition with a manifest has an entry `day, partition, "_"`. A run has at least one, `day, partition, run, name`.
    """
    bucket, base = bucket_and_key(prefix)
    folder = f"{base}dt="
    first, end = f"{folder}{day_text(days.start)}", f"{folder}{day_text(days.end)}"
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=folder, Delimiter=DELIMITER, StartAfter=first
    )
    for page in pages:
        found = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        found += [item["Key"] for item in page.get("Contents", [])]
        for entry in found:
            if entry < end:
                yield entry.removeprefix(folder).split("/")
        if max(found, default=end) >= end:
            return
