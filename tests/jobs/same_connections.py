"""The same connections written as logs of every source, format and version."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.time import Interval, format_instant

PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}
AGGREGATION = 60
LONGEST = 200
FIN, RST_CLIENT, RST_SERVER, AGED_OUT = "tcp-fin", "tcp-rst-from-client", "tcp-rst-from-server", "aged-out"
ZEEK_STATES = {FIN: "SF", RST_CLIENT: "RSTO", RST_SERVER: "RSTR", AGED_OUT: "S1"}


class Connection(NamedTuple):
    """A connection; times in seconds since the start of the batch, a refused one has the reset of its server."""

    source: str
    source_port: int
    destination: str
    destination_port: int
    transport: str
    sent: int
    received: int
    start: int
    seconds: int
    reason: str
    is_denied: bool


def connections(count: int, batch: Interval, seed: int = 7) -> list[Connection]:
    """Draw connections of some clients to some servers; one in twenty is refused, one in ten datagrams unanswered."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        transport = rng.choices(["tcp", "udp", "icmp"], [800, 300, 3])[0]
        is_denied = transport == "tcp" and rng.random() < 0.05
        silent = is_denied or (transport == "udp" and rng.random() < 0.1)
        reason = AGED_OUT if transport != "tcp" else rng.choices(list(ZEEK_STATES), [80, 5, 5, 10])[0]
        found.append(
            Connection(
                f"10.0.{rng.randrange(4)}.{rng.randrange(1, 60)}",
                0 if transport == "icmp" else rng.randrange(32768, 61000),
                rng.choice(["192.0.2.{}", "2001:db8::{}", "10.1.0.{}"]).format(rng.randrange(1, 90)),
                {"tcp": rng.choice([22, 80, 443, 445, 8443]), "udp": rng.choice([53, 123]), "icmp": 0}[transport],
                transport,
                rng.randrange(40, 10**6),
                0 if silent else rng.randrange(40, 10**7),
                rng.randrange(int(batch.duration.total_seconds()) - LONGEST),
                0 if silent else rng.choice([0, 1, 5, 30, LONGEST]),
                RST_SERVER if is_denied else reason,
                is_denied,
            )
        )
    return found


class Log(NamedTuple):
    """A log: the name of its file, its source, and its content for some connections of a batch.

    `untold` are the counts that the format does not tell of a connection.
    """

    name: str
    source: str
    write: Callable[[Sequence[Connection], Interval], bytes]
    untold: tuple[str, ...] = ()


def _at(batch: Interval, seconds: float) -> str:
    return format_instant(batch.start + timedelta(seconds=seconds))


def _epoch(batch: Interval, seconds: float) -> int:
    return int(batch.start.timestamp() + seconds)


def _integration(each: Connection, batch: Interval) -> dict[str, Any]:
    return {
        "source_ip": each.source, "source_port": each.source_port, "destination_ip": each.destination,
        "destination_port": each.destination_port, "source_bytes": each.sent, "destination_bytes": each.received,
        "event_start": _at(batch, each.start), "event_end": _at(batch, each.start + each.seconds),
        "event_action": "deny" if each.is_denied else "allow", "event_name": "TRAFFIC", "event_reason": each.reason,
        "network_transport": each.transport,
    }  # fmt: skip


def _pan_os(width: int, header: str, is_berlin: bool = False) -> Callable[[Sequence[Connection], Interval], bytes]:
    def line(each: Connection, batch: Interval) -> str:
        hours = timedelta(hours=1 if is_berlin else 0)
        start = batch.start + timedelta(seconds=each.start) + hours
        values = {
            2: f"{start:%Y/%m/%d %H:%M:%S}", 3: "0018", 4: "TRAFFIC", 5: "end", 7: f"{start:%Y/%m/%d %H:%M:%S}",
            8: each.source, 9: each.destination, 12: '"web, and more"' if each.start % 7 == 0 else "web", 24: "1",
            25: each.source_port, 26: each.destination_port, 30: each.transport,
            31: "reset both" if each.is_denied else "allow", 32: each.sent + each.received, 33: each.sent,
            34: each.received, 36: f"{start:%Y/%m/%d %H:%M:%S}", 37: each.seconds, 47: each.reason,
        }  # fmt: skip
        if is_berlin:
            values[103] = f"{start:%Y-%m-%dT%H:%M:%S}.000+01:00"
        return header + ",".join(str(values.get(place, "")) for place in range(1, width + 1)) + "\n"

    return lambda found, batch: "".join(line(each, batch) for each in found).encode()


def _strata(each: Connection, batch: Interval) -> dict[str, Any]:
    return {
        "LogType": "TRAFFIC", "Subtype": "end", "TimeGenerated": _at(batch, each.start + each.seconds),
        "SourceAddress": each.source, "SourcePort": each.source_port, "DestinationAddress": each.destination,
        "DestinationPort": each.destination_port, "Protocol": each.transport,
        "Action": "reset-both" if each.is_denied else "allow", "BytesSent": each.sent, "BytesReceived": each.received,
        "SessionStartTime": _at(batch, each.start), "SessionDuration": each.seconds, "RepeatCount": 1,
        "SessionEndReason": each.reason, "IsDuplicateLog": False,
    }  # fmt: skip


def _zeek(each: Connection, batch: Interval) -> dict[str, Any]:
    return {
        "ts": _epoch(batch, each.start), "uid": f"C{crc32(repr(each).encode()):08x}",
        "id.orig_h": each.source, "id.orig_p": each.source_port,
        "id.resp_h": each.destination, "id.resp_p": each.destination_port, "proto": each.transport,
        "duration": each.seconds, "orig_bytes": 1, "resp_bytes": 1,
        "conn_state": "REJ" if each.is_denied else ZEEK_STATES[each.reason], "orig_ip_bytes": each.sent,
        "resp_ip_bytes": each.received,
    }  # fmt: skip


def _zeek_tsv(found: Sequence[Connection], batch: Interval) -> bytes:
    rows = [_zeek(each, batch) for each in found]
    head = ["#separator \\x09", "#unset_field\t-", "#path\tconn", "\t".join(["#fields", *rows[0]])]
    return "\n".join([*head, *("\t".join(map(str, row.values())) for row in rows)]).encode()


def _suricata(each: Connection, batch: Interval) -> dict[str, Any]:
    start, end = (f"{_at(batch, each.start + seconds)[:-1]}.000000+0000" for seconds in (0, each.seconds))
    client = {FIN: "1b", RST_CLIENT: "16"}.get(each.reason, "12")
    server = {FIN: "1b", RST_SERVER: "16"}.get(each.reason, "12")
    return {
        "timestamp": end, "event_type": "flow", "src_ip": each.source, "dest_ip": each.destination,
        "src_port": each.source_port, "dest_port": each.destination_port, "proto": each.transport.upper(),
        "flow": {"bytes_toserver": each.sent, "bytes_toclient": each.received, "start": start, "end": end,
                 "action": "drop" if each.is_denied else "accept"},
        "tcp": {"tcp_flags_ts": client, "tcp_flags_tc": server},
    }  # fmt: skip


def _ocsf(each: Connection, batch: Interval) -> dict[str, Any]:
    activity = 5 if each.is_denied else {FIN: 2, AGED_OUT: 4}.get(each.reason, 3)
    start, end = (1000 * _epoch(batch, each.start + seconds) for seconds in (0, each.seconds))
    return {
        "class_uid": 4001, "activity_id": activity, "time": end, "start_time": start, "end_time": end,
        "src_endpoint": {"ip": each.source, "port": each.source_port},
        "dst_endpoint": {"ip": each.destination, "port": each.destination_port},
        "connection_info": {"protocol_num": PROTOCOLS[each.transport]},
        "traffic": {"bytes_out": each.sent, "bytes_in": each.received},
    }  # fmt: skip


V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
V3 = f"{V2} vpc-id tcp-flags type pkt-srcaddr pkt-dstaddr"
V5 = f"flow-direction traffic-path {V3} region az-id pkt-src-aws-service"
V11 = f"{V5} reject-reason resource-id encryption-status interface-type tags"


def _vpc_records(each: Connection, batch: Interval) -> Iterator[dict[str, Any]]:
    """Yield a record for each direction and interval of aggregation."""
    ends = [(each.source, each.source_port), (each.destination, each.destination_port)]
    client = {FIN: 1, RST_CLIENT: 4}.get(each.reason, 0)
    server = {FIN: 1, RST_SERVER: 4}.get(each.reason, 0)
    for (source, destination), size, first, last in (
        (ends, each.sent, 2, client),
        (ends[::-1], each.received, 18, server),
    ):
        pieces = max(1, -(-each.seconds // AGGREGATION)) if size else 0
        for piece in range(pieces):
            start, end = piece * AGGREGATION, min(each.seconds, (piece + 1) * AGGREGATION)
            flags = (first if piece == 0 else 0) | (last if piece == pieces - 1 else 0)
            yield {
                "version": 5, "account-id": "111122223333", "interface-id": "eni-1", "srcaddr": source[0],
                "dstaddr": destination[0], "srcport": source[1], "dstport": destination[1],
                "protocol": PROTOCOLS[each.transport], "packets": 1,
                "bytes": size // pieces + (size % pieces if piece == 0 else 0),
                "start": _epoch(batch, each.start + start), "end": _epoch(batch, each.start + end),
                "action": "REJECT" if each.is_denied else "ACCEPT", "log-status": "OK",
                "tcp-flags": flags if each.transport == "tcp" else 0, "pkt-srcaddr": source[0],
                "pkt-dstaddr": destination[0], "type": "IPv4",
            }  # fmt: skip


def _vpc_text(names: str) -> Callable[[Sequence[Connection], Interval], bytes]:
    def write(found: Sequence[Connection], batch: Interval) -> bytes:
        records = (record for each in found for record in _vpc_records(each, batch))
        lines = (" ".join(str(record.get(name, "-")) for name in names.split()) for record in records)
        return "\n".join([names, *lines]).encode()

    return write


def _vpc_parquet(found: Sequence[Connection], batch: Interval) -> bytes:
    records = [record for each in found for record in _vpc_records(each, batch)]
    return _parquet([{name.replace("-", "_"): value for name, value in record.items()} for record in records])


def _parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


Row = Callable[[Connection, Interval], dict[str, Any]]


def _json(row: Row, between: str = "\n") -> Callable[[Sequence[Connection], Interval], bytes]:
    return lambda found, batch: between.join(json.dumps(row(each, batch)) for each in found).encode()


def _rows(row: Row) -> Callable[[Sequence[Connection], Interval], bytes]:
    return lambda found, batch: _parquet([row(each, batch) for each in found])


def _zipped(write: Callable[[Sequence[Connection], Interval], bytes]) -> Callable[..., bytes]:
    return lambda found, batch: gzip.compress(write(found, batch), 1)


REFUSED = ("rst_cnt",)  # that a refusal was a reset
ENDS = ("rst_cnt", "aged_out_cnt")
LOGS = (
    Log("part.json", "integration", _json(_integration)),
    Log("part.parquet", "integration", _rows(_integration)),
    Log("pan-7.1.log", "pan_os", _pan_os(47, "")),
    Log("pan-9.1.log.gz", "pan_os", _zipped(_pan_os(75, "<14>Jan 31 06:03:20 fw-1 "))),
    Log("pan-10.1.log", "pan_os", _pan_os(115, "<14>1 2026-01-31T06:03:20Z fw-1 - - - - ", is_berlin=True)),
    Log("pan-11.1", "pan_os", _pan_os(130, '300 <14>1 2026-01-31T06:03:20Z fw-1 a 12 - [x@1 a="1,2"] ')),
    Log("strata.json", "strata", _json(_strata)),
    Log("strata-firehose", "strata", _json(_strata, between="")),
    Log("conn.log", "zeek", _zeek_tsv),
    Log("conn.json", "zeek", _json(_zeek)),
    Log("eve.json", "suricata", _json(_suricata)),
    Log("ocsf.json", "ocsf", _json(_ocsf), REFUSED),
    Log("ocsf.parquet", "ocsf", _rows(_ocsf), REFUSED),
    Log("flow-v2.log.gz", "vpc_flow_logs", _zipped(_vpc_text(V2)), ENDS),
    Log("flow-v3.log", "vpc_flow_logs", _vpc_text(V3), REFUSED),
    Log("flow-v5.log", "vpc_flow_logs", _vpc_text(V5), REFUSED),
    Log("flow-v11.log", "vpc_flow_logs", _vpc_text(V11), REFUSED),
    Log("flow.log.parquet", "vpc_flow_logs", _vpc_parquet, REFUSED),
)
