"""Strata Logging Service (formerly Cortex Data Lake): traffic and threat logs as JSON.

Fields are those of "Network Traffic" and "Network Threat" logs in Palo Alto Networks' log reference.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.delimited import first_of, prefixed, where
from ndr.sources.source import Columns, Field, Rows, Sample, Source
from ndr.sources.values.converted import are, each_word, plain, repeated
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
    log_type, count = each_word(columns["LogType"], pc.utf8_upper), len(columns["LogType"])
    is_threat = are(log_type, "THREAT")
    names = ("BytesSent", "BytesReceived", "SessionDuration", "SessionStartTime", "SessionEndReason")
    of_traffic = {name: columns[name] for name in names}
    if is_threat.any():
        of_traffic = {name: where(~is_threat, pc.cast(column, pa.string())) for name, column in of_traffic.items()}
    found = {
        "source_ip": columns["SourceAddress"], "source_port": columns["SourcePort"],
        "destination_ip": columns["DestinationAddress"], "destination_port": columns["DestinationPort"],
        "source_bytes": of_traffic["BytesSent"], "destination_bytes": of_traffic["BytesReceived"],
        "event_start": first_of([of_traffic["SessionStartTime"], columns["TimeGenerated"]]),
        "duration": pc.cast(of_traffic["SessionDuration"], pa.string()), "event_action": columns["Action"],
        "event_name": first_of([columns["LogType"], repeated("TRAFFIC", count)]),
        "event_reason": of_traffic["SessionEndReason"],
        "network_transport": columns["Protocol"],
    }  # fmt: skip
    found |= row_id_column(columns["DeviceSN"], columns["SequenceNo"])
    if columns["RepeatCount"].null_count < count:
        found["sessions"] = columns["RepeatCount"]
    is_copy = are(each_word(columns["IsDuplicateLog"], pc.utf8_lower), "true")
    is_other = ~(is_threat | are(log_type, "TRAFFIC")) & np.asarray(pc.is_valid(log_type.indices))
    kinds = [
        where(is_copy, "duplicate log"),
        prefixed("Strata log ", where(is_other, plain(log_type)) if is_other.any() else pa.nulls(count, pa.string())),
        where(are(each_word(columns["Subtype"], pc.utf8_lower), "start"), "session start"),
    ]
    return Rows(found, pa.nulls(count, pa.string()), first_of(kinds))


STRATA: Final = Source("strata", recognise, to_rows, lambda spec: FIELDS)
