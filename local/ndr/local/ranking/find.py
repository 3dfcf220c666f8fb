"""Find what stands out, with the sentences that a reader needs to judge the ranking."""

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
class HostStandout:
    """A host and the value of its day that lies farthest from the baseline; `by_segment` says whose baseline."""

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
class PairStandout:
    """A rare pair and how much more it did than usual pairs; `measured_by` says whose: source, segment or all.

    `usual` is the median of `measure` (sessions, or bytes both ways) over the usual pair-days.
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
class Standouts:
    """The ranking of a day against the baseline that ends at `baseline_end`; `notes` are sentences about it."""

    day: Interval
    horizon: str
    baseline_end: datetime
    hosts: tuple[HostStandout, ...]
    pairs: tuple[PairStandout, ...]
    notes: tuple[str, ...]


def find_standouts(jobspecs: JobSpecs, count: int = 10) -> Standouts:
    """Rank the hosts and the rare pairs of the newest published day.

    Parameters
    ----------
    jobspecs : mapping
        The checked set; it names where FG-A, pair counts and baselines are published.
    count : int
        Rows of each ranking.

    Raises
    ------
    InsufficientHistoryError
        Nothing, or no baseline, is published yet.
    """
    published = Published.of(jobspecs)
    names = published.baseline_rows("ip_metadata", ["machine_name"])["machine_name"]
    has_inventory = bool(pc.any(names.is_valid()).as_py())
    hosts, seen, judged = rank_hosts(published, has_inventory, count)
    pairs, pairs_seen, rare = rank_pairs(published, count)
    whose = "in segments where the inventory knows a machine" if has_inventory else "seen (the inventory names none)"
    notes = (
        f"{seen:,} hosts {whose}; {seen - judged:,} of them have too little history to be judged.",
        f"{pairs_seen:,} pairs on the day, {rare:,} of them rare; a score below 0 is less than usual.",
    )
    return Standouts(
        day=published.day,
        horizon=published.horizon,
        baseline_end=published.baseline.manifest.end,
        hosts=tuple(HostStandout(**row) for row in hosts),
        pairs=tuple(PairStandout(**row) for row in pairs),
        notes=notes,
    )
