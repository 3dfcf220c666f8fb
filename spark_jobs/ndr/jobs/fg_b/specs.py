"""The rules of baselines, and the JobSpecs that they come from."""

from __future__ import annotations

from dataclasses import dataclass, field

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.fg_b_builder import FgBBuilderSpec
from ndr.contract.jobspecs.segment import Segment
from ndr.jobs.fg_b.baseline import Baseline, expected_ends
from ndr.jobs.fg_b.targets import Target


@dataclass(frozen=True, slots=True)
class StatisticsRules:
    """The rules that every horizon shares.

    Attributes
    ----------
    metrics : tuple of str
        Metric columns of FG-A, in output order.
    key_metrics : tuple of str
        Those of them that anomaly capping uses.
    capping_limit : float
        A row is capped when |x - median| / MAD of its segment exceeds this for any key metric.
    support_min : int
        A metric with fewer values than this is a cold start.
    segment : Segment
        Prefix lengths of a segment.

    Raises
    ------
    InvalidRequestError
        A key metric is not among the metrics, or a metric is named twice.
    """

    metrics: tuple[str, ...]
    key_metrics: tuple[str, ...]
    capping_limit: float = 6.0
    support_min: int = 50
    segment: Segment = field(default_factory=Segment)

    def __post_init__(self) -> None:
        unknown = [name for name in self.key_metrics if name not in self.metrics]
        if unknown:
            raise InvalidRequestError(
                f"Key metrics {unknown} are not among the metrics {list(self.metrics)}: add them to metrics."
            )
        if len(set(self.metrics)) != len(self.metrics):
            raise InvalidRequestError(f"The metrics {list(self.metrics)} name one twice: name each once.")


@dataclass(frozen=True, slots=True)
class PairRules:
    """A pair is rare when active on at most `max_active_days` days, and its destination contacted by at most a share
    `max_prevalence` of the active hosts. `segment` holds the prefix lengths of a segment."""

    max_active_days: int = 2
    max_prevalence: float = 0.1
    segment: Segment = field(default_factory=Segment)


@dataclass(frozen=True)
class BaselineSpecs:
    """The JobSpecs of the job: its own, the FG-A spec for the time bands, and the name prefixes of VDI machines."""

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

    def baseline(self, target: Target) -> Baseline:
        """Return the baseline of a target, with the expected number of window ends in each time band."""
        expected = expected_ends(target.interval, self.fg_a.business_hours, self.fg_a.windows)
        return Baseline(target.horizon, target.interval, expected)

    @property
    def pair_rules(self) -> PairRules:
        return PairRules(
            max_active_days=self.fg_b.rarity.max_active_days,
            max_prevalence=self.fg_b.rarity.max_prevalence,
            segment=self.fg_b.segment,
        )
