"""What a host and segment baseline is computed over, and by which rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.segment import Segment
from ndr.contract.time import Interval


@dataclass(frozen=True, slots=True)
class StatisticsRules:
    """The rules that every horizon shares.

    Attributes
    ----------
    metrics : tuple of str
        Metric columns of FG-A, in output order.
    key_metrics : tuple of str
        Those of them that anomaly capping looks at.
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
        strangers = [name for name in self.key_metrics if name not in self.metrics]
        if strangers:
            raise InvalidRequestError(
                f"Key metrics {strangers} are not among the metrics {list(self.metrics)}: add them to metrics."
            )
        if len(set(self.metrics)) != len(self.metrics):
            raise InvalidRequestError(f"The metrics {list(self.metrics)} name one twice: name each once.")


@dataclass(frozen=True, slots=True)
class BaselineWindow:
    """One baseline to build: its horizon's label, its interval, and how many window ends the interval holds.

    Attributes
    ----------
    label : str
        `7d` or `30d`.
    interval : Interval
        [end - horizon, end). A row belongs to it when its window_end t has start < t <= end: its last slice is inside.
    expected_ends : mapping of (time_band, window_label) to int
        Window ends that the interval has for a host that is always active; active_ratio divides by it. Pairs
        need none.
    """

    label: str
    interval: Interval
    expected_ends: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def end(self) -> datetime:
        return self.interval.end
