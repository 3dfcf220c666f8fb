"""The pairs of the lookback as masks of UTC days, carried from day to day.

A bulk load builds FG-A a day at a time, and each day has a lookback of a month. The month is read once, into the form
of a pair baseline. The next day shifts the masks and adds the pairs of one day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import duckdb
import pyarrow as pa

from ndr.contract.datasets import FG_B_PAIR_HOST
from ndr.contract.time import DAY
from ndr.store.schema import arrow_schema

COLUMNS: Final = ("src_ip", "dst_ip", "dst_port", "active_days_mask", "baseline_end")
SCHEMA: Final = pa.schema([arrow_schema(FG_B_PAIR_HOST).field(name) for name in COLUMNS])
_MONTH_MASK: Final = (1 << 31) - 1  # 30 days of lookback and the day of the window's start


@dataclass(frozen=True)
class PairHistory:
    """Pairs seen before `end`, a midnight: `table` has `COLUMNS`; bit i of a mask is the day i + 1 days before it."""

    end: datetime
    table: pa.Table

    @classmethod
    def empty(cls, end: datetime) -> PairHistory:
        """Return a history without pairs."""
        return cls(end, SCHEMA.empty_table())

    def after(self, day_peers: pa.Table) -> PairHistory:
        """Return the history a day later.

        Parameters
        ----------
        day_peers : Table
            Peer deltas of the UTC day that starts at `end`: host_ip, role, peer_ip, peer_port.
        """
        end = self.end + DAY
        with duckdb.connect(config={"threads": 2}) as connection:
            connection.register("history", self.table)
            connection.register("peers", day_peers)
            table = connection.sql(_NEXT_DAY, params={"mask": _MONTH_MASK, "end": end}).to_arrow_table()
        return PairHistory(end, table.cast(SCHEMA))


_NEXT_DAY: Final = """
    SELECT src_ip, dst_ip, dst_port, bit_or(days) AS active_days_mask, $end::TIMESTAMPTZ AS baseline_end
    FROM (
        SELECT src_ip, dst_ip, dst_port, (active_days_mask << 1) & $mask AS days FROM history
        UNION ALL
        SELECT DISTINCT host_ip, peer_ip, peer_port, 1 FROM peers WHERE role = 'outbound'
    )
    WHERE days <> 0
    GROUP BY src_ip, dst_ip, dst_port
"""
