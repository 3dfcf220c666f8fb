"""OCSF Network Activity (class 4001), as JSON and as the Parquet of Amazon Security Lake.

Fields are those of the OCSF schema, 1.0 to 1.9. `traffic` of an update is what came since the last one, and
`cumulative_traffic` a total: only `traffic` is read. A row with `traffic.bytes` alone, as Security Lake writes VPC Flow
Logs, has the packets of one direction. `metadata.uid` is the id of an event; `connection_info.uid` is that of a
connection, which may have several.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.delimited import first_of, prefixed, where
from ndr.sources.source import Columns, Field, Rows, Sample, Source
from ndr.sources.values.converted import plain, repeated, worded
from ndr.sources.values.numbers import to_int64
from ndr.sources.values.row_ids import row_id_column

NETWORK_ACTIVITY: Final = 4001
_ENDS: Final = ("src_endpoint", "dst_endpoint")
FIELDS: Final = {
    **{
        name: Field((name,), "int64")
        for name in ("class_uid", "activity_id", "action_id", "disposition_id", "initiator_id")
    },
    **{name: Field((name,), "float64") for name in ("time", "start_time", "end_time")},
    "metadata.uid": Field(("metadata.uid",)),
    **{f"{end}.ip": Field((f"{end}.ip",)) for end in _ENDS},
    **{f"{end}.port": Field((f"{end}.port",), "int64") for end in _ENDS},
    **{f"{end}.interface_uid": Field((f"{end}.interface_uid",)) for end in _ENDS},
    **{name: Field((f"traffic.{name}",), "int64") for name in ("bytes_in", "bytes_out", "bytes")},
    **{name: Field((f"connection_info.{name}",), "int64") for name in ("protocol_num", "tcp_flags")},
}
# An activity tells how a connection ended: reset, failed, refused.
_ACTIVITIES: Final = {1: "Open", 2: "Close", 3: "Reset", 4: "Fail", 5: "Refuse", 6: "Traffic", 7: "Listen"}
_PLACES: Final = {name: place for place, name in enumerate(_ACTIVITIES.values())}
_NOT_FLOWS: Final = ("Open", "Listen")
_KINDS: Final = [*(f"OCSF activity {name}" if name in _NOT_FLOWS else None for name in _ACTIVITIES.values()), None]
_REASONS: Final = {"Close": "tcp-fin", "Reset": "tcp-rst", "Fail": "aged-out", "Refuse": "policy-deny"}
_DENIED: Final = 2


def recognise(sample: Sample) -> float:
    """The class is sure where it is given; the objects of both ends are likely."""
    has_ends = sample.has("src_endpoint", "dst_endpoint") or sample.has("src_endpoint.ip", "dst_endpoint.ip")
    stated = sample.record.get("class_uid")
    if stated is not None:
        return 0.99 * (stated == NETWORK_ACTIVITY)
    return 0.9 * has_ends


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Take activities 2 to 6. `initiator_id` 2 says that the destination opened the connection."""
    number = {name: _integers(columns[name]) for name in ("class_uid", "activity_id", "action_id", "disposition_id")}
    activity = _activities(number["activity_id"])
    source, destination = _ends(columns)
    one_way = pc.and_(
        pc.is_valid(columns["bytes"]), pc.and_(pc.is_null(columns["bytes_in"]), pc.is_null(columns["bytes_out"]))
    )
    denied = pc.or_(_is(number["action_id"], _DENIED), _is(number["disposition_id"], _DENIED))
    denied = np.asarray(denied) | (activity == _PLACES["Refuse"])
    count = len(activity)
    found = {
        "source_ip": source["ip"], "source_port": source["port"],
        "destination_ip": destination["ip"], "destination_port": destination["port"],
        "source_bytes": first_of([_only(one_way, columns["bytes"]), source["bytes"]]),
        "destination_bytes": destination["bytes"],
        "event_start": first_of([columns["start_time"], columns["time"]]),
        "event_end": first_of([columns["end_time"], columns["time"], columns["start_time"]]),
        "event_action": worded(denied.astype(np.int32), ("allow", "deny")), "event_name": repeated("TRAFFIC", count),
        "event_reason": _reasons(activity, columns), "network_transport": columns["protocol_num"],
    }  # fmt: skip
    found |= row_id_column(columns["metadata.uid"])
    if pc.any(one_way, min_count=0).as_py():
        interface = first_of([*(columns[f"{end}.interface_uid"] for end in _ENDS), pa.repeat("-", count)])
        found |= {"observer": where(one_way, interface), "tcp_flags": columns["tcp_flags"]}
    is_other = np.asarray(pc.fill_null(pc.not_equal(number["class_uid"], NETWORK_ACTIVITY), False))
    kind = first_of(
        [
            prefixed("OCSF class ", where(is_other, pc.cast(number["class_uid"], pa.string())))
            if is_other.any()
            else pa.nulls(count, pa.string()),
            plain(worded(activity, _KINDS)),
        ]
    )
    return Rows(found, pa.nulls(count, pa.string()), kind)


def _ends(columns: Columns) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    source, destination = (
        {"ip": columns[f"{end}.ip"], "port": columns[f"{end}.port"], "bytes": columns[size]}
        for end, size in zip(_ENDS, ("bytes_out", "bytes_in"), strict=True)
    )
    swapped = _is(_integers(columns["initiator_id"]), 2)
    if not pc.any(swapped, min_count=0).as_py():
        return source, destination
    texts = [{name: pc.cast(column, pa.string()) for name, column in end.items()} for end in (source, destination)]
    return tuple(  # type: ignore[return-value]
        {name: pc.if_else(swapped, other[name], own[name]) for name in own} for own, other in (texts, reversed(texts))
    )


def _activities(numbers: pa.Array) -> np.ndarray:
    """Return the place of each activity in `_ACTIVITIES`; behind the last one where it is none of these."""
    place = pc.index_in(numbers, pa.array(list(_ACTIVITIES), pa.int64()))
    return pc.fill_null(place, len(_ACTIVITIES)).to_numpy()


def _reasons(activity: np.ndarray, columns: Columns) -> pa.Array:
    is_tcp = np.asarray(_is(_integers(columns["protocol_num"]), 6))
    of_activity = [_REASONS.get(name) for name in _ACTIVITIES.values()]
    return worded(np.where(is_tcp, activity, len(of_activity) + 1), [*of_activity, None, "aged-out"])


def _is(numbers: pa.Array, number: int) -> pa.Array:
    return pc.fill_null(pc.equal(numbers, number), False)


def _only(mask: pa.Array, column: pa.Array) -> pa.Array:
    return pc.if_else(mask, column, pa.scalar(None, column.type))


def _integers(column: pa.Array) -> pa.Array:
    return to_int64(column).values


OCSF: Final = Source("ocsf", recognise, to_rows, lambda spec: FIELDS)
