"""A baseline that is to be written."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ndr.jobs.fg_b.request import BaselineWindow
from ndr.store.publish import PartitionWriter


@dataclass(frozen=True)
class BaselineOrder:
    """A baseline's window, the machines (ip_address, machine_name) known at its end, and its partition's writer."""

    window: BaselineWindow
    machines: pa.Table
    writer: PartitionWriter
