"""Deltas: the activity of a host in a slice."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Dataset
from ndr.contract.datasets.activity import ACTIVITY
from ndr.contract.datasets.keys import HOST, ROLE, SLICE

DELTAS: Final = Dataset("deltas", ("host_ip", "role", "slice_start"), (HOST, ROLE, SLICE, *ACTIVITY), "slice_start")

LATE_FOLDER: Final = "_late"
"""Below the deltas' prefix: rows that came with another time's mini-batch, by the slice that they belong to."""
