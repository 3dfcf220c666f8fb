"""A table of flows as numpy arrays: what the counting needs, computed once for both roles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.jobspecs.port_classes import PortClasses
from ndr.jobs.deltas.port_members import port_flags, transport_code
from ndr.sources.integration.vocabulary import ICMP, is_aged_out, is_reset

_ADDRESS_COLUMNS: Final = ("source_ip", "destination_ip")


class FlowArrays(NamedTuple):
    """One element a flow; times in microseconds.

    `addresses` are the distinct addresses in sorted order, `source` and `destination` ranks in it. `flags` holds, for
    each count column that counts some flows, which.
    """

    addresses: pa.Array
    source: np.ndarray
    destination: np.ndarray
    port: np.ndarray
    source_bytes: np.ndarray
    destination_bytes: np.ndarray
    start: np.ndarray
    duration: np.ndarray
    flags: dict[str, np.ndarray]


def flow_arrays(flows: pa.Table, port_classes: PortClasses, short_session: int) -> FlowArrays:
    """Take the arrays out of valid flows; `short_session` is in microseconds."""
    addresses, (source, destination) = address_ranks(flows)
    start = _integers(flows["event_start"])
    duration = _integers(flows["event_end"]) - start
    port = _integers(flows["destination_port"])
    destination_bytes = _integers(flows["destination_bytes"])
    no_reply, words = destination_bytes == 0, _word_flags(flows)
    transport = _of_words(flows["network_transport"], transport_code)
    flags = {
        **words,
        "zero_reply_cnt": no_reply,
        "syn_only_cnt": no_reply & words["tcp_cnt"],
        "short_session_cnt": duration <= short_session,
        **{f"{name}_port_sessions_cnt": member for name, member in port_flags(transport, port, port_classes).items()},
    }
    source_bytes = _integers(flows["source_bytes"])
    return FlowArrays(addresses, source, destination, port, source_bytes, destination_bytes, start, duration, flags)


def address_ranks(flows: pa.Table) -> tuple[pa.Array, list[np.ndarray]]:
    """Return the distinct addresses in sorted order, and each flow's ranks in it: of its source, of its destination."""
    coded = [_coded(flows[name]) for name in _ADDRESS_COLUMNS]
    distinct = pc.unique(pa.concat_arrays([column.dictionary for column in coded]))
    addresses = distinct.take(pc.sort_indices(distinct))
    ranks = [pc.index_in(column.dictionary, value_set=addresses).to_numpy() for column in coded]
    return addresses, [rank[column.indices.to_numpy()] for rank, column in zip(ranks, coded, strict=True)]


def _word_flags(flows: pa.Table) -> dict[str, np.ndarray]:
    action = _tester(flows["event_action"])
    name = _tester(flows["event_name"])
    reason = _tester(flows["event_reason"])
    transport = _tester(flows["network_transport"])
    return {
        "allow_cnt": action(lambda word: word == "allow"),
        "deny_cnt": action(lambda word: word in ("deny", "drop")),
        "alert_cnt": action(lambda word: word == "alert"),
        "rst_cnt": reason(is_reset),
        "aged_out_cnt": reason(is_aged_out),
        "threat_cnt": name(lambda word: word == "THREAT"),
        "traffic_cnt": name(lambda word: word == "TRAFFIC"),
        "tcp_cnt": transport(lambda word: word == "tcp"),
        "udp_cnt": transport(lambda word: word == "udp"),
        "icmp_cnt": transport(lambda word: word in ICMP),
    }


def _tester(column: pa.ChunkedArray) -> Callable[[Callable[[str], bool]], np.ndarray]:
    """Return what tests each flow's word, at the price of one test a distinct word; no word passes no test."""
    coded = _coded(column)
    words = coded.dictionary.to_pylist()
    codes = pc.fill_null(coded.indices, len(words)).to_numpy()
    return lambda test: np.array([*(test(word) for word in words), False])[codes]


def _of_words(column: pa.ChunkedArray, code: Callable[[str | None], int]) -> np.ndarray:
    """Return the code (int8) of each flow's word, None where it has none, at the price of one call a distinct word."""
    coded = _coded(column)
    codes = np.array([code(word) for word in [*coded.dictionary.to_pylist(), None]], np.int8)
    return codes[pc.fill_null(coded.indices, len(codes) - 1).to_numpy()]


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    whole = column.combine_chunks()
    return whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()


def _integers(column: pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy()
