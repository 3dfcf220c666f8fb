"""Columns of conn log text as flows of the integration schema."""

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.zeek.conn_state import outcomes
from ndr.sources.zeek.integration import INTEGRATION_SCHEMA
from ndr.sources.zeek.parse import parse_address, parse_count, parse_port, parse_seconds


class Flows(NamedTuple):
    """The flows that could be read, and for every row of the input null or the reason why it could not."""

    table: pa.Table
    reason: pa.Array


def to_flows(columns: Mapping[str, pa.Array]) -> Flows:
    """Turn a conn log's columns into flows.

    Bytes are those on the wire (``orig_ip_bytes``, ``resp_ip_bytes``), which is what a firewall counts. Zeek derives
    ``orig_bytes`` and ``resp_bytes`` from TCP sequence numbers, so that a single RST can claim gigabytes; they stand in
    only where a log carries no wire bytes. Where neither is set Zeek saw nothing: 0 bytes. A connection without a
    duration ends when it starts. For ICMP, Zeek writes the message's type and code as the two ports, and so do we.

    Parameters
    ----------
    columns : mapping of str to pa.Array
        A string column for each of `FLOW_FIELDS`, null where unset.
    """
    start, bad_start = parse_seconds(columns["ts"], "ts", required=True)
    duration, bad_duration = parse_seconds(columns["duration"], "duration", required=False)
    source_ip, bad_source = parse_address(columns["id.orig_h"], "id.orig_h")
    destination_ip, bad_destination = parse_address(columns["id.resp_h"], "id.resp_h")
    source_port, bad_source_port = parse_port(columns["id.orig_p"], "id.orig_p")
    destination_port, bad_destination_port = parse_port(columns["id.resp_p"], "id.resp_p")
    source_bytes, bad_source_bytes = _bytes(columns, "orig")
    destination_bytes, bad_destination_bytes = _bytes(columns, "resp")
    transport = pc.fill_null(pc.utf8_lower(columns["proto"]), "unknown")
    action, event_reason = outcomes(transport, columns["conn_state"])

    reason = pc.coalesce(
        bad_start, bad_source, bad_source_port, bad_destination, bad_destination_port,
        bad_duration, bad_source_bytes, bad_destination_bytes,
    )  # fmt: skip
    end = pc.add(start, pc.fill_null(duration, 0))
    traffic = pa.repeat("TRAFFIC", len(start))  # conn.log holds no detections, so no row of it is a THREAT
    table = pa.table(
        [
            source_ip, source_port, destination_ip, destination_port, source_bytes, destination_bytes,
            pc.cast(pc.cast(start, pa.timestamp("us")), pa.timestamp("us", tz="UTC")),
            pc.cast(pc.cast(end, pa.timestamp("us")), pa.timestamp("us", tz="UTC")),
            action, traffic, event_reason, transport,
        ],
        schema=INTEGRATION_SCHEMA,
    )  # fmt: skip
    return Flows(table.filter(pc.is_null(reason)), reason)


def _bytes(columns: Mapping[str, pa.Array], side: str) -> tuple[pa.Array, pa.Array]:
    wire, bad_wire = parse_count(columns[f"{side}_ip_bytes"], f"{side}_ip_bytes")
    payload, bad_payload = parse_count(columns[f"{side}_bytes"], f"{side}_bytes")
    return pc.coalesce(wire, payload, pa.scalar(0, pa.int64())), pc.coalesce(bad_wire, bad_payload)
