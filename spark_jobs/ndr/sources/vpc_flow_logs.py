"""AWS VPC Flow Logs of any version, as text in any order of fields and as Parquet.

Names and values are those of "Flow log records" in Amazon's VPC documentation. A record has the packets of one
direction on one interface; `ndr.jobs.deltas.pairing` makes connections of them.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.delimited import TextLines, first_of, uneven
from ndr.sources.source import Columns, Field, Lines, Rows, Sample, Source

DEFAULT_FORMAT: Final = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
UNSET: Final = "-"
_INTEGERS: Final = ("srcport", "dstport", "protocol", "bytes", "start", "end", "tcp-flags")
_TEXTS: Final = ("interface-id", "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr", "action", "log-status")
FIELDS: Final[dict[str, Field]] = {
    **{name: Field((name, name.replace("-", "_")), "int64") for name in _INTEGERS},
    **{name: Field((name, name.replace("-", "_"))) for name in _TEXTS},
}
_ACTIONS: Final = {"ACCEPT": "allow", "REJECT": "deny"}
_NO_RECORD: Final = {"NODATA": "nodata", "SKIPDATA": "skipdata"}


def recognise(sample: Sample) -> float:
    """The names of the fields are sure; without them a record of the default format is nearly so."""
    if sample.has("srcaddr", "dstaddr"):
        return 0.99
    fields = sample.lines[0].split() if sample.lines else []
    if {"srcaddr", "dstaddr"} <= set(fields):
        return 1.0
    default = len(fields) == len(DEFAULT_FORMAT.split()) and fields[0] == "2"
    return 0.9 * (default and fields[-1] in ("OK", *_NO_RECORD))


def header_after(header: tuple[str, ...] | None, block: bytes) -> tuple[str, ...]:
    """Return the names of the fields, which the first line of a file has."""
    return _header(header, block)[0]


def _header(header: tuple[str, ...] | None, block: bytes) -> tuple[tuple[str, ...], bool]:
    """Return the names of the fields, if any, and whether the block's first line has them."""
    if header is not None:
        return header, False
    names = tuple(block.lstrip().partition(b"\n")[0].decode(errors="replace").split())
    return (names, True) if "srcaddr" in names or "interface-id" in names else ((), False)


def parse(block: bytes, header: tuple[str, ...] | None, spec: DeltaBuilderSpec) -> Lines:
    """Split records by the names of the file's first line, or by `flow_log_format` of the JobSpec."""
    names, in_block = _header(header, block)
    lines = TextLines(block).after_first() if in_block else TextLines(block)
    given = spec.inputs.flow_log_format or DEFAULT_FORMAT
    wanted = names or tuple(given.replace("${", " ").replace("}", " ").split())
    places = {name: wanted.index(name) for name in FIELDS if name in wanted}
    width, found = lines.columns(" ", places, UNSET)
    columns = {**dict.fromkeys(FIELDS, pa.nulls(len(width), pa.string())), **found}
    problem = uneven(width, "fields where the format names", len(wanted))
    return Lines(problem, columns, lines.texts)


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Take the records that hold traffic. The packet's own addresses tell the ends behind a NAT gateway."""
    status = pc.cast(columns["log-status"], pa.string())
    count = len(status)
    observer = pc.fill_null(pc.cast(columns["interface-id"], pa.string()), UNSET)
    found = {
        "source_ip": first_of([columns["pkt-srcaddr"], columns["srcaddr"]]), "source_port": columns["srcport"],
        "destination_ip": first_of([columns["pkt-dstaddr"], columns["dstaddr"]]),
        "destination_port": columns["dstport"],
        "source_bytes": columns["bytes"], "event_start": columns["start"], "event_end": columns["end"],
        "event_action": _mapped(pc.utf8_upper(pc.cast(columns["action"], pa.string())), _ACTIONS),
        "event_name": pa.repeat("TRAFFIC", count), "network_transport": pc.cast(columns["protocol"], pa.string()),
        "observer": observer, "tcp_flags": columns["tcp-flags"],
    }  # fmt: skip
    kind = pc.take(pa.array(list(_NO_RECORD.values())), pc.index_in(status, pa.array(list(_NO_RECORD))))
    return Rows(found, pa.nulls(count, pa.string()), kind)


def _mapped(column: pa.Array, words: dict[str, str]) -> pa.Array:
    return pc.coalesce(pc.take(pa.array(list(words.values())), pc.index_in(column, pa.array(list(words)))), column)


VPC_FLOW_LOGS: Final = Source(
    "vpc_flow_logs", recognise, to_rows, lambda spec: FIELDS, parse=parse, header=header_after
)
