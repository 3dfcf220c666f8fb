"""PAN-OS TRAFFIC and THREAT logs: CSV, as syslog carries it, of any version since 7.1.

Columns are those of Palo Alto Networks' "Traffic Log Fields" and "Threat Log Fields"; the ones that are read have kept
their places. Later versions append columns, so a line is split no further than the last one that is read.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.delimited import columns_of, joined, lines_of, split, where
from ndr.sources.quotes import without_quoted_commas
from ndr.sources.source import Columns, Lines, Rows, Sample, Source

TRAFFIC: Final = "TRAFFIC"
THREAT: Final = "THREAT"
_TYPE: Final = 3
# Places from 0: the documentation's number less one.
_PLACES: Final = {
    "type": 3, "subtype": 4, "generated": 6, "source_ip": 7, "destination_ip": 8, "sessions": 23, "source_port": 24,
    "destination_port": 25, "transport": 29, "action": 30, "sent": 32, "received": 33, "start": 35, "elapsed": 36,
    "reason": 46, "rest": 47,
}  # fmt: skip
_MOST_FIELDS: Final = 48
_FEWEST_FIELDS: Final = {TRAFFIC: 37, THREAT: 31}
# The header of syslog has no place for the type: what stands before it is of no use.
_BEFORE_TYPE: Final = rf"^.*?,({TRAFFIC}|{THREAT}),"
_OTHER_TYPES: Final = (
    *("SYSTEM", "CONFIG", "HIPMATCH", "GLOBALPROTECT", "USERID", "DECRYPTION", "AUTHENTICATION"),
    *("CORRELATION", "GTP", "SCTP", "IPTAG", "AUDIT"),
)
_OTHER_TYPE: Final = rf"^.*?,(?P<type>{'|'.join(_OTHER_TYPES)}),"
# The time at which the log was written, with the offset of the firewall's clock.
_OFFSET: Final = r",\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?P<offset>Z|[+-]\d{2}:?\d{2})(?:,|$)"


def recognise(sample: Sample) -> float:
    """A line with the type in its place, and addresses in theirs, is sure; one with a type near it is likely."""
    found = 0.0
    for line in sample.lines:
        fields = line.split(",", _MOST_FIELDS)
        if len(fields) >= _FEWEST_FIELDS[THREAT] and fields[_TYPE] in (TRAFFIC, THREAT):
            return 0.98
        if any(f",{name}," in line for name in (TRAFFIC, THREAT)) and len(fields) >= _FEWEST_FIELDS[THREAT]:
            found = 0.8
    return found


def parse(block: bytes, header: Any, spec: DeltaBuilderSpec) -> Lines:
    """Split lines by commas; the few that are quoted or have commas in their syslog header are rewritten before."""
    text = lines_of(block)
    lines = without_quoted_commas(text) if b'"' in block else text
    fields = split(lines, ",", _MOST_FIELDS)
    is_flow = pc.is_in(fields.column(_TYPE), value_set=pa.array([TRAFFIC, THREAT]))
    other: pa.Array = pa.nulls(len(lines), pa.string())
    if not pc.all(is_flow, min_count=0).as_py():
        odd = pc.invert(is_flow)
        rewritten = pc.replace_substring_regex(lines.filter(odd), _BEFORE_TYPE, r",,,\1,", max_replacements=1)
        fields = split(pc.replace_with_mask(lines, odd, rewritten), ",", _MOST_FIELDS)
        found = pc.struct_field(pc.extract_regex(lines, _OTHER_TYPE), "type")
        is_flow = pc.is_in(fields.column(_TYPE), value_set=pa.array([TRAFFIC, THREAT]))
        other = where(pc.invert(is_flow), found)
    columns = columns_of(fields, _PLACES)
    is_threat = np.asarray(pc.fill_null(pc.equal(columns["type"], THREAT), False))
    is_short = fields.width < np.where(is_threat, _FEWEST_FIELDS[THREAT], _FEWEST_FIELDS[TRAFFIC])
    short = where(is_short & np.asarray(pc.is_null(other)), "bad_line: the line has fewer columns than a PAN-OS log")
    unknown = where(pc.and_(pc.invert(is_flow), pc.is_null(other)), "bad_line: the line has no PAN-OS log type")
    return Lines(text, pc.coalesce(unknown, short), {**columns, "other": other})


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Take sessions that ended, were dropped or denied, and threats, which have no bytes.

    Times are in the zone that the log tells by its high-resolution time, else in `time_zone` of the JobSpec.
    """
    is_threat = pc.equal(columns["type"], THREAT)
    started = pc.and_(pc.equal(columns["subtype"], "start"), pc.invert(is_threat))
    traffic = {name: pc.if_else(is_threat, pa.scalar(None, pa.string()), columns[name])
               for name in ("sent", "received", "elapsed", "reason")}  # fmt: skip
    start = pc.if_else(is_threat, columns["generated"], columns["start"])
    found = {
        "source_ip": columns["source_ip"], "source_port": columns["source_port"],
        "destination_ip": columns["destination_ip"], "destination_port": columns["destination_port"],
        "source_bytes": traffic["sent"], "destination_bytes": traffic["received"],
        "event_start": with_offset(start, columns["rest"]), "duration": traffic["elapsed"],
        "event_action": columns["action"], "event_name": columns["type"], "event_reason": traffic["reason"],
        "network_transport": columns["transport"],
    }  # fmt: skip
    if not pc.all(pc.is_in(columns["sessions"], value_set=pa.array(["1", "0", "", None]))).as_py():
        found["sessions"] = columns["sessions"]
    kind = pc.coalesce(joined("PAN-OS log ", columns["other"]), where(pc.fill_null(started, False), "session start"))
    return Rows(found, pa.nulls(len(kind), pa.string()), kind)


def with_offset(times: pa.Array, rest: pa.Array) -> pa.Array:
    """Write the offset of the high-resolution time of a line behind its other times."""
    offset = pc.struct_field(pc.extract_regex(rest, _OFFSET), "offset")
    if offset.null_count == len(offset):
        return times
    iso = pc.replace_substring(times, "/", "-")
    return pc.coalesce(joined(iso, offset), times)


PAN_OS: Final = Source("pan_os", recognise, to_rows, parse=parse)
