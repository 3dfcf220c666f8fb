"""Flows that came more than once: one log delivered as an hour and as slices, or ingested at two lengths.

Two deliveries of the same time are united as multisets: a flow counts as often as in the delivery that has it most
often. So a flow that occurs twice in one log stays two flows, and one that two deliveries have once is one.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

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
    keys = [_codes(flows[name]) for name in flows.schema.names if name != DELIVERY]
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


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Return a column as whole numbers that are equal exactly where its values are."""
    if pa.types.is_string(column.type):
        column = column.dictionary_encode()
    if pa.types.is_dictionary(column.type):
        codes = column.unify_dictionaries().combine_chunks().indices
        return np.asarray(pc.fill_null(pc.cast(codes, pa.int64()), -1))
    return np.asarray(pc.fill_null(pc.cast(column, pa.int64()), _ABSENT))
