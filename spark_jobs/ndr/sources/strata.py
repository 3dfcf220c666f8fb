"""Strata Logging Service (formerly Cortex Data Lake): traffic and threat logs as JSON.

Fields are those of "Network Traffic" and "Network Threat" logs in Palo Alto Networks' log reference.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.delimited import first_of, joined, where
from ndr.sources.source import Columns, Field, Rows, Sample, Source
from ndr.sources.values.row_ids import row_id_column

_TEXTS: Final = (
    *("TimeGenerated", "SourceAddress", "DestinationAddress", "Protocol", "Action", "SessionStartTime"),
    *("SessionEndReason", "LogType", "Subtype", "DeviceSN", "SequenceNo"),
)
_INTEGERS: Final = ("SourcePort", "DestinationPort", "BytesSent", "BytesReceived", "SessionDuration", "RepeatCount")
FIELDS: Final = {
    **{name: Field((name,)) for name in _TEXTS},
    **{name: Field((name,), "int64") for name in _INTEGERS},
    "IsDuplicateLog": Field(("IsDuplicateLog",), "bool"),
}


def recognise(sample: Sample) -> float:
    """The names of both ends are sure."""
    if not sample.has("SourceAddress", "DestinationAddress"):
        return 0.0
    return 0.98 if sample.has("LogType") or sample.has("TimeGenerated") else 0.8


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Take sessions that ended and threats; a copy of a log that was sent twice is not a flow."""
    log_type = pc.utf8_upper(pc.cast(columns["LogType"], pa.string()))
    subtype = pc.utf8_lower(pc.cast(columns["Subtype"], pa.string()))
    is_threat = pc.fill_null(pc.equal(log_type, "THREAT"), False)
    none = pa.scalar(None, pa.string())
    of_traffic = {
        name: pc.if_else(is_threat, none, pc.cast(columns[name], pa.string()))
        for name in ("BytesSent", "BytesReceived", "SessionDuration", "SessionStartTime", "SessionEndReason")
    }
    found = {
        "source_ip": columns["SourceAddress"], "source_port": columns["SourcePort"],
        "destination_ip": columns["DestinationAddress"], "destination_port": columns["DestinationPort"],
        "source_bytes": of_traffic["BytesSent"], "destination_bytes": of_traffic["BytesReceived"],
        "event_start": first_of([of_traffic["SessionStartTime"], columns["TimeGenerated"]]),
        "duration": of_traffic["SessionDuration"], "event_action": columns["Action"],
        "event_name": pc.fill_null(log_type, "TRAFFIC"), "event_reason": of_traffic["SessionEndReason"],
        "network_transport": columns["Protocol"],
    }  # fmt: skip
    found |= row_id_column(columns["DeviceSN"], columns["SequenceNo"])
    if columns["RepeatCount"].null_count < len(log_type):
        found["sessions"] = columns["RepeatCount"]
    copies = pc.fill_null(pc.equal(pc.utf8_lower(pc.cast(columns["IsDuplicateLog"], pa.string())), "true"), False)
    is_other = pc.invert(pc.is_in(log_type, value_set=pa.array(["TRAFFIC", "THREAT", None])))
    kind = pc.coalesce(
        where(copies, "duplicate log"),
        joined("Strata log ", where(is_other, log_type)),
        where(pc.fill_null(pc.equal(subtype, "start"), False), "session start"),
    )
    return Rows(found, pa.nulls(len(log_type), pa.string()), kind)


STRATA: Final = Source("strata", recognise, to_rows, lambda spec: FIELDS)
