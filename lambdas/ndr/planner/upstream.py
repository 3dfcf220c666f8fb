"""What lies upstream of the baselines in S3, told by names alone: published partitions and delivered mini-batches.

The planner lists names and opens nothing, because it must be quick: what it counts as covered is at least what the job
will find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from ndr.contract.layout import TimeLayout
from ndr.contract.time import LONGEST_BATCH, Interval, compact_instant, interval_of, merged
from ndr.planner.covered import Covered
from ndr.planner.keys import bucket_and_key
from ndr.planner.partition_names import published_intervals
from ndr.planner.time_folders import as_slices, delivered_times
from ndr.planner.whole_batches import whole_batches


@dataclass(frozen=True)
class Upstream:
    """What is published of each dataset, and which mini-batches were delivered, over the time that a plan needs.

    In a layout by time each slice that was delivered counts as a mini-batch.
    """

    published: dict[str, list[Interval]]
    delivered: list[Interval] = field(default_factory=list)

    @cached_property
    def _covered(self) -> list[Covered]:
        return [Covered.of(intervals) for intervals in self.published.values()]

    @cached_property
    def _delivered(self) -> Covered:
        return Covered.of(self.delivered)

    def with_built(self, batches: Sequence[Interval]) -> Upstream:
        """Return what will be published once batches are built too."""
        return Upstream({name: [*covered, *batches] for name, covered in self.published.items()}, self.delivered)

    def coverage(self, wanted: Interval) -> float:
        """Return the least share of `wanted` that any dataset covers."""
        return min(covered.share(wanted) for covered in self._covered)

    def gaps(self, wanted: Interval) -> list[Interval]:
        """Return the parts of `wanted` that some dataset lacks."""
        return merged(gap for covered in self._covered for gap in covered.gaps(wanted))

    def not_delivered(self, wanted: Interval) -> list[Interval]:
        """Return the gaps for which there is no mini-batch to build them from."""
        return [part for gap in self.gaps(wanted) for part in self._delivered.gaps(gap)]

    def missing_batches(self, wanted: Iterable[Interval], running: Sequence[Interval] = ()) -> list[Interval]:
        """Return the batches that build every gap for which mini-batches were delivered, in order.

        Batches that are `running` need not be built again.
        """
        in_progress = Covered.of(running)
        gaps = [gap for interval in merged(wanted) for gap in self.gaps(interval)]
        return whole_batches([part for gap in gaps for part in in_progress.gaps(gap)], self.delivered)


def find_upstream(
    s3: Any,
    published: dict[str, str],
    integration: str | None,
    wanted: Interval,
    layout: TimeLayout | None = None,
) -> Upstream | None:
    """Look up what is published and delivered; None where the prefixes cannot be read.

    Parameters
    ----------
    s3 : boto3 client
    published : dict of str to str
        Dataset name to prefix URI.
    integration : str, optional
        Prefix URI of what was delivered; without it that is not looked up.
    layout : TimeLayout, optional
        Of what was delivered, where the folders are not mini-batches.
    """
    if not all(uri.startswith("s3://") for uri in [*published.values(), *([integration] if integration else [])]):
        return None
    try:
        covered = {name: merged(published_intervals(s3, prefix, wanted)) for name, prefix in published.items()}
        return Upstream(covered, _delivered(s3, integration, layout, wanted) if integration else [])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "NoSuchBucket"):
            return None
        raise


def _delivered(s3: Any, integration: str, layout: TimeLayout | None, wanted: Interval) -> list[Interval]:
    if layout is None:
        return delivered_intervals(s3, integration, wanted)
    times = delivered_times(s3, integration, layout, wanted)
    return as_slices(part for each in times if (part := each.intersection(wanted)))


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
