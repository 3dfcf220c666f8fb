"""What lies upstream of the baselines in S3, told by names alone: published partitions and delivered mini-batches.

A partition is published when it has a manifest; its folder's name says which time it answers for. The planner lists
names and opens nothing, because it must be quick: what it counts as covered is at least what the job will find.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.manifest import MANIFEST_NAME
from ndr.contract.time import (
    DAY,
    LONGEST_BATCH,
    Interval,
    compact_instant,
    coverage,
    day_text,
    floor_to,
    interval_of,
    merged,
    unfilled,
)
from ndr.planner.keys import bucket_and_key, keys_below

LISTERS: Final = 16
LONGEST_PLANNED: Final = timedelta(days=31)
"""The longest batch that is planned, unless one mini-batch is longer."""


@dataclass(frozen=True)
class Upstream:
    """What is published of each dataset, and which mini-batches were delivered, over the time that a plan needs."""

    published: dict[str, list[Interval]]
    delivered: list[Interval] = field(default_factory=list)

    def coverage(self, wanted: Interval, built: Sequence[Interval] = ()) -> float:
        """Return the least share of `wanted` that any dataset covers, once `built` is built too."""
        return min(coverage(wanted, [*covered, *built]) for covered in self.published.values())

    def gaps(self, wanted: Interval) -> list[Interval]:
        """Return the parts of `wanted` that some dataset lacks."""
        return merged(gap for covered in self.published.values() for gap in unfilled(wanted, covered))

    def not_delivered(self, wanted: Interval) -> list[Interval]:
        """Return the gaps for which there is no mini-batch to build them from."""
        return [part for gap in self.gaps(wanted) for part in unfilled(gap, self.delivered)]

    def missing_batches(self, wanted: Iterable[Interval], running: Sequence[Interval] = ()) -> list[Interval]:
        """Return the batches that build every gap for which mini-batches were delivered, in order.

        Batches that are `running` need not be built again.
        """
        gaps = merged(gap for interval in wanted for gap in self.gaps(interval))
        return whole_batches([part for gap in gaps for part in unfilled(gap, running)], self.delivered)


def whole_batches(ranges: Iterable[Interval], delivered: Iterable[Interval]) -> list[Interval]:
    """Return the batches that rebuild ranges from the mini-batches that touch them, and what looks back on them.

    A batch holds whole mini-batches: a part of one would be published without its other part. It goes on for a day
    after a range, as far as mini-batches follow without a gap, because windows of 24 hours reach back over it.
    Takes n log n steps.
    """
    folders = merged_where_overlapping(delivered)  # which can only be built together
    wanted = merged(ranges)
    spans = merged(folder for folder in folders if meets(folder, wanted))
    starts = [folder.start for folder in folders]
    reaching = merged([*spans, *(_followers(span, folders[bisect_left(starts, span.end) :]) for span in spans)])
    return [batch for span in reaching for batch in _pieces(folders[bisect_left(starts, span.start) :], span)]


def meets(interval: Interval, intervals: Sequence[Interval]) -> bool:
    """Tell whether an interval meets one of several that are sorted and disjoint."""
    place = bisect_right(intervals, interval.start, key=lambda each: each.end)
    return place < len(intervals) and intervals[place].start < interval.end


def _followers(span: Interval, later: Iterable[Interval]) -> Interval:
    end = span.end
    for folder in later:
        if folder.start != end or folder.start >= span.end + DAY:
            break
        end = folder.end
    return Interval(span.start, end)


def _pieces(folders: Iterable[Interval], span: Interval) -> Iterator[Interval]:
    """Cut a long span between mini-batches."""
    piece: Interval | None = None
    for folder in itertools.takewhile(lambda folder: folder.start < span.end, folders):
        if piece and folder.end - piece.start > LONGEST_PLANNED:
            yield piece
            piece = None
        piece = Interval(piece.start, folder.end) if piece else folder
    if piece:
        yield piece


def merged_where_overlapping(intervals: Iterable[Interval]) -> list[Interval]:
    """Return sorted intervals, with those that overlap made one; neighbours that only meet stay two."""
    union: list[Interval] = []
    for interval in sorted(intervals):
        if union and interval.start < union[-1].end:
            union[-1] = Interval(union[-1].start, max(union[-1].end, interval.end))
        else:
            union.append(interval)
    return union


def find_upstream(s3: Any, published: dict[str, str], integration: str, wanted: Interval) -> Upstream | None:
    """Look up what is published and delivered; None where the prefixes cannot be read.

    Parameters
    ----------
    s3 : boto3 client
    published : dict of str to str
        Dataset name to prefix URI.
    integration : str
        Prefix URI of the mini-batches.
    """
    if not all(uri.startswith("s3://") for uri in [*published.values(), integration]):
        return None
    try:
        covered = {name: merged(published_intervals(s3, prefix, wanted)) for name, prefix in published.items()}
        return Upstream(covered, delivered_intervals(s3, integration, wanted))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "NoSuchBucket"):
            return None
        raise


def published_intervals(s3: Any, prefix: str, wanted: Interval) -> list[Interval]:
    """Return the intervals of the partitions published below a dataset's prefix on the days of `wanted`."""
    bucket, base = bucket_and_key(prefix)
    folders = [
        f"{base}dt={day_text(day.start)}/" for day in Interval(floor_to(wanted.start, DAY), wanted.end).steps(DAY)
    ]
    with ThreadPoolExecutor(LISTERS) as pool:
        listed = pool.map(lambda folder: list(keys_below(s3, bucket, folder)), folders)
        names = [key.split("/")[-2] for keys in listed for key in keys if key.endswith(f"/{MANIFEST_NAME}")]
    return [interval for name in names if (interval := interval_of(name))]


def delivered_intervals(s3: Any, prefix: str, wanted: Interval) -> list[Interval]:
    """Return the intervals of the mini-batches that meet `wanted`, in order. Names sort by time, so few are listed."""
    bucket, base = bucket_and_key(prefix)
    start_after = base + compact_instant(wanted.start - LONGEST_BATCH)
    found: list[Interval] = []
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=base, Delimiter="/", StartAfter=start_after
    )
    for page in pages:
        names = [item["Prefix"].removeprefix(base).rstrip("/") for item in page.get("CommonPrefixes", [])]
        found += [interval for name in names if (interval := interval_of(name))]
        if found and found[-1].start >= wanted.end:
            break
    return sorted(interval for interval in found if interval.intersection(wanted))
