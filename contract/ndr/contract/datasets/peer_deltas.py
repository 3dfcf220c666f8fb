"""Peer deltas: the activity of a host with a peer and a port in a slice."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column, Dataset
from ndr.contract.datasets.activity import ACTIONS, BYTES
from ndr.contract.datasets.keys import HOST, ROLE, SLICE

PEER_PORT_CLASSES: Final = ("admin", "high_risk")
"""The classes that peer deltas tell of each row, so that FG-A counts the peers on their ports."""

PEER_DELTAS: Final = Dataset(
    "peer_deltas",
    ("host_ip", "role", "peer_ip", "peer_port", "slice_start"),
    (
        HOST,
        ROLE,
        Column("peer_ip", "string", "the other end of the flow"),
        Column("peer_port", "int64", "the destination port of the flow, in both roles", "port number"),
        SLICE,
        *ACTIONS,
        *BYTES,
        *(
            Column(f"is_{port_class}_port", "bool", f"a flow of the row is to a port of the class {port_class}")
            for port_class in PEER_PORT_CLASSES
        ),
    ),
    "slice_start",
)
