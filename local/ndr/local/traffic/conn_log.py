"""Connections written in Zeek's conn.log format: TSV with a header, one gzip file a day."""

import gzip
import io
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from ndr.contract.time import DAY, SECOND_MICROSECONDS
from ndr.local.traffic.calendar import Calendar
from ndr.local.traffic.connections import PROTOCOLS, SERVICES, STATES, UNSET, Connections
from ndr.local.traffic.network import SyntheticNetwork

FIELDS = (
    ("ts", "time"), ("uid", "string"), ("id.orig_h", "addr"), ("id.orig_p", "port"), ("id.resp_h", "addr"),
    ("id.resp_p", "port"), ("proto", "enum"), ("service", "string"), ("duration", "interval"),
    ("orig_bytes", "count"), ("resp_bytes", "count"), ("conn_state", "string"), ("local_orig", "bool"),
    ("local_resp", "bool"), ("missed_bytes", "count"), ("history", "string"), ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"), ("resp_pkts", "count"), ("resp_ip_bytes", "count"), ("tunnel_parents", "set[string]"),
)  # fmt: skip
_HISTORY = {"SF": "ShADadFf", "S0": "S", "S1": "ShADad", "S3": "ShADadf", "REJ": "Sr", "RSTO": "ShADadR",
            "RSTR": "ShADadr", "OTH": "-"}  # fmt: skip
_ALPHABET = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", np.uint8)
_SEGMENT_BYTES = 1_400  # payload of a full packet


def write_conn_logs(
    folder: Path, connections: Connections, network: SyntheticNetwork, calendar: Calendar, rng: np.random.Generator
) -> list[Path]:
    """Write ``conn.<date>.log.gz`` for each day. A connection is logged on the day of its end, in order of ends."""
    connections = connections.take(np.argsort(connections.end, kind="stable"))
    table = pa.table(_columns(connections, network, rng), names=[name for name, _ in FIELDS])
    limits = np.searchsorted(connections.end, [*calendar.midnights[1:], calendar.end])
    paths, first = [], 0
    for number, limit in enumerate(limits):
        day = calendar.interval.start + number * DAY
        paths.append(folder / f"conn.{day:%Y-%m-%d}.log.gz")
        _write_log(paths[-1], table.slice(first, limit - first), day)
        first = limit
    return paths


def _write_log(path: Path, rows: pa.Table, day: datetime) -> None:
    head = [
        "#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn",
        f"#open\t{day:%Y-%m-%d-%H-%M-%S}", "\t".join(["#fields", *(name for name, _ in FIELDS)]),
        "\t".join(["#types", *(type_ for _, type_ in FIELDS)]),
    ]  # fmt: skip
    text = io.BytesIO()
    csv.write_csv(rows, text, csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none"))
    # No name and no time in the gzip header, so that the same traffic yields the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as log:
        log.write(("\n".join(head) + "\n").encode())
        log.write(text.getbuffer())
        log.write(f"#close\t{day + DAY - timedelta(seconds=1):%Y-%m-%d-%H-%M-%S}\n".encode())


def _columns(connections: Connections, network: SyntheticNetwork, rng: np.random.Generator) -> list[pa.Array]:
    c = connections
    packets, wire_bytes = wire(c, network)
    state = pa.array(STATES).take(pa.array(c.state))
    datagram = c.protocol != PROTOCOLS.index("tcp")
    history = np.array([_HISTORY[name] for name in STATES], object)[c.state]
    history = np.where(datagram & (c.state != STATES.index("OTH")), np.where(c.resp_bytes > 0, "Dd", "D"), history)
    return [
        _seconds(c.start), _uids(rng, len(c)),
        _names(network.addresses, c.orig), pa.array(c.orig_port), _names(network.addresses, c.resp),
        pa.array(c.resp_port), _names(PROTOCOLS, c.protocol), _names(SERVICES, c.service),
        _or_unset(_seconds(c.duration), c.duration), _or_unset(pa.array(c.orig_bytes).cast(pa.string()), c.orig_bytes),
        _or_unset(pa.array(c.resp_bytes).cast(pa.string()), c.resp_bytes), state,
        _names(("F", "T"), network.is_local[c.orig]), _names(("F", "T"), network.is_local[c.resp]),
        pa.repeat(0, len(c)), pa.array(history, pa.string()), pa.array(packets[0]), pa.array(wire_bytes[0]),
        pa.array(packets[1]), pa.array(wire_bytes[1]), pa.repeat("-", len(c)),
    ]  # fmt: skip


def wire(
    c: Connections, network: SyntheticNetwork
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return (packets, bytes on the wire), each for originator and responder: payload, acknowledgements, headers."""
    tcp = c.protocol == PROTOCOLS.index("tcp")
    attempt = tcp & ((c.state == STATES.index("S0")) | (c.state == STATES.index("REJ")))
    is_v6 = np.array([":" in address for address in network.addresses])[c.orig]
    header = np.where(tcp, 52, 28) + np.where(is_v6, 20, 0)

    def side(own: np.ndarray, other: np.ndarray, handshake: int) -> tuple[np.ndarray, np.ndarray]:
        own, other = np.maximum(own, 0), np.maximum(other, 0)
        packets = -(-own // _SEGMENT_BYTES) + np.where(tcp, handshake + other // (2 * _SEGMENT_BYTES), 0)
        return packets, own + packets * header

    orig_packets, orig_wire = side(c.orig_bytes, c.resp_bytes, 4)
    resp_packets, resp_wire = side(c.resp_bytes, c.orig_bytes, 3)
    answered = c.state == STATES.index("REJ")
    return (
        (np.where(attempt, 1, orig_packets), np.where(attempt, answered, resp_packets)),
        (np.where(attempt, 60, orig_wire), np.where(attempt, answered * 40, resp_wire)),
    )


def _names(names: np.ndarray | tuple[str, ...], index: np.ndarray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(index.astype(np.int32)))


def _seconds(micros: np.ndarray) -> pa.Array:
    whole, fraction = np.divmod(np.maximum(micros, 0), SECOND_MICROSECONDS)
    digits = pc.utf8_lpad(pa.array(fraction).cast(pa.string()), 6, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), digits, ".")


def _or_unset(text: pa.Array, values: np.ndarray) -> pa.Array:
    return pc.if_else(pa.array(values == UNSET), "-", text)


def _uids(rng: np.random.Generator, count: int) -> pa.Array:
    letters = np.full((count, 18), ord("C"), np.uint8)
    letters[:, 1:] = _ALPHABET[rng.integers(0, len(_ALPHABET), (count, 17), dtype=np.uint8)]
    return pa.array(letters.view("S18").ravel()).cast(pa.string())
