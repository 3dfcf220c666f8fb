"""Columns of the flow table that the reader hands on."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from ndr.contract.datasets import INTEGRATION
from ndr.store.schema import CODED, arrow_schema, coded_schema

INTEGRATION_SCHEMA: Final = arrow_schema(INTEGRATION)
"""The integration dataset as files have it: text written out."""

# Strings as dictionary codes: a flow repeats a few addresses and words, and a day of flows must fit in memory.
FLOW_COLUMNS: Final = coded_schema(INTEGRATION)
READ_COLUMNS: Final = pa.schema(
    [
        *FLOW_COLUMNS,
        ("source_file", CODED),
        ("row_number", pa.int64()),
        ("problem", pa.string()),
        ("raw", pa.string()),
    ]
)
"""Flows with their provenance; `problem` and `raw` are null but in rows that could not be read."""

ROW_ID: Final = "source_row_id"
EXTRA_COLUMNS: Final = pa.schema(
    [("observer", CODED), ("tcp_flags", pa.int64()), ("sessions", pa.int64()), (ROW_ID, pa.int64())]
)
"""Columns that only some sources have, and that a file of the integration schema may have.

`observer` names the interface that saw a row where the row has the packets of one direction only, and `tcp_flags` are
the flags of these packets. `sessions` is how many flows the row stands for. `source_row_id` is a number for the
id that the source gives the row: rows that have it and all else in common are one row that was delivered again.
"""

# Who, whom, when and how it ended: a row without one of these says nothing that could be counted.
REQUIRED: Final = ("source_ip", "destination_ip", "destination_port", "event_start", "event_end", "event_action")
