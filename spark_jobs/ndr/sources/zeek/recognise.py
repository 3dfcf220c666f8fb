"""Whether a file is a Zeek conn log."""

from __future__ import annotations

import json
from typing import Any, Final

from ndr.sources.source import Sample
from ndr.sources.zeek.header import Header, is_header

CONN: Final = "conn"
_NEEDED: Final = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "conn_state")


def recognise(sample: Sample) -> float:
    """A header's #path or a row's _path is sure; otherwise the names of the fields are."""
    header = Header()
    for line in sample.lines:
        if is_header(line):
            header = header.after(line.lstrip().rstrip("\r"))
        elif header.fields or (header := Header.of_names(line.rstrip("\r")) or header).fields:
            return (1.0 if header.path == CONN else 0.9 * (header.path is None)) * _is_conn(header)
    if header.fields:  # a log without a row
        return float(header.path == CONN)
    records = [sample.record, *(_object(line) for line in sample.lines)]
    paths = {record.get("_path", record.get("@stream")) for record in records if record} - {None}
    if paths:
        return float(CONN in paths)
    return 0.95 if sample.has("conn_state", "ts", "proto") else 0.0


def _is_conn(header: Header) -> bool:
    return all(name in header.fields for name in _NEEDED)


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
