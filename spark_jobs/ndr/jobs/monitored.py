"""Which rows the networks of the project leave: applied when published rows are read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.networks import NetworkLists
from ndr.net.networks import AddressKeys, address_keys, is_excluded, is_internal

Flags = NDArray[np.bool_]


def of_hosts(rows: pa.Table, networks: NetworkLists) -> pa.Table:
    """Return the rows whose `host_ip` is internal and whose `peer_ip`, where there is that column, is not excluded."""
    kept = _tested(rows["host_ip"], lambda keys: is_internal(keys, networks))
    if "peer_ip" in rows.column_names:
        kept &= ~_tested(rows["peer_ip"], lambda keys: is_excluded(keys, networks))
    return _filtered(rows, kept)


def of_pairs(rows: pa.Table, networks: NetworkLists) -> pa.Table:
    """Return the rows with an internal `src_ip` or `dst_ip`, neither of which is excluded."""
    source, destination = rows["src_ip"], rows["dst_ip"]
    internal = _tested(source, lambda keys: is_internal(keys, networks))
    internal |= _tested(destination, lambda keys: is_internal(keys, networks))
    excluded = _tested(source, lambda keys: is_excluded(keys, networks))
    excluded |= _tested(destination, lambda keys: is_excluded(keys, networks))
    return _filtered(rows, internal & ~excluded)


def _tested(column: pa.ChunkedArray, test: Callable[[AddressKeys], Flags]) -> Flags:
    """Return the test of each row's address, at the price of one lookup a distinct address."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries()
    if not coded.num_chunks:
        return np.zeros(0, np.bool_)
    passed = test(address_keys(coded.chunk(0).dictionary))
    return np.concatenate([passed[chunk.indices.to_numpy()] for chunk in coded.chunks])


def _filtered(rows: pa.Table, kept: Flags) -> pa.Table:
    return rows if kept.all() else rows.filter(pa.array(kept))
