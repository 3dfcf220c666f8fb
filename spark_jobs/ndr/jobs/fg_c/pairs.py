"""Pairs of the last 24 hours that are new, rare or regular, with their volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import FG_C_PAIRS, REGULARITY
from ndr.contract.time import DAY, SLICE, Interval, microseconds
from ndr.contract.wording import counted
from ndr.jobs.fg_c.sentences import amounts
from ndr.jobs.host_identity.pair_hosts import one_row_a_slice
from ndr.jobs.published_slices import PublishedSlices
from ndr.jobs.regularity import PairScoreRules, pair_regularity, pair_scores
from ndr.jobs.regularity.scores import BASELINE_SUFFIX
from ndr.store.schema import ARROW_TYPES, arrow_schema

PAIR: Final = ["src_ip", "dst_ip", "dst_port"]
_NAMES: Final = tuple(column.name for column in REGULARITY)
_RARITY: Final = {"active_days": pa.int64(), "pair_rarity_score": pa.float64(), "is_rare_pair": pa.bool_()}
_PREVALENCE: Final = {"prevalence_hosts_cnt": pa.int64(), "active_hosts_cnt": pa.int64()}
KNOWN: Final = (*PAIR, *_RARITY, *_PREVALENCE, *_NAMES)
"""What is read of a pair baseline."""
COUNTED: Final = (*PAIR, "slice_start", "sessions_cnt", "allow_cnt", "src_bytes_sum", "dst_bytes_sum")
"""What is read of pair counts."""
SOURCE_ADDRESS: Final = "source_address"
"""Column of pair counts whose sources are keys of hosts that are machines: the address of the source."""


@dataclass(frozen=True)
class PairBaseline:
    """The pairs that a baseline knows: KNOWN columns of `pair_host`, and how long its horizon is.

    `slices` are the published slices of the last seven days of its horizon.
    """

    length: timedelta
    rows: pa.Table
    slices: int


def pair_findings(
    pair_counts: pa.Table,
    window_end: datetime,
    published: Sequence[Interval],
    baselines: Sequence[PairBaseline],
    rules: PairScoreRules,
) -> pa.Table:
    """Return the findings of one window end.

    Parameters
    ----------
    pair_counts : pa.Table
        COUNTED columns of the 24 hours before `window_end` at least, text plain or as codes. With SOURCE_ADDRESS the
        sources are hosts that are machines, as in the baselines: their findings have the addresses of the last slice.
    published : sequence of Interval
        The time for which pair counts are published.
    baselines : sequence of PairBaseline
        The longest horizon that knows a pair tells how rare it is; the shortest one of the baselines how regular it
        was.
    rules : PairScoreRules

    Returns
    -------
    pa.Table
        FG_C_PAIRS, sorted by its key: each pair with a flow in the last slice that is new, rare or regular. The scores
        are those of `ndr.jobs.regularity.pair_scores` among all pairs of the 24 hours.
    """
    day = Interval(window_end - DAY, window_end)
    rows = pair_counts.filter(_began_in(pair_counts, day))
    is_last = _began_in(rows, Interval(window_end - SLICE, window_end))
    if not pc.any(is_last).as_py():
        return arrow_schema(FG_C_PAIRS).empty_table()
    plain = _plain(rows)
    sources = [SOURCE_ADDRESS] if SOURCE_ADDRESS in plain.column_names else []
    active = plain.filter(is_last).group_by([*PAIR, *sources], use_threads=False).aggregate([])
    if sources:
        plain = one_row_a_slice([plain.drop_columns(sources)])
    summed = plain.group_by(PAIR, use_threads=False).aggregate(
        [(name, "sum") for name in ("sessions_cnt", "src_bytes_sum", "dst_bytes_sum")]
    )
    slices = PublishedSlices.of(published, day)
    # Only pairs that are active now can have a row; the others tell what volume is usual.
    regular = pair_regularity(plain.join(active, PAIR, join_type="left semi"), slices)
    pairs = _with_baselines(summed.join(_plain(regular), PAIR, join_type="left outer"), baselines)
    pairs = pairs.sort_by([(name, "ascending") for name in PAIR])
    volume = pc.add(pairs["src_bytes_sum_sum"], pairs["dst_bytes_sum_sum"])
    pairs = pairs.append_column("bytes", volume).append_column("bytes_sent", pairs["src_bytes_sum_sum"])
    scores = pair_scores(pairs, slices.count, baselines[0].slices if baselines else 0, rules)
    for name in scores.column_names:
        pairs = pairs.append_column(name, scores[name])
    is_found = pc.or_(pc.or_(pc.fill_null(pairs["is_new"], False), pairs["is_rare"]), pairs["is_regular"])
    found = pairs.filter(is_found).join(active, PAIR, join_type="inner" if sources else "left semi")
    return _table(found.set_column(0, PAIR[0], found[SOURCE_ADDRESS]) if sources else found, window_end)


def _began_in(rows: pa.Table, interval: Interval) -> pa.ChunkedArray:
    began = rows["slice_start"].cast(pa.int64())
    start, end = microseconds(interval.start), microseconds(interval.end)
    return pc.and_(pc.greater_equal(began, start), pc.less(began, end))


def _plain(rows: pa.Table) -> pa.Table:
    """Return the rows with addresses as text: codes of several tables can't be joined."""
    texts = (*PAIR[:2], SOURCE_ADDRESS)
    schema = [pa.field(each.name, pa.string()) if each.name in texts else each for each in rows.schema]
    return rows.cast(pa.schema(schema))


def _with_baselines(pairs: pa.Table, baselines: Sequence[PairBaseline]) -> pa.Table:
    """Add what baselines know: rarity by pair, prevalence by destination and port, regularity of seven days."""
    longest_first = sorted(baselines, key=lambda each: each.length, reverse=True)
    rarity = pa.schema(
        [*((name, ARROW_TYPES["string"]) for name in PAIR[:2]), ("dst_port", pa.int64()), *_RARITY.items()]
    )
    known = rarity.empty_table()
    for baseline in longest_first:
        more = baseline.rows.select(rarity.names).join(known.select(PAIR), PAIR, join_type="left anti")
        known = pa.concat_tables([known, more.select(rarity.names).cast(rarity)])
    pairs = pairs.join(known, PAIR, join_type="left outer")
    pairs = _with_prevalence(pairs, longest_first[0].rows if longest_first else None)
    earlier = longest_first[-1].rows.select([*PAIR, *_NAMES]) if longest_first else None
    if earlier is None:
        for column in REGULARITY:
            pairs = pairs.append_column(column.name + BASELINE_SUFFIX, pa.nulls(len(pairs), ARROW_TYPES[column.type]))
        return pairs
    return pairs.join(earlier, PAIR, join_type="left outer", right_suffix=BASELINE_SUFFIX)


def _with_prevalence(pairs: pa.Table, rows: pa.Table | None) -> pa.Table:
    """Add how many hosts contact each destination on a port, and how many are active; 0 hosts where it is unknown."""
    if rows is None or not rows.num_rows:
        for name, type_ in _PREVALENCE.items():
            pairs = pairs.append_column(name, pa.nulls(len(pairs), type_))
        return pairs
    by_destination = rows.group_by(PAIR[1:], use_threads=False).aggregate([("prevalence_hosts_cnt", "max")])
    pairs = pairs.join(by_destination, PAIR[1:], join_type="left outer")
    hosts = pc.fill_null(pairs["prevalence_hosts_cnt_max"], 0)
    pairs = pairs.drop_columns(["prevalence_hosts_cnt_max"]).append_column("prevalence_hosts_cnt", hosts)
    active = pc.max(rows["active_hosts_cnt"])
    return pairs.append_column("active_hosts_cnt", pa.repeat(active, len(pairs)))


def _table(found: pa.Table, end: datetime) -> pa.Table:
    hosts, active = (pc.fill_null(found[name], 0) for name in _PREVALENCE)
    has_hosts = pc.greater(active, 0)
    prevalence = pc.if_else(has_hosts, pc.divide(hosts.cast(pa.float64()), pc.max_element_wise(active, 1)), None)
    columns = {
        **{name: found[name] for name in (*PAIR, *_NAMES, "bytes", "is_rare", "is_regular", "is_well_known")},
        **{name: found[name] for name in ("regularity", "spread", "novelty", "volume", "score")},
        "window_end": pa.repeat(pa.scalar(end, pa.timestamp("us", tz="UTC")), len(found)),
        "sessions_cnt": found["sessions_cnt_sum"],
        "is_new": found["is_new"],
        "active_days": pc.fill_null(found["active_days"], 0),
        "dst_prevalence": prevalence,
    }
    names = [name for name in FG_C_PAIRS.column_names if name != "sentence"]
    rows = pa.table([columns[name] for name in names], names).sort_by([(name, "ascending") for name in FG_C_PAIRS.key])
    volumes = amounts(rows["bytes"].cast(pa.float64()).to_numpy(), np.ones(rows.num_rows, bool)).to_pylist()
    sentences = pa.array(map(_sentence, rows.to_pylist(), volumes), pa.string(), size=rows.num_rows)
    return rows.append_column("sentence", sentences).cast(arrow_schema(FG_C_PAIRS))


def _sentence(row: dict[str, Any], volume: str) -> str:
    """Return a finding in words."""
    rare = (
        "contacted by few hosts"
        if not row["active_days"]
        else f"active on {counted(row['active_days'], 'day')} of the baseline"
    )
    told = ["new"] if row["is_new"] else [rare] if row["is_rare"] else []
    if row["is_regular"]:
        told.append(f"regular ({row['regularity']:.2f} of 1)")
    flows = f"{counted(row['sessions_cnt'], 'flow')} and {volume} in 24 hours"
    return f"{row['src_ip']} to {row['dst_ip']} port {row['dst_port']}: {', '.join(told)}; {flows}."
