"""Days on which pairs were active, carried forward day by day: history for a bulk load that has no baseline yet."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_B_PAIR_HOST
from ndr.contract.time import EPOCH
from ndr.jobs.fg_a.history import days_of_baseline
from ndr.jobs.schema import arrow_schema

# Thirty days of lookback, and one that the baseline's own last day may be ahead of them.
KEPT_DAYS: Final = 32
_COLUMNS: Final = ("src_ip", "dst_ip", "dst_port", "active_days_mask", "baseline_end")
_SCHEMA: Final = pa.schema([arrow_schema(FG_B_PAIR_HOST).field(name) for name in _COLUMNS])
_QUERY: Final = """
    WITH seen AS (
        SELECT if(role = 'outbound', host_ip, peer_ip) AS src_ip, if(role = 'outbound', peer_ip, host_ip) AS dst_ip,
            peer_port AS dst_port, $day - epoch_us(slice_start) // 86400000000 AS ago
        FROM peer_deltas WHERE epoch_us(slice_start) < $end)
    SELECT src_ip, dst_ip, dst_port, bit_or(mask) AS active_days_mask, make_timestamptz($end) AS baseline_end
    FROM (SELECT src_ip, dst_ip, dst_port, 1::BIGINT << ago AS mask FROM seen WHERE ago < $kept
        UNION ALL FROM known)
    WHERE mask <> 0 GROUP BY src_ip, dst_ip, dst_port ORDER BY ALL"""


def carried_forward(known: pa.Table | None, peer_deltas: pa.Table, end: datetime) -> pa.Table:
    """Return what `known` and the slices before `end` tell, in the columns of a pair baseline that ends at `end`.

    Fed to `build_fg_a` as its `pair_baseline`, it has the effect of all the slices that were ever carried.

    Parameters
    ----------
    known : Table or None
        What this function returned for an earlier end, or rows of a pair baseline of horizon 30d.
    peer_deltas : Table
        Peer deltas (host_ip, role, peer_ip, peer_port, slice_start) from that earlier end on; rows from `end` on
        are ignored.
    end : datetime
        At or after the end of `known`.

    Returns
    -------
    Table
        src_ip, dst_ip, dst_port, active_days_mask, baseline_end; one row per pair that was active within 32 days.
    """
    microsecond = (end - EPOCH) // timedelta(microseconds=1)
    day = (microsecond - 1) // 86_400_000_000
    before = _SCHEMA.empty_table() if known is None else known.select(_COLUMNS)
    masks = days_of_baseline(before, day) & np.int64((1 << KEPT_DAYS) - 1)
    with duckdb.connect() as connection:
        connection.register("known", before.select(_COLUMNS[:3]).append_column("mask", pa.array(masks)))
        connection.register("peer_deltas", peer_deltas)
        found = connection.sql(_QUERY, params={"day": day, "end": microsecond, "kept": KEPT_DAYS})
        return found.to_arrow_table().cast(_SCHEMA)
