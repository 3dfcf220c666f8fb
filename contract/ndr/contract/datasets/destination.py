"""Columns of the direction of a flow: its destination, and the bytes each way."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, family
from ndr.contract.datasets.activity import SUM

DESTINATION: Final = (
    Column("dst_ip", "string", "destination of the flows"),
    Column("dst_port", "int64", "destination port", "port number"),
)
DIRECTED_BYTES: Final = family(
    "int64",
    [
        ("src_bytes_sum", "bytes from source to destination"),
        ("dst_bytes_sum", "bytes from destination to source"),
    ],
    unit="bytes",
    formula=SUM,
)
