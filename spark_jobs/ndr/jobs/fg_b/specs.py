"""The JobSpecs that baselines and their rules come from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import SLICE, WINDOWS, Interval, slice_number
from ndr.jobs.fg_a.business_time import calendar_columns
from ndr.jobs.fg_b.baseline import Baseline, PairRules, StatisticsRules
from ndr.jobs.fg_b.targets import Target


@dataclass(frozen=True)
class BaselineSpecs:
    """The JobSpecs of the job: its own, FG-A's for the time bands, the name prefixes of VDI machines, the networks."""

    fg_b: FgBBuilderSpec
    fg_a: FgABuilderSpec
    non_persistent_prefixes: tuple[str, ...] = ()
    networks: Networks = field(default_factory=Networks)

    @property
    def statistics_rules(self) -> StatisticsRules:
        return StatisticsRules(
            metrics=self.fg_b.metrics,
            key_metrics=self.fg_b.capping.key_metrics,
            capping_limit=self.fg_b.capping.threshold,
            support_min={window: self.fg_b.least_support(window) for window in WINDOWS},
            networks=self.networks,
        )

    def interval(self, target: Target) -> Interval:
        """Return the time that the baseline of a target summarizes."""
        return self.fg_b.interval(target.horizon, target.end)

    def baseline(self, target: Target, published: Sequence[Interval]) -> Baseline:
        """Return the baseline of a target, with the number of published window ends in each time band.

        Parameters
        ----------
        published : sequence of Interval
            The time for which FG-A is published and flows were delivered, also before the horizon.
        """
        interval = self.interval(target)
        ends = published_ends(interval, published, self.fg_a.calendar, self.fg_a.windows)
        return Baseline(target.horizon, interval, ends, named_end=target.end)

    @property
    def pair_rules(self) -> PairRules:
        return PairRules(
            max_active_days=self.fg_b.rarity.max_active_days,
            max_prevalence=self.fg_b.rarity.max_prevalence,
            min_hosts=self.fg_b.rarity.min_hosts,
            networks=self.networks,
        )


def published_ends(
    interval: Interval, published: Sequence[Interval], calendar: Calendar, windows: Iterable[str]
) -> dict[tuple[str, str], int]:
    """Return, for each (time_band, window_label), the window ends in `interval` whose whole window is published.

    That is what a host has that is always active. A window that starts before `interval` counts too.
    """
    lengths = {window: WINDOWS[window] // SLICE for window in windows}
    first, last = (slice_number(instant) for instant in (interval.start, interval.end))
    before = max(lengths.values())
    is_published = np.zeros(last - first + before, bool)
    for part in published:
        start, end = (max(slice_number(instant) - first + before, 0) for instant in (part.start, part.end))
        is_published[start:end] = True
    # How many slices up to each one are published without a gap.
    places = np.arange(1, len(is_published) + 1)
    in_a_row = (places - np.maximum.accumulate(np.where(is_published, 0, places)))[before:]
    bands = np.array(calendar_columns(np.arange(first + 1, last + 1), calendar)["time_band"].to_pylist(), object)
    return {
        (band, window): int(np.count_nonzero((bands == band) & (in_a_row >= length)))
        for band in calendar.band_names
        for window, length in lengths.items()
    }
