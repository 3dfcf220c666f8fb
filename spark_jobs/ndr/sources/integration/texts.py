"""Flows as JSON text, a column at a time: a file of rows that can't be used must not cost more than one that can."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.integration.columns import EXTRA_COLUMNS, FLOW_COLUMNS


def flow_texts(flows: pa.Table) -> pa.Array:
    """Return each flow as a JSON object of `FLOW_COLUMNS` and those of `EXTRA_COLUMNS` that there are, as `json.dumps`
    writes it, with times in ISO 8601."""
    parts: list[pa.Array | str] = []
    extra = [name for name in EXTRA_COLUMNS.names if name in flows.schema.names]
    for name in [*FLOW_COLUMNS.names, *extra]:
        parts += ["{" if not parts else ", ", f"{json.dumps(name)}: ", _json_values(flows[name].combine_chunks())]
    return pc.binary_join_element_wise(*parts, "}", "")


def instant_texts(instants: pa.Array) -> pa.Array:
    """Return UTC instants as `ndr.contract.time.format_instant` writes them; null stays null."""
    # Without its zone, as Arrow would look the zone up in a database that a slim image lacks.
    texts = pc.strftime(instants.cast(pa.timestamp("us")), "%Y-%m-%dT%H:%M:%S")
    return pc.binary_join_element_wise(pc.replace_substring_regex(texts, r"\.0+$", ""), "Z", "")


def _json_values(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):
        used = pc.unique(column.indices)  # the dictionary may be that of many more flows
        words = [json.dumps(word, ensure_ascii=False) for word in column.dictionary.take(used).to_pylist()]
        texts = pa.array(words, pa.string()).take(pc.index_in(column.indices, used))
    elif pa.types.is_timestamp(column.type):
        texts = pc.binary_join_element_wise('"', instant_texts(column), '"', "")
    else:
        texts = column.cast(pa.string())
    return pc.fill_null(texts, "null")
