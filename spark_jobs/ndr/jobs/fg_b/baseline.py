"""A baseline to build, and the rules that all baselines share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ndr.contract.errors import InvalidRequestError
from ndr.contract.networks import DefaultNetworks, NetworkLists
from ndr.contract.time import Interval
from ndr.jobs.published_slices import PublishedSlices

if TYPE_CHECKING:
    import pyarrow as pa

    from ndr.store.publish import PartitionWriter


@dataclass(frozen=True, slots=True)
class Baseline:
    """One baseline to build: its horizon's label, its interval, and how many window ends the interval holds.

    Attributes
    ----------
    label : str
        `7d` or `30d`.
    interval : Interval
        [end - horizon, end). A row belongs to it when start < window_end <= end: its last slice lies inside.
    expected_ends : mapping of (time_band, window_label) to int
        Window ends in the interval of a host that is always active, the denominator of active_ratio. Empty for pair
        baselines.
    pairs_published : PublishedSlices, optional
        The slices of the interval for which pair counts are published; all of them when left out.
    """

    label: str
    interval: Interval
    expected_ends: Mapping[tuple[str, str], int] = field(default_factory=dict)
    pairs_published: PublishedSlices | None = None

    @property
    def pair_time(self) -> PublishedSlices:
        """The published time that the pair baselines refer to."""
        return self.pairs_published or PublishedSlices.of([self.interval], self.interval)

    @property
    def end(self) -> datetime:
        return self.interval.end


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
    networks : NetworkLists
        The internal hosts, which alone have baselines, and their segments.

    Raises
    ------
    InvalidRequestError
        A key metric is not among the metrics, or a metric is named twice.
    """

    metrics: tuple[str, ...]
    key_metrics: tuple[str, ...]
    capping_limit: float = 6.0
    support_min: int = 50
    networks: NetworkLists = field(default_factory=DefaultNetworks)

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
    """A pair is rare when active on at most `max_active_days` days, and its (destination, port) contacted by at most a
    share `max_prevalence` of the active internal hosts, of which there are `min_hosts` or more. `networks` tells
    internal hosts and segments."""

    max_active_days: int = 2
    max_prevalence: float = 0.1
    min_hosts: int = 5
    networks: NetworkLists = field(default_factory=DefaultNetworks)


@dataclass(frozen=True)
class BaselineJob:
    """One baseline as a unit of work, with the machines (ip_address, machine_name) known at its end and the writer of
    its partition."""

    baseline: Baseline
    machines: pa.Table
    writer: PartitionWriter
