"""Rows that stand for several flows, and rows that have one direction of a flow only."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.integration.columns import EXTRA_COLUMNS, FLOW_COLUMNS

RECORD_COLUMNS: Final = pa.schema([*FLOW_COLUMNS, *(EXTRA_COLUMNS.field(name) for name in ("observer", "tcp_flags"))])
"""A record of one direction: its bytes are `source_bytes`."""


def by_direction(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Part rows into flows (`FLOW_COLUMNS` and `sessions`) and records of one direction (`RECORD_COLUMNS`)."""
    if "observer" not in rows.schema.names:
        return rows, RECORD_COLUMNS.empty_table()
    if "tcp_flags" not in rows.schema.names:
        rows = rows.append_column(RECORD_COLUMNS.field("tcp_flags"), pa.nulls(rows.num_rows, pa.int64()))
    is_record = rows["observer"].is_valid()
    flows = rows.filter(pc.invert(is_record)).drop_columns(["observer", "tcp_flags"])
    return flows, rows.filter(is_record).select(RECORD_COLUMNS.names)


def each_session(flows: pa.Table) -> pa.Table:
    """Return a row for each session (`FLOW_COLUMNS`). A row's bytes are divided among its sessions."""
    if "tcp_flags" in flows.schema.names:
        flows = flows.drop_columns(["tcp_flags"])
    if "sessions" not in flows.schema.names:
        return flows
    sessions = np.maximum(np.asarray(pc.fill_null(flows["sessions"], 1).to_numpy()), 1)
    flows = flows.drop_columns(["sessions"])
    if (sessions == 1).all():
        return flows
    row = np.repeat(np.arange(len(sessions)), sessions)
    is_first = np.diff(row, prepend=-1) != 0
    found = flows.take(pa.array(row))
    for name in ("source_bytes", "destination_bytes"):
        total, count = np.asarray(found[name].to_numpy()), sessions[row]
        share = total // count + np.where(is_first, total % count, 0)
        found = found.set_column(found.schema.get_field_index(name), found.schema.field(name), [share])
    return found
