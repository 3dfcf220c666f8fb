"""A baseline to build, and the rules that all baselines share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ndr.contract.datasets import COUNTS_AND_SUMS
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
        The horizon. A row belongs to it when start < window_end <= end: its last slice lies inside.
    published_ends : mapping of (time_band, window_label) to int
        Window ends in the interval whose whole window is published: what a host that is always active has, and the
        denominator of active_ratio. Empty for pair baselines.
    pairs_published : PublishedSlices, optional
        The slices of the interval for which pair counts are published; all of them when left out.
    named_end : datetime, optional
        The end that names the baseline, where its interval stops earlier by the safety gap.
    """

    label: str
    interval: Interval
    published_ends: Mapping[tuple[str, str], int] = field(default_factory=dict)
    pairs_published: PublishedSlices | None = None
    named_end: datetime | None = None

    @property
    def pair_time(self) -> PublishedSlices:
        """The published time that the pair baselines refer to."""
        return self.pairs_published or PublishedSlices.of([self.interval], self.interval)

    @property
    def end(self) -> datetime:
        """The end that names the baseline: its column baseline_end."""
        return self.named_end or self.interval.end

    def published(self, time_bands: Sequence[str], window_labels: Sequence[str]) -> NDArray[np.int64]:
        """Return the published window ends of groups, by their time bands and windows.

        Raises
        ------
        InvalidRequestError
            `published_ends` lacks a (time_band, window_label).
        """
        groups = list(zip(time_bands, window_labels, strict=True))
        missing = sorted(set(groups) - set(self.published_ends))
        if missing:
            raise InvalidRequestError(
                f"FG-A has rows of the time bands and windows {missing}, which its JobSpec does not name: after a "
                f"change of calendar.bands or windows, rebuild FG-A over the horizon {self.label}."
            )
        return np.array([self.published_ends[group] for group in groups], np.int64)


def span_of(baselines: Sequence[Baseline]) -> Interval:
    """Return the time from the first start to the last end of the intervals of baselines, of which there is one."""
    intervals = [each.interval for each in baselines]
    return Interval(min(each.start for each in intervals), max(each.end for each in intervals))


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
        A row is capped when |x - median| / MAD of its group exceeds this for any key metric.
    support_min : int or mapping of window_label to int
        A metric with fewer disjoint windows than this is a cold start.
    networks : NetworkLists
        The internal hosts, which alone have baselines, and their segments.
    hosts_are_machines : bool
        Hosts are keys of machines; see `ndr.jobs.fg_b.machine_hosts`.
    counts_and_sums : frozenset of str
        The metrics that are 0 in a window without a session: they have a p95 over all published windows.

    Raises
    ------
    InvalidRequestError
        A key metric is not among the metrics, or a metric is named twice.
    """

    metrics: tuple[str, ...]
    key_metrics: tuple[str, ...]
    capping_limit: float = 6.0
    support_min: int | Mapping[str, int] = 50
    networks: NetworkLists = field(default_factory=DefaultNetworks)
    hosts_are_machines: bool = False
    counts_and_sums: frozenset[str] = COUNTS_AND_SUMS

    @property
    def networks_of_hosts(self) -> NetworkLists | None:
        """The networks that tell what hosts are; None where they are keys of machines."""
        return None if self.hosts_are_machines else self.networks

    def least_support(self, window_labels: Sequence[str]) -> NDArray[np.int64]:
        """Return the support below which a group is a cold start, by the windows of the groups."""
        least = self.support_min
        if isinstance(least, int):
            return np.full(len(window_labels), least, np.int64)
        return np.array([least[label] for label in window_labels], np.int64)

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
