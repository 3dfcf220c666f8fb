"""Flows that came more than once: one log delivered as an hour and as slices, or ingested at two lengths.

Two deliveries of the same time are united as multisets: a flow counts as often as in the delivery that has it most
often. So a flow that occurs twice in one log stays two flows, and one that two deliveries have once is one.

Where the source gives its rows ids, a row is one flow, however often and in whatever files it was delivered.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.sources.integration.columns import ROW_ID

DELIVERY = "delivery"
"""A column of the number of the delivery, that is not the flow's."""
_ABSENT = np.iinfo(np.int64).min


def unrepeated(flows: pa.Table, delivery: np.ndarray) -> np.ndarray:
    """Return which flows to count.

    Parameters
    ----------
    flows : pa.Table
        `FLOW_COLUMNS` or `RECORD_COLUMNS`; text plain or as codes.
    delivery : np.ndarray
        Number of the delivery that each flow came with.

    Returns
    -------
    np.ndarray of bool
        Of each distinct flow, as many are true as one delivery has at most: those of the least delivery numbers.
    """
    count = flows.num_rows
    if not count:
        return np.ones(0, bool)
    # A delivery whose rows have ids may repeat one whose rows have none.
    ignored = {DELIVERY, *([ROW_ID] if ROW_ID in flows.schema.names and flows[ROW_ID].null_count else [])}
    keys = [_codes(flows[name]) for name in flows.schema.names if name not in ignored]
    order = np.lexsort((delivery, *reversed(keys)))
    delivered = delivery[order]
    new_flow = np.zeros(count, bool)
    new_flow[0] = True
    for key in keys:
        new_flow[1:] |= key[order][1:] != key[order][:-1]
    new_group = new_flow.copy()
    new_group[1:] |= delivered[1:] != delivered[:-1]
    begins = np.flatnonzero(new_group)
    occurrence = np.arange(count) - np.repeat(begins, np.diff(begins, append=count))
    flow = np.cumsum(new_flow)
    # Stable, so that of one occurrence of a flow the least delivery number comes first.
    by_occurrence = np.lexsort((delivered, occurrence, flow))
    same = (flow[by_occurrence][1:] == flow[by_occurrence][:-1]) & (
        occurrence[by_occurrence][1:] == occurrence[by_occurrence][:-1]
    )
    kept = np.ones(count, bool)
    kept[order[by_occurrence[1:][same]]] = False
    return kept


def distinct_by_id(flows: pa.Table) -> np.ndarray:
    """Return which flows are not another one delivered again: with the id that the source gave it, and equal.

    Parameters
    ----------
    flows : pa.Table
        `FLOW_COLUMNS` and any of `EXTRA_COLUMNS`. What has no `source_row_id` is kept.

    Returns
    -------
    np.ndarray of bool
    """
    kept = np.ones(flows.num_rows, bool)
    if ROW_ID not in flows.schema.names:
        return kept
    rows = np.flatnonzero(np.asarray(pc.is_valid(flows[ROW_ID]).to_numpy()))
    ids = np.asarray(pc.fill_null(flows[ROW_ID], 0).to_numpy())[rows]
    order = np.argsort(ids, kind="stable")
    same = np.diff(ids[order]) == 0
    shared = np.concatenate((same, [False])) | np.concatenate(([False], same)) if len(order) else np.zeros(0, bool)
    places = np.sort(rows[order[shared]])
    if not len(places):
        return kept
    is_shared = np.zeros(flows.num_rows, bool)
    is_shared[places] = True
    some = flows.filter(pa.array(is_shared))
    keys = [_codes(some[name]) for name in some.schema.names if name != DELIVERY]
    by_content = np.lexsort((np.arange(len(places)), *keys))
    equal = np.logical_and.reduce([key[by_content][1:] == key[by_content][:-1] for key in keys])
    kept[places[by_content[1:][equal]]] = False
    return kept


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as whole numbers that are equal exactly where its values are."""
    if pa.types.is_string(column.type):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):
        codes = column.unify_dictionaries().combine_chunks().indices
        return np.asarray(pc.fill_null(pc.cast(codes, pa.int64()), -1))
    return np.asarray(pc.fill_null(pc.cast(column, pa.int64()), _ABSENT))
