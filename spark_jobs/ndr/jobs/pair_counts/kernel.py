"""Peer deltas → pair counts."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import OUTBOUND, PAIR_COUNTS
from ndr.jobs.deltas.grouping import packed
from ndr.store.schema import CODED, coded_schema

_PEER_DELTAS_NAME: Final = {
    "src_ip": "host_ip",
    "dst_ip": "peer_ip",
    "dst_port": "peer_port",
    "src_bytes_sum": "bytes_sent_sum",
    "dst_bytes_sum": "bytes_recv_sum",
}


def build_pair_counts(peer_deltas: pa.Table) -> pa.Table:
    """Return the flows and bytes of each source, destination and port per slice.

    The outbound rows of PEER_DELTAS hold every flow once, under its source; the inbound rows hold the same flows again.

    Parameters
    ----------
    peer_deltas : pa.Table
        PEER_DELTAS, one row for each key; text plain or as codes.

    Returns
    -------
    pa.Table
        PAIR_COUNTS, sorted by its key, text as codes.
    """
    role = _coded(peer_deltas["role"])
    outbound = peer_deltas.filter(pc.equal(role.dictionary, OUTBOUND).take(role.indices))
    columns = [outbound[_PEER_DELTAS_NAME.get(name, name)] for name in PAIR_COUNTS.column_names]
    schema = coded_schema(PAIR_COUNTS)
    wanted = zip(columns, schema.types, strict=True)
    columns = [_coded(column) if type_ == CODED else column.combine_chunks() for column, type_ in wanted]
    pairs = pa.table(columns, schema=schema)
    key = packed(*zip(*(_ranked(pairs[name]) for name in PAIR_COUNTS.key), strict=True))
    # Peer deltas of one run come in this order already; those of several runs do not.
    return pairs if np.all(key[1:] >= key[:-1]) else pairs.take(pa.array(np.argsort(key)))


def _ranked(column: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    """Return each value's place among the distinct values in order, and how many these are."""
    coded = _coded(column)
    order = pc.sort_indices(coded.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[coded.indices.to_numpy()], max(1, len(order))


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    if pa.types.is_dictionary(column.type):
        return column.unify_dictionaries().combine_chunks()
    return column.combine_chunks().dictionary_encode()
