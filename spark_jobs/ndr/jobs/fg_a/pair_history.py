"""The pairs of the lookback as masks of UTC days, carried from day to day.

A bulk load builds FG-A a day at a time, and each day has a lookback of a month. The month is read once, into the form
of a pair baseline. The next day shifts the masks and adds the pairs of one day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import FG_B_PAIR_HOST
from ndr.contract.time import DAY
from ndr.store.schema import arrow_schema

PAIR: Final = ("src_ip", "dst_ip", "dst_port")
COLUMNS: Final = (*PAIR, "active_days_mask", "baseline_end")
SCHEMA: Final = pa.schema([arrow_schema(FG_B_PAIR_HOST).field(name) for name in COLUMNS])
_DAYS: Final = pa.schema([SCHEMA.field(name) for name in (*PAIR, "active_days_mask")])
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

    @classmethod
    def of_baseline(cls, end: datetime, pairs: pa.Table) -> PairHistory:
        """Return the pairs of a baseline that stops at `end`, whatever end names it."""
        ends = pa.repeat(pa.scalar(end, SCHEMA.field("baseline_end").type), pairs.num_rows)
        return cls(end, pairs.set_column(SCHEMA.get_field_index("baseline_end"), SCHEMA.field("baseline_end"), ends))

    def after(self, day_peers: pa.Table) -> PairHistory:
        """Return the history a day later.

        Parameters
        ----------
        day_peers : Table
            Peer deltas of the UTC day that starts at `end`: host_ip, role, peer_ip, peer_port.
        """
        shifted = self._shifted()
        if not day_peers.num_rows:
            return PairHistory(self.end + DAY, shifted.select(COLUMNS).cast(SCHEMA))
        # A pair of the day has bit 0 and a pair of the history never has, so the sum of their masks is their union.
        together = pa.concat_tables([shifted.select(_DAYS.names), _pairs_of(day_peers)])
        united = together.group_by(list(PAIR)).aggregate([("active_days_mask", "sum")])
        ends = pa.repeat(pa.scalar(self.end + DAY, SCHEMA.field("baseline_end").type), united.num_rows)
        columns = [*(united[name] for name in PAIR), united["active_days_mask_sum"], ends]
        return PairHistory(self.end + DAY, pa.table(columns, names=list(COLUMNS)).cast(SCHEMA))

    def _shifted(self) -> pa.Table:
        """Return the table a day later, without the pairs that have left the lookback."""
        masks = (self.table["active_days_mask"].to_numpy() << 1) & _MONTH_MASK
        place = self.table.schema.get_field_index("active_days_mask")
        later = self.table.set_column(place, "active_days_mask", pa.array(masks))
        ends = pa.repeat(pa.scalar(self.end + DAY, SCHEMA.field("baseline_end").type), len(masks))
        return later.set_column(later.schema.get_field_index("baseline_end"), "baseline_end", ends).filter(
            pa.array(masks != 0)
        )


def _pairs_of(day_peers: pa.Table) -> pa.Table:
    """Return the distinct pairs of a day as rows of `_DAYS`, active on the last day."""
    outbound = day_peers.filter(pc.equal(day_peers["role"], "outbound")).select(["host_ip", "peer_ip", "peer_port"])
    # Files have dictionaries of their own, and codes are grouped only where they share one.
    pairs = outbound.rename_columns(list(PAIR)).unify_dictionaries().group_by(list(PAIR)).aggregate([])
    return pairs.append_column("active_days_mask", pa.repeat(1, pairs.num_rows)).cast(_DAYS)
