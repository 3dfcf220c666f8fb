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
    count_disjoint,
    count_masks,
    describe_groups,
    mark_anomalous,
)
from ndr.jobs.fg_b.capping import SPARED_FROM
from ndr.jobs.fg_b.disjoint_windows import window_lengths
from ndr.jobs.fg_b.each_horizon import CappedCounts, Marks
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
        return [np.zeros((2, len(slide.layout.moments)), np.uint64) for slide in self.slides]

    def anomalous(self, column: Floats, limit: float) -> list[Marks]:
        return [slide.anomalous(column, limit) for slide in self.slides]

    def capped(self, marks: list[Marks]) -> CappedSlides:
        return CappedSlides([CappedSlide.of(*each) for each in zip(self.slides, marks, strict=True)])


@dataclass(frozen=True, slots=True)
class CappedSlides:
    """Slides, and the rows that are capped in each."""

    slides: list[CappedSlide]

    @property
    def capped_counts(self) -> list[CappedCounts]:
        return [counts for slide in self.slides for counts in slide.capped_counts]

    def statistics(self, column: Floats, with_zeros: bool) -> list[HostAndSegment]:
        return [found for slide in self.slides for found in slide.statistics(column, with_zeros)]


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

    @property
    def segment_offsets(self) -> Ints:
        """Where each segment group starts among the laid-out rows."""
        return self.offsets[self.segment_groups]

    @property
    def starts(self) -> Ints:
        """Where the rows of each host group in each interval start; 0 where there are none."""
        starts = np.zeros_like(self.rows)
        for number, horizon in enumerate(self.horizons):
            starts[horizon.groups, number] = horizon.run_starts
        return starts

    def row_masks(self) -> Masks:
        """Return the intervals that contain each row."""
        return self.masks[self.layout.moments % len(self.masks)]

    def anomalous(self, column: Floats, limit: float) -> Masks:
        """Return the intervals in which each row of a key metric is anomalous for its host, and for its segment."""
        marked, row_masks = np.zeros((2, len(column)), np.uint64), self.row_masks()
        segments, baselines = self.segment_offsets, self.rows.shape[1]
        for first, last in self.blocks():
            rows = slice(segments[first], segments[last])
            hosts = self.offsets[self.segment_groups[first] : self.segment_groups[last] + 1] - rows.start
            for of_kind, bounds in zip(marked, (hosts, segments[first : last + 1] - rows.start), strict=True):
                order = _order(column[rows], bounds)
                mark_anomalous(column[rows], row_masks[rows], order, bounds, baselines, limit, of_kind[rows])
        return marked

    def zeros(self) -> tuple[Ints, Ints]:
        """Return the published windows without a session of each host group and each segment group, by interval."""
        host, segment = np.zeros_like(self.rows), np.zeros((len(self.segment_groups) - 1, self.rows.shape[1]), np.int64)
        for number, horizon in enumerate(self.horizons):
            host[horizon.groups, number] = horizon.host_zeros
            segment[horizon.segments, number] = horizon.segment_zeros
        return host, segment

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Cut the segment groups into runs of about _BLOCK_ROWS rows."""
        starts = self.offsets[self.segment_groups]
        first = 0
        while first < len(starts) - 1:
            last = max(first + 1, int(np.searchsorted(starts, starts[first] + _BLOCK_ROWS)))
            last = min(last, len(starts) - 1)
            yield first, last
            first = last


@dataclass(frozen=True, slots=True)
class CappedSlide:
    """A slide, and for each of its rows the intervals in which it counts.

    Attributes
    ----------
    masks, host_masks, segment_masks : arrays of (rows,)
        The intervals that contain a row, and those in which it is not capped for its host and for its segment.
    capped_counts : list of CappedCounts
        For each interval.
    support : array of (host groups, intervals)
        Disjoint windows of each host group.
    ends, starts, lengths : arrays of (rows,), (host groups, intervals), (host groups,)
        What disjoint windows are counted by; microseconds.
    """

    slide: Slide
    masks: Masks
    host_masks: Masks
    segment_masks: Masks
    capped_counts: list[CappedCounts]
    support: Ints
    ends: Ints
    starts: Ints
    lengths: Ints

    @classmethod
    def of(cls, slide: Slide, anomalous: Masks) -> CappedSlide:
        masks, ends, starts = slide.row_masks(), slide.layout.row_ends, slide.starts
        segment_rows = np.add.reduceat(slide.rows, slide.segment_groups[:-1])
        by_host, host_counts = _spared(anomalous[0], slide.offsets, slide.rows)
        by_segment, segment_counts = _spared(anomalous[1], slide.segment_offsets, segment_rows)
        counts = [
            CappedCounts(host_counts[horizon.groups, number], segment_counts[horizon.segments, number])
            for number, horizon in enumerate(slide.horizons)
        ]
        lengths = window_lengths(slide.layout.group_keys["window_label"])
        support = np.zeros_like(slide.rows)
        count_disjoint(np.zeros(len(ends)), ends, lengths, starts, starts + slide.rows, support)
        return cls(slide, masks, masks & ~by_host, masks & ~by_segment, counts, support, ends, starts, lengths)

    def statistics(self, column: Floats, with_zeros: bool) -> list[HostAndSegment]:
        """Compute a metric's statistics for each interval, over the rows that are not capped in it."""
        slide = self.slide
        groups, baselines = slide.rows.shape
        host = np.full((groups, baselines, STATISTICS), np.nan)
        segment = np.full((len(slide.segment_groups) - 1, baselines, STATISTICS), np.nan)
        support = self._support(column)
        supports = support, np.add.reduceat(support, slide.segment_groups[:-1])
        zeros = slide.zeros() if with_zeros else tuple(np.full_like(each, -1) for each in supports)
        for first, last in slide.blocks():
            hosts = slide.segment_groups[first : last + 1]
            offsets = slide.offsets[hosts[0] : hosts[-1] + 1]
            rows, chosen = slice(offsets[0], offsets[-1]), (slice(hosts[0], hosts[-1]), slice(first, last))
            order = _order(column[rows], slide.offsets[hosts] - rows.start)
            described = [
                each[of] for pair in (supports, zeros, (host, segment)) for each, of in zip(pair, chosen, strict=True)
            ]
            masks = self.masks[rows], self.host_masks[rows], self.segment_masks[rows]
            describe_groups(column[rows], *masks, order, offsets - rows.start, hosts - hosts[0], *described)
        return [
            _of_horizon(horizon, host[:, number], segment[:, number], support[:, number], with_zeros)
            for number, horizon in enumerate(slide.horizons)
        ]

    def _support(self, column: Floats) -> Ints:
        if np.isfinite(column).all():
            return self.support
        support = np.zeros_like(self.support)
        count_disjoint(column, self.ends, self.lengths, self.starts, self.starts + self.slide.rows, support)
        return support


def _spared(anomalous: Masks, offsets: Ints, rows: Ints) -> tuple[Masks, Ints]:
    """Return the anomalous rows of the groups that do not lose too many of their `rows`, and how many these are."""
    counts = np.zeros_like(rows)
    count_masks(anomalous, offsets, counts)
    is_spared = counts * SPARED_FROM > rows
    bits = np.uint64(1) << np.arange(rows.shape[1], dtype=np.uint64)
    spared = np.where(is_spared, bits, np.uint64(0)).sum(axis=1, dtype=np.uint64)
    return anomalous & ~np.repeat(spared, np.diff(offsets)), np.where(is_spared, 0, counts)


def _order(values: Floats, bounds: Ints) -> Ints:
    """Return the sort order of the values within each group; the kernel sorts small groups itself."""
    order = np.empty(len(values), np.int64)
    for group in np.flatnonzero(np.diff(bounds) > SMALL_GROUP):
        rows = slice(bounds[group], bounds[group + 1])
        order[rows] = np.argsort(values[rows])
    return order


def _of_horizon(
    horizon: HorizonLayout, host: Floats, segment: Floats, support: Ints, with_zeros: bool
) -> HostAndSegment:
    """Take the groups that have rows in the horizon."""
    hosts = support[horizon.groups]
    return HostAndSegment(
        MetricStatistics(_order_statistics(host[horizon.groups], with_zeros), hosts),
        MetricStatistics(_order_statistics(segment[horizon.segments], with_zeros), horizon.per_segment(hosts)),
    )


def _order_statistics(described: Floats, with_zeros: bool) -> OrderStatistics:
    *percentiles, mad, p95_all = np.ascontiguousarray(described.T)
    return OrderStatistics(np.array(percentiles), mad, p95_all if with_zeros else None)
