"""Datasets of the contract as Arrow schemas."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from ndr.contract.datasets import ColumnType, Dataset

ARROW_TYPES: Final[dict[ColumnType, pa.DataType]] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(dataset: Dataset) -> pa.Schema:
    """Return the dataset's columns as an Arrow schema: same names, same order, every one nullable."""
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in dataset.columns])
