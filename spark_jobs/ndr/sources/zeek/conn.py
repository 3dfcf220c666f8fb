"""Zeek conn logs: separated values with or without Zeek's header, and JSON with any of its spellings of names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.delimited import TextLines, joined, uneven, where
from ndr.sources.source import Columns, Field, Lines, Rows, Source
from ndr.sources.values.row_ids import row_id_column
from ndr.sources.zeek.conn_state import outcomes
from ndr.sources.zeek.header import Header
from ndr.sources.zeek.recognise import CONN, recognise

_NUMBERS: Final = ("id.orig_p", "id.resp_p", "orig_bytes", "resp_bytes", "orig_ip_bytes", "resp_ip_bytes")
FIELDS: Final = {
    **{name: Field((name, name.replace(".", "_"))) for name in ("id.orig_h", "id.resp_h")},
    **{name: Field((name, name.replace(".", "_")), "int64") for name in _NUMBERS},
    **{name: Field((name,), "float64") for name in ("ts", "duration")},
    **{name: Field((name,)) for name in ("proto", "conn_state", "uid")},
    "path": Field(("_path", "@stream")),
}


def header_after(header: Header | None, block: bytes) -> Header:
    """Return the header after a block."""
    return [after for _, after in header_runs(header, block)][-1]


def header_runs(header: Header | None, block: bytes) -> Iterator[tuple[bytes, Header]]:
    """Yield the rows between header lines, and the header that is above them; last nothing and the last header."""
    position = 0
    if header is None:
        first, _, _ = block.lstrip().partition(b"\n")
        header = Header.of_names(first.decode(errors="replace").rstrip("\r")) or Header()
        if header.fields or first.startswith(b"#"):
            position = block.find(first) + (len(first) + 1 if header.fields else 0)
    while position < len(block):
        if block.startswith(b"#", position):
            end = (block.find(b"\n", position) + 1) or len(block)
            header = header.after(block[position:end].decode(errors="backslashreplace").rstrip("\r\n"))
        else:
            # A search for one letter takes a fraction of the time of one for two.
            has_header = block.find(b"#", position) >= 0
            end = (has_header and block.find(b"\n#", position) + 1) or len(block)
            yield block[position:end], header
        position = end
    yield b"", header


def parse(block: bytes, header: Header | None, spec: DeltaBuilderSpec) -> Lines:
    """Split a block of separated values by the header lines before it and in it."""
    runs = list(header_runs(header, block))
    parts = [_parsed(TextLines(rows), of) for rows, of in runs[:-1] or runs]
    if len(parts) == 1:
        return parts[0]
    columns = {name: pa.concat_arrays([part.columns[name] for part in parts]) for name in FIELDS}
    problem = pa.concat_arrays([part.problem for part in parts])
    ends = np.cumsum([len(part.problem) for part in parts])

    def texts(positions: Iterable[int]) -> list[str]:
        runs = ((place, int(np.searchsorted(ends, place, side="right"))) for place in positions)
        return [parts[run].texts([place - int(ends[run]) + len(parts[run].problem)])[0] for place, run in runs]

    return Lines(problem, columns, texts)


def _parsed(lines: TextLines, header: Header) -> Lines:
    places: dict[str, int] = {name: header.fields.index(name) for name in FIELDS if name in header.fields}
    width, found = lines.columns(header.separator, places, header.unset_field)
    columns = {**dict.fromkeys(FIELDS, pa.nulls(len(width), pa.string())), **found}
    if header.path:
        columns["path"] = pa.repeat(header.path, len(width))
    if not header.fields:
        return Lines(pa.repeat("no_header: no #fields line is above the row", len(width)), columns, lines.texts)
    return Lines(uneven(width, "fields where #fields names", len(header.fields)), columns, lines.texts)


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Count the bytes on the wire, as a firewall does, and tell what a firewall would have logged for the state.

    `orig_bytes` and `resp_bytes` come from TCP sequence numbers, so that a single RST can claim gigabytes; they stand
    in where a log has no wire bytes. A connection without a duration ends when it starts.
    """
    transport = pc.fill_null(pc.utf8_lower(pc.cast(columns["proto"], pa.string())), "unknown")
    action, reason = outcomes(transport, pc.cast(columns["conn_state"], pa.string()))
    found = {
        "source_ip": columns["id.orig_h"], "source_port": columns["id.orig_p"],
        "destination_ip": columns["id.resp_h"], "destination_port": columns["id.resp_p"],
        "source_bytes": _bytes(columns, "orig"), "destination_bytes": _bytes(columns, "resp"),
        "event_start": columns["ts"], "duration": columns["duration"], "event_action": action,
        "event_name": pa.repeat("TRAFFIC", len(action)), "event_reason": reason, "network_transport": transport,
    }  # fmt: skip
    found |= row_id_column(columns["uid"])
    path = pc.cast(columns["path"], pa.string())
    no_state = pc.and_(pc.is_null(path), pc.and_(pc.is_null(columns["conn_state"]), pc.is_null(columns["id.orig_h"])))
    other = pc.coalesce(where(pc.fill_null(pc.not_equal(path, CONN), False), path), where(no_state, "unknown"))
    return Rows(found, pa.nulls(len(action), pa.string()), joined("zeek log ", other))


def _bytes(columns: Columns, side: str) -> pa.Array:
    wire, payload = columns[f"{side}_ip_bytes"], columns[f"{side}_bytes"]
    same = wire.type == payload.type
    return pc.coalesce(wire, payload) if same else pc.coalesce(pc.cast(wire, "string"), pc.cast(payload, "string"))


ZEEK: Final = Source("zeek", recognise, to_rows, lambda spec: FIELDS, parse, header_after)
