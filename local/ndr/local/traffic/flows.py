"""Connections in the integration schema, as a firewall would have logged them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.local.traffic.conn_log import wire
from ndr.local.traffic.connections import PROTOCOLS, STATES, Connections
from ndr.local.traffic.network import SyntheticNetwork
from ndr.sources.zeek.conn_state import outcomes


def flows_of(connections: Connections, network: SyntheticNetwork) -> pa.Table:
    """Return the flows that Zeek's conn log of the same connections is read as: the columns of INTEGRATION."""
    c = connections
    _, wire_bytes = wire(c, network)
    transport = pa.array(PROTOCOLS).take(pa.array(c.protocol))
    action, reason = outcomes(transport, pa.array(STATES).take(pa.array(c.state)))
    addresses = pa.array(network.addresses, pa.string())
    return pa.table(
        {
            "source_ip": addresses.take(pa.array(c.orig)),
            "source_port": pa.array(c.orig_port.astype(np.int64)),
            "destination_ip": addresses.take(pa.array(c.resp)),
            "destination_port": pa.array(c.resp_port.astype(np.int64)),
            "source_bytes": pa.array(wire_bytes[0].astype(np.int64)),
            "destination_bytes": pa.array(wire_bytes[1].astype(np.int64)),
            "event_start": _instants(c.start),
            "event_end": _instants(c.end),
            "event_action": pc.cast(action, pa.string()),
            "event_name": pa.repeat("TRAFFIC", len(c)),
            "event_reason": pc.cast(reason, pa.string()),
            "network_transport": transport,
        }
    )


def _instants(micros: np.ndarray) -> pa.Array:
    return pa.array(micros).cast(pa.timestamp("us", "UTC"))
