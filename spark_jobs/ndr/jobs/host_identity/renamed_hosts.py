"""Rows of hosts under other names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from ndr.store.schema import CODED


def coded_texts(column: pa.ChunkedArray | pa.Array) -> pa.DictionaryArray:
    """Return a text column, plain or as codes, as codes of one dictionary of plain text."""
    chunked = pa.chunked_array([column]) if isinstance(column, pa.Array) else column
    if pa.types.is_dictionary(chunked.type):
        return chunked.cast(CODED).unify_dictionaries().combine_chunks()
    return chunked.cast(pa.string()).combine_chunks().dictionary_encode()


def renamed_hosts(table: pa.Table, names_of: Callable[[str], Sequence[str]], column: str = "host_ip") -> pa.Table:
    """Return the rows under each of the names of their host, plain text; without those of a host that has none."""
    hosts = coded_texts(table[column])
    names = [names_of(host) for host in hosts.dictionary.to_pylist()]
    codes = hosts.indices.to_numpy()
    counts = np.array([len(each) for each in names], np.int64)
    of_row = counts[codes] if len(codes) else np.zeros(0, np.int64)
    rows = np.repeat(np.arange(len(codes)), of_row)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(of_row) - of_row, of_row)
    texts = pa.array([name for each in names for name in each], pa.string())
    place = (np.cumsum(counts) - counts)[codes[rows]] + nth if len(rows) else nth
    taken = table.take(pa.array(rows))
    return taken.set_column(table.schema.get_field_index(column), column, texts.take(pa.array(place)))
