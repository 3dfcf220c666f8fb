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
from ndr.sources.delimited import TextLines, first_of, prefixed, where
from ndr.sources.offsets import offsets_behind, with_offset
from ndr.sources.quotes import without_quoted_commas, without_quotes
from ndr.sources.source import Columns, Lines, Rows, Sample, Source
from ndr.sources.values.converted import are, coded, plain
from ndr.sources.values.row_ids import row_id_column

TRAFFIC: Final = "TRAFFIC"
THREAT: Final = "THREAT"
_TYPE: Final = 3
# Places from 0: the documentation's number less one.
_PLACES: Final = {
    "serial": 2, "type": 3, "subtype": 4, "generated": 6, "source_ip": 7, "destination_ip": 8, "sessions": 23,
    "source_port": 24, "destination_port": 25, "transport": 29, "action": 30, "sent": 32, "received": 33, "start": 35,
    "elapsed": 36, "seqno": 39, "reason": 46,
}  # fmt: skip
_FEWEST_FIELDS: Final = {TRAFFIC: 37, THREAT: 31}
_COLUMNS_WITHOUT_OFFSET: Final = 75
"""Columns of PAN-OS 9.1, the last version whose logs have no high-resolution time."""

# The header of syslog has no place for the type: what stands before it is of no use.
_BEFORE_TYPE: Final = rf"^.*?,({TRAFFIC}|{THREAT}),"
_OTHER_TYPES: Final = (
    *("SYSTEM", "CONFIG", "HIPMATCH", "GLOBALPROTECT", "USERID", "DECRYPTION", "AUTHENTICATION"),
    *("CORRELATION", "GTP", "SCTP", "IPTAG", "AUDIT"),
)
_OTHER_TYPE: Final = rf"^.*?,(?P<type>{'|'.join(_OTHER_TYPES)}),"
_TYPES: Final = (TRAFFIC, THREAT)


def recognise(sample: Sample) -> float:
    """A line with the type in its place, and addresses in theirs, is sure; one with a type near it is likely."""
    found = 0.0
    for line in sample.lines:
        fields = line.split(",")
        if len(fields) >= _FEWEST_FIELDS[THREAT] and fields[_TYPE] in (TRAFFIC, THREAT):
            return 0.98
        if any(f",{name}," in line for name in (TRAFFIC, THREAT)) and len(fields) >= _FEWEST_FIELDS[THREAT]:
            found = 0.8
    return found


def parse(block: bytes, header: Any, spec: DeltaBuilderSpec) -> Lines:
    """Split lines by commas; the few whose syslog header has commas are rewritten before."""
    lines = TextLines(block)
    # The time of a threat is read only where there is one: times are the widest columns.
    places = _PLACES if THREAT.encode() in block else _PLACES | {"generated": _PLACES["start"]}
    bare = without_quoted_commas(lines)
    width, columns = bare.columns(",", places)
    if bare is not lines:
        columns = without_quotes(columns)
    columns["offset"] = pa.nulls(len(width), pa.string())
    if (width > _COLUMNS_WITHOUT_OFFSET).any():
        columns["offset"] = offsets_behind(lines, bare.split(",").column_start(_PLACES["action"]))
    type_ = columns["type"] = coded(columns["type"])
    is_other = are(type_, *_OTHER_TYPES)
    columns["other"] = where(is_other, plain(type_)) if is_other.any() else pa.nulls(len(width), pa.string())
    shifted = ~(are(type_, *_TYPES) | is_other)
    if shifted.any():
        width[shifted], found = _shifted(lines.where(shifted), places)
        mask = pa.array(shifted)
        columns |= {name: pc.replace_with_mask(plain(columns[name]), mask, column) for name, column in found.items()}
        columns["type"] = coded(columns["type"])
    return Lines(_problem(columns, width), columns, lines.texts)


def _shifted(text: pa.Array, places: dict[str, int]) -> tuple[np.ndarray, dict[str, pa.Array]]:
    """Return the widths and columns of lines whose type is not in its place."""
    moved = pc.replace_substring_regex(text, _BEFORE_TYPE, r",,,\1,", max_replacements=1)
    # A carriage return would end a line that holds nothing else.
    lines = TextLines("\n".join(pc.replace_substring(moved, "\r", " ").to_pylist()).encode())
    width, columns = without_quoted_commas(lines).columns(",", places)
    columns = without_quotes(columns)
    is_flow = pc.is_in(columns["type"], value_set=pa.array(_TYPES))
    other = pc.struct_field(pc.extract_regex(text, _OTHER_TYPE), "type")
    return width, columns | {"other": where(pc.invert(is_flow), other)}


def _problem(columns: Columns, width: np.ndarray) -> pa.Array:
    is_threat = are(columns["type"], THREAT)
    is_flow = is_threat | are(columns["type"], TRAFFIC)
    is_short = is_flow & (width < np.where(is_threat, _FEWEST_FIELDS[THREAT], _FEWEST_FIELDS[TRAFFIC]))
    is_unknown = ~is_flow & np.asarray(pc.is_null(columns["other"]))
    return first_of(
        [
            where(is_unknown, "bad_line: the line has no PAN-OS log type"),
            where(is_short, "bad_line: the line has fewer columns than a PAN-OS log"),
        ]
    )


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Take sessions that ended, were dropped or denied, and threats, which have no bytes.

    Times are in the zone that the log tells by its high-resolution time, else in `time_zone` of the JobSpec.
    """
    is_threat = are(columns["type"], THREAT)
    started = are(columns["subtype"], "start") & ~is_threat
    of_traffic = ("sent", "received", "elapsed", "reason")
    traffic = {name: where(~is_threat, columns[name]) if is_threat.any() else columns[name] for name in of_traffic}
    start = pc.if_else(is_threat, columns["generated"], columns["start"]) if is_threat.any() else columns["start"]
    found = {
        "source_ip": columns["source_ip"], "source_port": columns["source_port"],
        "destination_ip": columns["destination_ip"], "destination_port": columns["destination_port"],
        "source_bytes": traffic["sent"], "destination_bytes": traffic["received"],
        "event_start": with_offset(start, columns["offset"]), "duration": traffic["elapsed"],
        "event_action": columns["action"], "event_name": columns["type"], "event_reason": traffic["reason"],
        "network_transport": columns["transport"],
    }  # fmt: skip
    found |= row_id_column(columns["serial"], columns["seqno"])
    if set(coded(columns["sessions"]).dictionary.to_pylist()) - {"1", "0", ""}:
        found["sessions"] = columns["sessions"]
    kind = first_of([prefixed("PAN-OS log ", columns["other"]), where(started, "session start")])
    return Rows(found, pa.nulls(len(kind), pa.string()), kind)


PAN_OS: Final = Source("pan_os", recognise, to_rows, parse=parse)
