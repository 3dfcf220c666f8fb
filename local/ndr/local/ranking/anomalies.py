"""The anomaly ranking of a day, with notes on the hosts and pairs that it covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pyarrow.compute as pc

from ndr.contract.jobspecs import JobSpecs
from ndr.contract.time import Interval
from ndr.local.ranking.hosts import rank_hosts
from ndr.local.ranking.pairs import rank_pairs
from ndr.local.ranking.published import Published


@dataclass(frozen=True, slots=True)
class HostAnomaly:
    """A host and its highest-scoring value of the day; `by_segment` tells that the segment's baseline was used."""

    host_ip: str
    machine_name: str | None
    role: str
    window_label: str
    window_end: datetime
    metric: str
    value: float
    median: float
    score: float
    by_segment: bool


@dataclass(frozen=True, slots=True)
class PairAnomaly:
    """A rare pair and its score against usual pairs; `measured_by` names their scope: source, segment or all.

    `usual` is the median of `measure` (sessions, or bytes in both directions) over the usual pair-days.
    """

    src_ip: str
    dst_ip: str
    dst_port: int
    machine_name: str | None
    sessions_cnt: int
    bytes_sum: int
    measure: Literal["sessions", "bytes"]
    usual: float
    score: float
    measured_by: Literal["source", "segment", "all"]
    active_days: int
    dst_prevalence: float


@dataclass(frozen=True, slots=True)
class AnomalyRanking:
    """The ranking of a day against the baseline that ends at `baseline_end`; `notes` are sentences for the reader."""

    day: Interval
    horizon: str
    baseline_end: datetime
    hosts: tuple[HostAnomaly, ...]
    pairs: tuple[PairAnomaly, ...]
    notes: tuple[str, ...]


def rank_anomalies(jobspecs: JobSpecs, count: int = 10) -> AnomalyRanking:
    """Rank the hosts and the rare pairs of the newest published day.

    Parameters
    ----------
    jobspecs : mapping
        The checked set. It names the prefixes of FG-A, pair counts and baselines.
    count : int
        Maximum number of rows in each ranking.

    Raises
    ------
    InsufficientHistoryError
        No FG-A or no baseline is published yet.
    """
    published = Published.of(jobspecs)
    names = published.baseline_rows("ip_metadata", ["machine_name"])["machine_name"]
    has_inventory = bool(pc.any(names.is_valid()).as_py())
    hosts, seen, scored = rank_hosts(published, has_inventory, count)
    pairs, pairs_seen, rare = rank_pairs(published, count)
    scope = "in segments with a machine of the inventory" if has_inventory else "seen (the inventory names none)"
    notes = (
        f"{seen:,} hosts {scope}; {seen - scored:,} of them have too little history for a score.",
        f"{pairs_seen:,} pairs on the day, {rare:,} of them rare. A score below 0 means less than usual.",
    )
    return AnomalyRanking(
        day=published.day,
        horizon=published.horizon,
        baseline_end=published.baseline.manifest.end,
        hosts=tuple(HostAnomaly(**row) for row in hosts),
        pairs=tuple(PairAnomaly(**row) for row in pairs),
        notes=notes,
    )
