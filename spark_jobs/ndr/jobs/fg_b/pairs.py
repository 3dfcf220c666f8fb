"""Pair baselines: how often, how long and how widely each (source, destination, port) has been seen in a horizon.

Three steps, so that a job can be cut by source segment: `PairRows.sums` of each part, `destination_hosts` of all
parts' sums (small), `pair_baselines` of each part with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT
from ndr.contract.time import DAY
from ndr.jobs.fg_b.baseline import Baseline, PairRules
from ndr.store.schema import arrow_schema


@dataclass(frozen=True, slots=True)
class Prevalence:
    """How widely destinations are contacted.

    Attributes
    ----------
    destinations : pa.Table
        dst_ip, and `hosts`: the distinct sources that contacted it.
    active_hosts : int
        Distinct sources of any flow.
    """

    destinations: pa.Table
    active_hosts: int


@dataclass(frozen=True, slots=True)
class PairBaselines:
    """Pair baselines by source host and by source segment."""

    host: pa.Table
    segment: pa.Table


def destination_hosts(sums: Iterable[pa.Table]) -> Prevalence:
    """Count the sources of each destination over the pair sums of all parts of the network.

    Each source must be in one part only, because the counts are added up.
    """
    counts = []
    active = 0
    for part in sums:
        source, destination = (part[name].combine_chunks() for name in ("src_ip", "dst_ip"))
        # Rows are in the order of source and destination: a new one of either is a new contact.
        codes = [column.indices.to_numpy() for column in (source, destination)]
        new_source, new_destination = (np.diff(each, prepend=-1) != 0 for each in codes)
        hosts = np.bincount(codes[1][new_source | new_destination], minlength=len(destination.dictionary))
        counts.append(pa.table({"dst_ip": destination.dictionary, "hosts": hosts}).filter(hosts > 0))
        active += int(np.count_nonzero(new_source))
    empty = pa.table({"dst_ip": pa.array([], pa.string()), "hosts": pa.array([], pa.int64())})
    merged = pa.concat_tables([empty, *counts])
    if len(counts) > 1:
        merged = merged.group_by("dst_ip").aggregate([("hosts", "sum")]).rename_columns(["dst_ip", "hosts"])
    return Prevalence(merged.sort_by("dst_ip"), active)


def pair_baselines(
    sums: pa.Table, segment_sums: pa.Table, prevalence: Prevalence, baseline: Baseline, rules: PairRules
) -> PairBaselines:
    """Turn pair sums into the pair baselines of source hosts and of source segments.

    Parameters
    ----------
    sums, segment_sums : pa.Table
        From `PairRows.sums` over the baseline's interval: of source hosts, and of whole segments.
    prevalence : Prevalence
        From `destination_hosts` over the whole network.

    Notes
    -----
    pair_rarity_score is the inverse document frequency of the pair over the days of the horizon (Spärck Jones 1972:
    log(days / active days)), divided by its largest value, log(days): 1 for a pair seen on one day, 0 for one seen
    every day. dst_prevalence says how common the destination is, and is a column of its own.
    """
    return PairBaselines(
        host=_judged(sums, prevalence, baseline, rules)
        .select(FG_B_PAIR_HOST.column_names)
        .cast(arrow_schema(FG_B_PAIR_HOST)),
        segment=_judged(segment_sums, prevalence, baseline, rules)
        .select(FG_B_PAIR_SEGMENT.column_names)
        .cast(arrow_schema(FG_B_PAIR_SEGMENT)),
    )


def _judged(sums: pa.Table, prevalence: Prevalence, baseline: Baseline, rules: PairRules) -> pa.Table:
    """Add the columns derived from the sums: days, daily average, rarity and prevalence."""
    days = baseline.interval.duration / DAY
    active_days = np.bitwise_count(sums["active_days_mask"].to_numpy()).astype(np.int64)
    share = _hosts(sums["dst_ip"].combine_chunks(), prevalence) / max(prevalence.active_hosts, 1)
    rare = (active_days <= rules.max_active_days) & (share <= rules.max_prevalence)
    added = {
        "baseline_horizon": pa.repeat(baseline.label, len(sums)),
        "baseline_end": pa.repeat(pa.scalar(baseline.end, pa.timestamp("us", "UTC")), len(sums)),
        "active_days": pa.array(active_days),
        "pair_daily_avg": pa.array(sums["pair_seen_count"].to_numpy() / days),
        "pair_rarity_score": pa.array(_rarity(days)[active_days]),
        "dst_prevalence": pa.array(share),
        "is_rare_pair": pa.array(rare),
    }
    times = {
        name: sums[name].cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        for name in ("first_seen", "last_seen")
    }
    kept = {name: sums[name] for name in sums.column_names if name not in times}
    return pa.table(kept | times | added)


def _hosts(destinations: pa.DictionaryArray, prevalence: Prevalence) -> NDArray[np.int64]:
    """Return how many hosts contact each row's destination."""
    known = prevalence.destinations
    places = pc.index_in(destinations.dictionary, known["dst_ip"].combine_chunks())
    hosts = pc.fill_null(pc.take(known["hosts"], places), 0).to_numpy()
    of_row: NDArray[np.int64] = hosts[destinations.indices.to_numpy()]
    return of_row


def _rarity(days: float) -> NDArray[np.float64]:
    """Return the rarity of a pair by its active days, which are bits of a mask."""
    active_days = np.arange(1, 65)
    # A horizon that does not start at midnight touches one UTC day more than it lasts, hence the maximum with 0.
    rarity = np.maximum(0.0, np.log(days / active_days) / log(days)) if days > 1 else np.ones(64)
    return np.concatenate(([np.nan], rarity))
