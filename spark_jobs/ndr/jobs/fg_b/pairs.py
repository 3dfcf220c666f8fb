"""Pair baselines: how often, how long, how widely and how regularly each (source, destination, port) has been seen.

Three steps, so that a job can be cut by source segment: `PairRows.sums` of each part, `destination_hosts` of all
parts' sums (small), `pair_baselines` of each part with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT
from ndr.contract.networks import NetworkLists
from ndr.contract.time import SLICES_PER_DAY
from ndr.jobs.fg_b.baseline import Baseline, PairRules
from ndr.jobs.host_identity.host_keys import are_internal
from ndr.store.schema import CODED, arrow_schema

_PORTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Prevalence:
    """How widely destinations are contacted.

    Attributes
    ----------
    destinations : pa.Table
        dst_ip, dst_port, and `hosts`: the distinct internal hosts that contacted it; one or more.
    active_hosts : int
        Distinct internal hosts that opened a flow.
    """

    destinations: pa.Table
    active_hosts: int


@dataclass(frozen=True, slots=True)
class PairBaselines:
    """Pair baselines by source host and by source segment."""

    host: pa.Table
    segment: pa.Table


def destination_hosts(sums: Iterable[pa.Table], networks: NetworkLists) -> Prevalence:
    """Count the internal sources of each (destination, port) over the pair sums of all parts of the network.

    Each source must be in one part only, because the counts are added up.
    """
    counts = [_NO_DESTINATIONS]
    active = 0
    for part in sums:
        source, destination = (part[name].combine_chunks() for name in ("src_ip", "dst_ip"))
        internal = are_internal(source.dictionary, networks)[source.indices.to_numpy()]
        # Every row is another pair: each is one more source of its (destination, port).
        keys, hosts = np.unique(_key(destination, part["dst_port"])[internal], return_counts=True)
        texts = pa.DictionaryArray.from_arrays(pa.array(keys // _PORTS, pa.int32()), destination.dictionary)
        counts.append(pa.table([texts, keys % _PORTS, hosts], _NO_DESTINATIONS.column_names))
        active += len(np.unique(source.indices.to_numpy()[internal]))
    merged = pa.concat_tables(counts).unify_dictionaries()
    if len(counts) > 2:
        grouped = merged.group_by(["dst_ip", "dst_port"]).aggregate([("hosts", "sum")])
        merged = grouped.rename_columns(merged.column_names)
    return Prevalence(merged.combine_chunks(), active)


_NO_DESTINATIONS = pa.table(
    {"dst_ip": pa.array([], CODED), "dst_port": pa.array([], pa.int64()), "hosts": pa.array([], pa.int64())}
)


def _key(destination: pa.DictionaryArray, port: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return one number for a (destination, port): the destination's code and the port."""
    key: NDArray[np.int64] = destination.indices.to_numpy().astype(np.int64) * _PORTS + port.to_numpy()
    return key


def pair_baselines(
    sums: pa.Table,
    regularity: pa.Table,
    segment_sums: pa.Table,
    prevalence: Prevalence,
    baseline: Baseline,
    rules: PairRules,
) -> PairBaselines:
    """Turn pair sums into the pair baselines of source hosts and of source segments.

    Parameters
    ----------
    sums, segment_sums : pa.Table
        From `PairRows.sums` over the baseline's interval: of source hosts, and of whole segments.
    regularity : pa.Table
        From `PairRows.regularity` over the same interval, of source hosts.
    prevalence : Prevalence
        From `destination_hosts` over the whole network.

    Notes
    -----
    pair_rarity_score is the inverse document frequency of the pair over the published days (Spärck Jones 1972:
    log(days / active days)), divided by its largest value, log(days): 1 for a pair seen on one day, 0 for one seen
    every day that is published. dst_prevalence says how common the (destination, port) is among the internal hosts
    that opened a flow. A pair is rare by both, if there are enough of these hosts to tell.
    """
    hosts = _judged(sums, prevalence, baseline, rules)
    for name in regularity.column_names:
        hosts = hosts.append_column(name, regularity[name])
    segments = _judged(segment_sums, prevalence, baseline, rules)
    return PairBaselines(
        host=hosts.select(FG_B_PAIR_HOST.column_names).cast(arrow_schema(FG_B_PAIR_HOST)),
        segment=segments.select(FG_B_PAIR_SEGMENT.column_names).cast(arrow_schema(FG_B_PAIR_SEGMENT)),
    )


def _judged(sums: pa.Table, prevalence: Prevalence, baseline: Baseline, rules: PairRules) -> pa.Table:
    """Add the columns derived from the sums: days, daily average, rarity and prevalence."""
    published, active = baseline.pair_time, prevalence.active_hosts
    active_days = np.bitwise_count(sums["active_days_mask"].to_numpy()).astype(np.int64)
    hosts = _hosts(sums, prevalence)
    share = hosts / max(active, 1)
    rare = (active_days <= rules.max_active_days) & (share <= rules.max_prevalence) & (active >= rules.min_hosts)
    added = {
        "baseline_horizon": pa.repeat(baseline.label, len(sums)),
        "baseline_end": pa.repeat(pa.scalar(baseline.end, pa.timestamp("us", "UTC")), len(sums)),
        "pair_seen_count": sums["sessions_cnt"],
        "active_days": pa.array(active_days),
        "published_days": pa.repeat(published.days, len(sums)),
        "pair_daily_avg": pa.array(sums["sessions_cnt"].to_numpy() * (SLICES_PER_DAY / max(published.count, 1))),
        "pair_rarity_score": pa.array(_rarity(published.days)[active_days]),
        "dst_prevalence": pa.array(share),
        "prevalence_hosts_cnt": pa.array(hosts),
        "active_hosts_cnt": pa.repeat(active, len(sums)),
        "is_rare_pair": pa.array(rare),
    }
    times = {
        name: sums[name].cast(pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
        for name in ("first_seen", "last_seen")
    }
    kept = {name: sums[name] for name in sums.column_names if name not in times}
    return pa.table(kept | times | added)


def _hosts(sums: pa.Table, prevalence: Prevalence) -> NDArray[np.int64]:
    """Return how many internal hosts contact each row's (destination, port)."""
    known, destination = prevalence.destinations, sums["dst_ip"].combine_chunks()
    texts = known["dst_ip"].combine_chunks()
    keys = _key(texts, known["dst_port"])
    hosts = known["hosts"].to_numpy()
    if not texts.dictionary.equals(destination.dictionary):
        code = pc.fill_null(pc.index_in(texts.dictionary, destination.dictionary), -1).to_numpy().astype(np.int64)
        code = code[texts.indices.to_numpy()]
        keys, hosts = (code * _PORTS + keys % _PORTS)[code >= 0], hosts[code >= 0]
    if np.any(keys[1:] < keys[:-1]):
        order = np.argsort(keys)
        keys, hosts = keys[order], hosts[order]
    wanted = _key(destination, sums["dst_port"])
    place = np.searchsorted(keys, wanted)
    keys, hosts = np.append(keys, -1), np.append(hosts, 0)
    of_row: NDArray[np.int64] = np.where(keys[place] == wanted, hosts[place], 0)
    return of_row


def _rarity(days: int) -> NDArray[np.float64]:
    """Return the rarity of a pair by its active days, which are bits of a mask; nothing is rare on a single day."""
    active_days = np.arange(1, 65)
    rarity = np.maximum(0.0, np.log(days / active_days) / np.log(days)) if days > 1 else np.zeros(64)
    return np.concatenate(([np.nan], rarity))
