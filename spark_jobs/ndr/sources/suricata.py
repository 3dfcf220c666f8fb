"""Suricata EVE: `flow` events. `netflow` events are the two halves of the same flows, and are not read.

Fields are those of "Eve JSON Format" in Suricata's documentation. Bytes are those of the packets.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.delimited import first_of, prefixed, where
from ndr.sources.source import Columns, Field, Rows, Sample, Source
from ndr.sources.values.converted import are, coded, each_word, plain, repeated, worded
from ndr.sources.values.row_ids import row_id_column

FLOW: Final = "flow"
FIELDS: Final = {
    **{name: Field((name,)) for name in ("event_type", "src_ip", "dest_ip", "proto", "timestamp", "flow_id")},
    **{name: Field((name,), "int64") for name in ("src_port", "dest_port")},
    **{name: Field((f"flow.{name}",), "int64") for name in ("bytes_toserver", "bytes_toclient")},
    **{name: Field((f"flow.{name}",)) for name in ("start", "end", "state", "action")},
    **{name: Field((f"tcp.{name}",)) for name in ("tcp_flags", "tcp_flags_ts", "tcp_flags_tc")},
}
_FIN: Final = 1
_RST: Final = 4
_REASONS: Final = ("tcp-rst-from-client", "tcp-rst-from-server", "tcp-fin", "aged-out")
_ACTIONS: Final = ("drop", "deny", "allow")


def recognise(sample: Sample) -> float:
    """An event type beside the names of both ends is sure."""
    if not sample.has("event_type", "timestamp"):
        return 0.0
    return 0.98 if sample.has("src_ip", "dest_ip") else 0.7


def to_rows(columns: Columns, spec: DeltaBuilderSpec) -> Rows:
    """Take flow events; the flags of both directions tell how a TCP flow ended."""
    event, proto = coded(columns["event_type"]), coded(columns["proto"])
    found = {
        "source_ip": columns["src_ip"], "source_port": columns["src_port"],
        "destination_ip": columns["dest_ip"], "destination_port": columns["dest_port"],
        "source_bytes": columns["bytes_toserver"], "destination_bytes": columns["bytes_toclient"],
        "event_start": first_of([columns["start"], columns["timestamp"]]),
        "event_end": first_of([columns["end"], columns["start"], columns["timestamp"]]),
        "event_action": _action(columns), "event_name": repeated("TRAFFIC", len(event)),
        "event_reason": _reason(columns, are(each_word(proto, pc.utf8_lower), "tcp")), "network_transport": proto,
    }  # fmt: skip
    found |= row_id_column(columns["flow_id"])
    is_other = ~are(event, FLOW) & np.asarray(pc.is_valid(event))
    kind = prefixed(
        "Suricata event ", where(is_other, plain(event)) if is_other.any() else pa.nulls(len(event), "string")
    )
    return Rows(found, pa.nulls(len(event), pa.string()), kind)


def _action(columns: Columns) -> pa.Array:
    word = coded(columns["action"])
    return worded(_select([are(word, name) for name in ("drop", "reject")]), _ACTIONS)


def _reason(columns: Columns, is_tcp: np.ndarray) -> pa.Array:
    to_server, to_client, both = (_flags(columns[name]) for name in ("tcp_flags_ts", "tcp_flags_tc", "tcp_flags"))
    cases = [to_server & _RST != 0, to_client & _RST != 0, (to_server | to_client | both) & _FIN != 0]
    return worded(_select([case & is_tcp for case in cases]), _REASONS)


def _select(cases: list[np.ndarray]) -> np.ndarray:
    """Return the number of the first case that is true for each row, or how many there are."""
    return np.select(cases, list(range(len(cases))), len(cases))


def _flags(column: pa.Array) -> np.ndarray:
    """Return flags that are written in hexadecimal as numbers; those that are not are none."""
    words = coded(column)
    numbers = np.array([_hexadecimal(word) for word in words.dictionary.to_pylist()] + [0], np.int64)
    return numbers[np.asarray(pc.fill_null(words.indices, len(numbers) - 1))]


def _hexadecimal(word: str | None) -> int:
    try:
        return int(word or "0", 16) & 0xFF
    except ValueError:
        return 0


SURICATA: Final = Source("suricata", recognise, to_rows, lambda spec: FIELDS)
