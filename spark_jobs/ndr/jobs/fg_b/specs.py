"""The JobSpecs that baselines and their rules come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from ndr.contract.jobspecs.calendar import Calendar
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import Interval, slice_number
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
            support_min=self.fg_b.support_min,
            networks=self.networks,
        )

    def baseline(self, target: Target) -> Baseline:
        """Return the baseline of a target, with the expected number of window ends in each time band."""
        expected = expected_ends(target.interval, self.fg_a.calendar, self.fg_a.windows)
        return Baseline(target.horizon, target.interval, expected)

    @property
    def pair_rules(self) -> PairRules:
        return PairRules(
            max_active_days=self.fg_b.rarity.max_active_days,
            max_prevalence=self.fg_b.rarity.max_prevalence,
            min_hosts=self.fg_b.rarity.min_hosts,
            networks=self.networks,
        )


def expected_ends(interval: Interval, calendar: Calendar, windows: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return, for each (time_band, window_label), the window ends of an always active host in `interval`.

    A window of any length ends with every slice, so the count depends on the band alone.
    """
    first, last = (slice_number(instant) for instant in (interval.start, interval.end))
    bands = Counter(calendar_columns(np.arange(first + 1, last + 1), calendar)["time_band"].to_pylist())
    return {(band, window): bands[band] for band in calendar.band_names for window in windows}
