"""Pairs of the last 24 hours that are new or rare, with their volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import FG_C_PAIRS
from ndr.contract.time import DAY, microseconds
from ndr.jobs.fg_c.formulas import Floats
from ndr.jobs.fg_c.judges import floats
from ndr.jobs.fg_c.sentences import amount
from ndr.store.schema import arrow_schema

PAIR: Final = ["src_ip", "dst_ip", "dst_port"]
KNOWN: Final = (*PAIR, "active_days", "dst_prevalence", "is_rare_pair")
"""What is read of a pair baseline."""


@dataclass(frozen=True)
class PairBaseline:
    """The pairs that a baseline knows: KNOWN columns of `pair_host`."""

    horizon: str
    rows: pa.Table


def pair_scores(
    pair_counts: pa.Table, window_end: datetime, baselines: Sequence[PairBaseline], bytes_scale: float
) -> pa.Table:
    """Return the findings of one window end.

    Parameters
    ----------
    pair_counts : pa.Table
        PAIR_COUNTS of the 24 hours before `window_end` at least.
    baselines : sequence of PairBaseline
        The longest horizon that knows a pair speaks for it.
    bytes_scale : float
        Bytes that count as one unit of volume.

    Returns
    -------
    pa.Table
        FG_C_PAIRS, sorted by its key: each pair with a flow in the last slice that is new or rare.

    Notes
    -----
    The score is the surprise at a host that contacts this destination, -log2 of the prevalence that Laplace's rule
    gives for an unknown number of hosts (at most 10 bits), times log2(2 + bytes / bytes_scale).
    """
    end = microseconds(window_end)
    began = pair_counts["slice_start"].cast(pa.int64())
    inside = pc.and_(pc.less(began, end), pc.greater_equal(began, end - microseconds_of(DAY)))
    day = pair_counts.filter(inside)
    newest = pc.max(day["slice_start"]).as_py() if day.num_rows else None
    if newest is None or microseconds(newest) < end - _SLICE:
        return arrow_schema(FG_C_PAIRS).empty_table()
    plain = day.set_column(0, "src_ip", day["src_ip"].cast(pa.string())).set_column(
        1, "dst_ip", day["dst_ip"].cast(pa.string())
    )
    summed = plain.group_by(PAIR).aggregate([("sessions_cnt", "sum"), ("bytes", "sum"), ("slice_start", "max")])
    active = summed.filter(pc.greater_equal(summed["slice_start_max"].cast(pa.int64()), end - _SLICE))
    known = _known(active.select(PAIR), baselines)
    found = active.join(known, PAIR, join_type="left outer")
    is_new = pc.is_null(found["is_rare_pair"])
    is_rare = pc.fill_null(found["is_rare_pair"], False)
    wanted = pc.or_(is_new, is_rare)
    return _table(found.filter(wanted), is_new.filter(wanted), is_rare.filter(wanted), window_end, bytes_scale)


_SLICE: Final = 900_000_000


def microseconds_of(duration: object) -> int:
    """Return a duration in microseconds."""
    return int(duration.total_seconds() * 1_000_000)  # type: ignore[attr-defined]


def _known(pairs: pa.Table, baselines: Sequence[PairBaseline]) -> pa.Table:
    """Return what the longest horizon that knows it says of each pair."""
    schema = pa.schema(
        [("src_ip", pa.string()), ("dst_ip", pa.string()), ("dst_port", pa.int64()), ("active_days", pa.int64()),
         ("dst_prevalence", pa.float64()), ("is_rare_pair", pa.bool_())]
    )  # fmt: skip
    found = schema.empty_table()
    for baseline in sorted(baselines, key=lambda each: -int(each.horizon.removesuffix("d"))):
        rows = baseline.rows.select(KNOWN).cast(schema)
        missing = pairs.join(found.select(PAIR), PAIR, join_type="left anti")
        found = pa.concat_tables([found, rows.join(missing, PAIR, join_type="left semi").select(schema.names)])
    return found


def score_of(prevalence: Floats, volume: Floats, bytes_scale: float) -> Floats:
    """Return the scores of pairs; `prevalence` in [0, 1], 0 where it is not known."""
    surprise = -np.log2(np.maximum(prevalence, 2.0**-10))
    return surprise * np.log2(2.0 + volume / bytes_scale)  # type: ignore[no-any-return]


def _table(found: pa.Table, is_new: pa.Array, is_rare: pa.Array, end: datetime, bytes_scale: float) -> pa.Table:
    prevalence = np.nan_to_num(floats(found["dst_prevalence"]))
    columns = {
        **{name: found[name] for name in PAIR},
        "window_end": pa.repeat(pa.scalar(end, pa.timestamp("us", tz="UTC")), found.num_rows),
        "sessions_cnt": found["sessions_cnt_sum"],
        "bytes": found["bytes_sum"],
        "is_new": is_new,
        "is_rare": is_rare,
        "active_days": pc.fill_null(found["active_days"], 0),
        "dst_prevalence": pa.array(prevalence),
        "score": pa.array(score_of(prevalence, floats(found["bytes_sum"]), bytes_scale)),
    }
    names = [name for name in FG_C_PAIRS.column_names if name != "sentence"]
    rows = pa.table([columns[name] for name in names], names).sort_by([(name, "ascending") for name in FG_C_PAIRS.key])
    return rows.append_column(
        "sentence", pa.array(map(_sentence, rows.to_pylist()), pa.string(), size=rows.num_rows)
    ).cast(arrow_schema(FG_C_PAIRS))


def _sentence(row: dict[str, object]) -> str:
    what = "new" if row["is_new"] else f"active on {row['active_days']} days of the baseline"
    volume = amount("bytes", float(row["bytes"]))  # type: ignore[arg-type]
    return (
        f"{row['src_ip']} to {row['dst_ip']} port {row['dst_port']}: {what}, {row['sessions_cnt']} flows and {volume} "
        "in 24 hours."
    )
