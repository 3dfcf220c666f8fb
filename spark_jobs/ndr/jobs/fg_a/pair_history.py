"""The pairs of the lookback as masks of UTC days, carried from day to day.

A bulk load builds FG-A a day at a time, and each day has a lookback of a month. The month is read once, into the form
of a pair baseline. The next day shifts the masks and adds the pairs of one day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import FG_B_PAIR_HOST, FG_B_PEER_HISTORY
from ndr.contract.time import DAY
from ndr.jobs.fg_a.novel_rows import HOST
from ndr.store.schema import arrow_schema

PAIR: Final = ("src_ip", "dst_ip", "dst_port")
COLUMNS: Final = (*PAIR, "active_days_mask", "baseline_end")
SCHEMA: Final = pa.schema([arrow_schema(FG_B_PAIR_HOST).field(name) for name in COLUMNS])
_MONTH_MASK: Final = (1 << 31) - 1  # 30 days of lookback and the day of the window's start


@dataclass(frozen=True)
class PairHistory:
    """Pairs seen before `end`, a midnight: `table` has the schema; bit i of a mask is the day i + 1 days before it."""

    end: datetime
    table: pa.Table
    key: ClassVar[tuple[str, ...]] = PAIR
    schema: ClassVar[pa.Schema] = SCHEMA

    @classmethod
    def empty(cls, end: datetime) -> Self:
        """Return a history without pairs."""
        return cls(end, cls.schema.empty_table())

    @classmethod
    def of_baseline(cls, end: datetime, pairs: pa.Table) -> Self:
        """Return the pairs of a baseline that stops at `end`, whatever end names it."""
        return cls(end, _ending(pairs, end))

    def after(self, day_peers: pa.Table) -> Self:
        """Return the history a day later.

        Parameters
        ----------
        day_peers : Table
            Peer deltas of the UTC day that starts at `end`: host_ip, role, peer_ip, peer_port.
        """
        later, shifted = self.end + DAY, self._shifted()
        if not day_peers.num_rows:
            return type(self)(later, shifted.select(self.schema.names).cast(self.schema))
        # A pair of the day has bit 0 and a pair of the history never has, so the sum of their masks is their union.
        days = pa.schema([self.schema.field(name) for name in (*self.key, "active_days_mask")])
        pairs = self._pairs_of(day_peers)
        pairs = pairs.append_column("active_days_mask", pa.repeat(1, pairs.num_rows)).cast(days)
        united = pa.concat_tables([shifted.select(days.names), pairs]).group_by(list(self.key))
        united = united.aggregate([("active_days_mask", "sum")])
        ends = pa.repeat(pa.scalar(later, self.schema.field("baseline_end").type), united.num_rows)
        columns = [*(united[name] for name in self.key), united["active_days_mask_sum"], ends]
        return type(self)(later, pa.table(columns, names=list(self.schema.names)).cast(self.schema))

    def _shifted(self) -> pa.Table:
        """Return the table a day later, without the pairs that have left the lookback."""
        masks = (self.table["active_days_mask"].to_numpy() << 1) & _MONTH_MASK
        place = self.table.schema.get_field_index("active_days_mask")
        later = self.table.set_column(place, "active_days_mask", pa.array(masks))
        return _ending(later, self.end + DAY).filter(pa.array(masks != 0))

    def _pairs_of(self, day_peers: pa.Table) -> pa.Table:
        """Return the distinct pairs of a day, with the columns of the key."""
        outbound = day_peers.filter(pc.equal(day_peers["role"], "outbound")).select(["host_ip", "peer_ip", "peer_port"])
        # Files have dictionaries of their own, and codes are grouped only where they share one.
        return outbound.rename_columns(list(PAIR)).unify_dictionaries().group_by(list(PAIR)).aggregate([])


PEER: Final = (HOST, "role", "peer_ip", "peer_port")
PEER_COLUMNS: Final = (*PEER, "active_days_mask", "baseline_end")
PEER_SCHEMA: Final = pa.schema([arrow_schema(FG_B_PEER_HISTORY).field(name) for name in PEER_COLUMNS])


@dataclass(frozen=True)
class PeerHistory(PairHistory):
    """The same of hosts that are machines, by host and role; peer deltas have the column HOST."""

    key: ClassVar[tuple[str, ...]] = PEER
    schema: ClassVar[pa.Schema] = PEER_SCHEMA

    def _pairs_of(self, day_peers: pa.Table) -> pa.Table:
        return day_peers.select(PEER).unify_dictionaries().group_by(list(PEER)).aggregate([])


def _ending(table: pa.Table, end: datetime) -> pa.Table:
    """Return the table with another end in its rows."""
    place = table.schema.get_field_index("baseline_end")
    field = SCHEMA.field("baseline_end")
    return table.set_column(place, field, pa.repeat(pa.scalar(end, field.type), table.num_rows))
