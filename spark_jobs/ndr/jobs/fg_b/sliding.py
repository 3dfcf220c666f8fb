"""The strategy for many horizons over the same rows: each metric is sorted once for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ndr.contract.time import Interval, microseconds
from ndr.jobs.fg_b.baseline_tables import HostAndSegment, MetricStatistics
from ndr.jobs.fg_b.bit_planes import (
    MOST_BASELINES,
    SMALL_GROUP,
    STATISTICS,
    count_masks,
    describe_groups,
    mark_anomalous,
    uncount_missing,
)
from ndr.jobs.fg_b.each_horizon import Marks
from ndr.jobs.fg_b.layout import HorizonLayout, RowLayout
from ndr.jobs.fg_b.order_statistics import Floats, Ints, OrderStatistics

Masks = NDArray[np.uint64]

# Rows of one call of the compiled kernels: small segments share a call.
_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class SlidingHorizons:
    """The strategy for many horizons: up to MOST_BASELINES share a sort."""

    slides: list[Slide]

    @classmethod
    def of(cls, layout: RowLayout, intervals: Sequence[Interval], horizons: Sequence[HorizonLayout]) -> SlidingHorizons:
        cuts = [slice(first, first + MOST_BASELINES) for first in range(0, len(horizons), MOST_BASELINES)]
        return cls([Slide.of(layout, intervals[cut], horizons[cut]) for cut in cuts])

    def unmarked(self) -> list[Marks]:
        return [np.zeros(len(slide.layout.moments), np.uint64) for slide in self.slides]

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        return [slide.anomalous(column, limit) for slide in self.slides]

    def capped(self, marks: list[Marks]) -> CappedSlides:
        counts = [slide.kept_counts(marked) for slide, marked in zip(self.slides, marks, strict=True)]
        kept = [slide.row_masks() & ~marked for slide, marked in zip(self.slides, marks, strict=True)]
        return CappedSlides(self.slides, kept, [count for of_slide in counts for count in of_slide])


@dataclass(frozen=True, slots=True)
class CappedSlides:
    """Slides, and for each the horizons in which a row is not capped."""

    slides: list[Slide]
    kept: list[Masks]
    kept_counts: list[Ints]

    def statistics(self, column: Floats) -> list[HostAndSegment]:
        pairs = zip(self.slides, self.kept, strict=True)
        return [of_horizon for slide, kept in pairs for of_horizon in slide.statistics(column, kept)]


@dataclass(frozen=True, slots=True)
class Slide:
    """The rows of a layout under up to MOST_BASELINES intervals.

    Attributes
    ----------
    layout : RowLayout
    horizons : sequence of HorizonLayout
    segment_groups : array of (segment groups + 1,)
        The first host group of each segment group.
    offsets : array of (host groups + 1,)
        Where each host group starts among the laid-out rows.
    masks : array of (window ends,)
        Bit w: interval w holds the window end.
    rows : array of (host groups, intervals)
        Rows of each host group in each interval.
    """

    layout: RowLayout
    horizons: Sequence[HorizonLayout]
    segment_groups: Ints
    offsets: Ints
    masks: Masks
    rows: Ints

    @classmethod
    def of(cls, layout: RowLayout, intervals: Sequence[Interval], horizons: Sequence[HorizonLayout]) -> Slide:
        groups = len(layout.group_segments)
        masks = np.zeros(len(layout.ends), np.uint64)
        rows = np.zeros((groups, len(intervals)), np.int64)
        for number, (interval, horizon) in enumerate(zip(intervals, horizons, strict=True)):
            start, end = (microseconds(instant) for instant in (interval.start, interval.end))
            masks[(layout.ends > start) & (layout.ends <= end)] |= np.uint64(1 << number)
            rows[horizon.groups, number] = np.diff(horizon.host_offsets)
        firsts = np.flatnonzero(np.diff(layout.group_segments, prepend=-1))
        offsets = np.searchsorted(layout.moments, np.arange(groups + 1) * len(layout.ends))
        return cls(layout, horizons, np.append(firsts, groups), offsets, masks, rows)

    def row_masks(self) -> Masks:
        """Return the intervals that contain each row."""
        return self.masks[self.layout.moments % len(self.masks)]

    def anomalous(self, column: Floats, limit: float) -> Masks:
        """Return the intervals in which each row of a key metric is anomalous: `anomalous_rows` in each of them."""
        marked, row_masks = np.zeros(len(column), np.uint64), self.row_masks()
        segments = self.offsets[self.segment_groups]
        for first, last in self._blocks():
            rows = slice(segments[first], segments[last])
            bounds = segments[first : last + 1] - rows.start
            order = _order(column[rows], bounds)
            mark_anomalous(column[rows], row_masks[rows], order, bounds, self.rows.shape[1], limit, marked[rows])
        return marked

    def kept_counts(self, anomalous: Masks) -> list[Ints]:
        """Return, for each horizon, the rows of each of its host groups that are not anomalous."""
        kept = -self.rows
        count_masks(anomalous, self.offsets, kept)
        return [-kept[horizon.groups, number] for number, horizon in enumerate(self.horizons)]

    def statistics(self, column: Floats, kept: Masks) -> list[HostAndSegment]:
        """Compute a metric's statistics for each interval, over the rows that are not capped in it."""
        groups, baselines = self.rows.shape
        host = np.full((groups, baselines, STATISTICS), np.nan)
        segment = np.full((len(self.segment_groups) - 1, baselines, STATISTICS), np.nan)
        support = self.rows.copy()
        if not np.isfinite(column).all():
            uncount_missing(column, self.masks, self.layout.moments, self.offsets, support)
        for first, last in self._blocks():
            hosts = self.segment_groups[first : last + 1]
            offsets = self.offsets[hosts[0] : hosts[-1] + 1]
            rows = slice(offsets[0], offsets[-1])
            bounds = self.offsets[hosts] - rows.start
            order = _order(column[rows], bounds)
            described = host[hosts[0] : hosts[-1]], segment[first:last]
            describe_groups(column[rows], kept[rows], order, offsets - rows.start, hosts - hosts[0], *described)
        return [
            _of_horizon(horizon, host[:, number], segment[:, number], support[:, number])
            for number, horizon in enumerate(self.horizons)
        ]

    def _blocks(self) -> Iterator[tuple[int, int]]:
        """Cut the segment groups into runs of about _BLOCK_ROWS rows."""
        starts = self.offsets[self.segment_groups]
        first = 0
        while first < len(starts) - 1:
            last = max(first + 1, int(np.searchsorted(starts, starts[first] + _BLOCK_ROWS)))
            last = min(last, len(starts) - 1)
            yield first, last
            first = last


def _order(values: Floats, bounds: Ints) -> Ints:
    """Return the sort order of the values within each group; the kernel sorts small groups itself."""
    order = np.empty(len(values), np.int64)
    for group in np.flatnonzero(np.diff(bounds) > SMALL_GROUP):
        rows = slice(bounds[group], bounds[group + 1])
        order[rows] = np.argsort(values[rows])
    return order


def _of_horizon(horizon: HorizonLayout, host: Floats, segment: Floats, support: Ints) -> HostAndSegment:
    """Take the groups that have rows in the horizon."""
    hosts, firsts = support[horizon.groups], horizon.segment_groups[:-1]
    segments = np.add.reduceat(hosts, firsts)
    return HostAndSegment(
        MetricStatistics(_order_statistics(host[horizon.groups]), hosts),
        MetricStatistics(_order_statistics(segment[horizon.segments]), segments),
    )


def _order_statistics(described: Floats) -> OrderStatistics:
    columns = np.ascontiguousarray(described.T)
    return OrderStatistics(columns[:-1], columns[-1])
