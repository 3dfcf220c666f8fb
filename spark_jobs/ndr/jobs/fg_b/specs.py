"""What the FG-B builder is told by JobSpecs, as its kernels take it."""

from __future__ import annotations

from dataclasses import dataclass

from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.jobs.fg_b.expected_ends import expected_ends
from ndr.jobs.fg_b.pairs import PairRules
from ndr.jobs.fg_b.request import BaselineWindow, StatisticsRules
from ndr.jobs.fg_b.targets import Target


@dataclass(frozen=True)
class BaselineSpecs:
    """What the job is told: its own spec, the FG-A spec whose time bands it counts, and the VDI name prefixes."""

    fg_b: FgBBuilderSpec
    fg_a: FgABuilderSpec
    non_persistent_prefixes: tuple[str, ...] = ()

    @property
    def statistics_rules(self) -> StatisticsRules:
        return StatisticsRules(
            metrics=self.fg_b.metrics,
            key_metrics=self.fg_b.capping.key_metrics,
            capping_limit=self.fg_b.capping.threshold,
            support_min=self.fg_b.support_min,
            segment=self.fg_b.segment,
        )

    def window(self, target: Target) -> BaselineWindow:
        """Return a target as the kernels take it, with the window ends that its time bands have."""
        expected = expected_ends(target.interval, self.fg_a.business_hours, self.fg_a.windows)
        return BaselineWindow(target.horizon, target.interval, expected)

    @property
    def pair_rules(self) -> PairRules:
        return PairRules(
            max_active_days=self.fg_b.rarity.max_active_days,
            max_prevalence=self.fg_b.rarity.max_prevalence,
            segment=self.fg_b.segment,
        )
