"""Which rows the networks of the project leave: applied when published rows are read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.networks import NetworkLists
from ndr.net.networks import address_keys, is_excluded, is_internal

Flags = NDArray[np.bool_]


def of_hosts(rows: pa.Table, networks: NetworkLists) -> pa.Table:
    """Return the rows whose `host_ip` is internal and whose `peer_ip`, where there is that column, is not excluded."""
    kept, _ = _flags(rows["host_ip"], networks)
    if "peer_ip" in rows.column_names:
        kept &= ~_flags(rows["peer_ip"], networks)[1]
    return _filtered(rows, kept)


def of_pairs(rows: pa.Table, networks: NetworkLists) -> pa.Table:
    """Return the rows with an internal `src_ip` or `dst_ip`, neither of which is excluded."""
    (from_internal, from_excluded), (to_internal, to_excluded) = (
        _flags(rows[name], networks) for name in ("src_ip", "dst_ip")
    )
    return _filtered(rows, (from_internal | to_internal) & ~(from_excluded | to_excluded))


def _flags(column: pa.ChunkedArray, networks: NetworkLists) -> tuple[Flags, Flags]:
    """Tell of each row's address whether it is internal and whether it is excluded: one look-up a distinct address."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries()
    if not coded.num_chunks:
        return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    keys = address_keys(coded.chunk(0).dictionary)
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in coded.chunks])
    return is_internal(keys, networks).take(codes), is_excluded(keys, networks).take(codes)


def _filtered(rows: pa.Table, kept: Flags) -> pa.Table:
    return rows if kept.all() else rows.filter(pa.array(kept))
