"""Zeek DHCP logs: which client got which address, until when, and which it gave back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.time import SECOND_MICROSECONDS
from ndr.sources.delimited import TextLines
from ndr.sources.values.times import to_timestamp
from ndr.sources.zeek.conn import header_runs
from ndr.sources.zeek.header import Header

FIELDS: Final = ("ts", "mac", "host_name", "client_addr", "assigned_addr", "lease_time", "msg_types")
_ACKNOWLEDGED: Final = "ACK"
_RELEASED: Final = "RELEASE"

DHCP_RECORDS: Final = pa.schema(
    [
        ("address", pa.string()),
        ("mac", pa.string()),
        ("host_name", pa.string()),
        ("observed_at", pa.int64()),
        ("until", pa.int64()),
    ]
)
"""An address that a client got at an instant, microseconds since the epoch, and until when its lease lasts. The end of
a release is its instant."""


def dhcp_records(content: bytes) -> pa.Table:
    """Return the leases and releases of a log, of separated values with Zeek's header or of JSON lines.

    A lease is a row with an ACK, an assigned address and a lease time. Offers and rows that can't be read, of which a
    passive sensor has some, tell nothing and are left out.

    Returns
    -------
    pa.Table
        DHCP_RECORDS. A row without a MAC address is left out.
    """
    rows = _of_json(content) if content.lstrip()[:1] == b"{" else _of_separated_values(content)
    times = to_timestamp(rows["ts"]).values.cast(pa.int64())
    seconds = pc.cast(_numbers(rows["lease_time"]), pa.float64())
    words = pc.utf8_upper(rows["msg_types"])
    is_lease = pc.and_(_has(words, _ACKNOWLEDGED), pc.and_(pc.is_valid(rows["assigned_addr"]), pc.greater(seconds, 0)))
    is_release = pc.and_(_has(words, _RELEASED), pc.is_valid(rows["client_addr"]))
    length = pc.multiply(pc.if_else(pc.fill_null(is_lease, False), seconds, 0.0), SECOND_MICROSECONDS)
    table = pa.table(
        [
            pc.if_else(pc.fill_null(is_lease, False), rows["assigned_addr"], rows["client_addr"]),
            pc.utf8_lower(rows["mac"]),
            pc.utf8_trim_whitespace(rows["host_name"]),
            times,
            pc.add(times, pc.cast(pc.round(length), pa.int64())),
        ],
        schema=DHCP_RECORDS,
    )
    is_known = pc.and_(pc.is_valid(table["mac"]), pc.is_valid(table["observed_at"]))
    told = pc.or_(pc.fill_null(is_lease, False), pc.fill_null(is_release, False))
    return table.filter(pc.and_(is_known, told))


def _has(words: pa.Array, word: str) -> pa.Array:
    return pc.match_substring_regex(words, rf"(^|,){word}(,|$)")


def _numbers(texts: pa.Array) -> pa.Array:
    is_number = pc.fill_null(pc.match_substring_regex(texts, r"^\d{1,12}(\.\d+)?$"), False)
    return pc.cast(pc.if_else(is_number, texts, pa.scalar(None, pa.string())), pa.float64())


def _of_separated_values(content: bytes) -> dict[str, pa.Array]:
    parts = [_fields(TextLines(rows), header) for rows, header in header_runs(None, content)]
    return {name: pa.concat_arrays([part[name] for part in parts]) for name in FIELDS}


def _fields(lines: TextLines, header: Header) -> Mapping[str, pa.Array]:
    places: dict[str, int] = {name: header.fields.index(name) for name in FIELDS if name in header.fields}
    width, found = lines.columns(header.separator, places, header.unset_field)
    return {name: found.get(name, pa.nulls(len(width), pa.string())) for name in FIELDS}


def _of_json(content: bytes) -> dict[str, pa.Array]:
    objects = [_object(line) for line in content.splitlines()]
    return {name: pa.array((_text(each.get(name)) for each in objects), pa.string()) for name in FIELDS}


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Iterable):
        return ",".join(map(str, value))
    return str(value)
