"""Columns that several datasets have in their keys."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column
from ndr.contract.datasets.roles import ROLES
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import WINDOWS
from ndr.contract.wording import listed

HOST: Final = Column("host_ip", "string", "the end of the flow that the row is of; internal in FG-A and FG-B")
ROLE: Final = Column("role", "string", listed(ROLES))
SLICE: Final = Column("slice_start", "timestamp", "start of the 15-minute slice")
HOUR: Final = Column("hour_of_day", "int64", "0 to 23, local, of the last slice's start", "hour")
TIME_BAND: Final = Column(
    "time_band", "string", "band of the JobSpec's calendar that has the window's last slice, local"
)
SEGMENT: Final = Column("segment_id", "string", "segment of the host: the name of a named one, otherwise its CIDR")
HORIZON_COLUMNS: Final = (
    Column("baseline_horizon", "string", listed(HORIZONS)),
    Column("baseline_end", "timestamp", "the end that names the baseline; it stops a safety gap earlier"),
)
WINDOW: Final = (
    Column("window_label", "string", listed(WINDOWS)),
    Column("window_end", "timestamp", "end of the window, exclusive"),
)
