"""Datasets of the contract as Arrow schemas."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from ndr.contract.columns import ColumnType
from ndr.contract.datasets import REASON_FIELDS, Dataset

_FLAT: Final[dict[str, pa.DataType]] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
ARROW_TYPES: Final[dict[ColumnType, pa.DataType]] = {
    **_FLAT,  # type: ignore[dict-item]
    # Parquet calls the items of a list so.
    "reasons": pa.list_(pa.field("element", pa.struct([(field.name, _FLAT[field.type]) for field in REASON_FIELDS]))),
}
CODED: Final = pa.dictionary(pa.int32(), pa.string())
"""Text as codes of its distinct words: how large tables carry it, since a day's rows repeat a few addresses."""


def arrow_schema(dataset: Dataset) -> pa.Schema:
    """Return the dataset's columns as an Arrow schema: same names, same order, every one nullable."""
    return pa.schema([pa.field(column.name, ARROW_TYPES[column.type]) for column in dataset.columns])


def coded_schema(dataset: Dataset) -> pa.Schema:
    """Return the dataset's columns as `arrow_schema` does, but text as codes."""
    return pa.schema([pa.field(column.name, CODED if column.type == pa.string() else column.type)
                      for column in arrow_schema(dataset)])  # fmt: skip


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema with text in place of codes; a table that is cast to it has its text written out."""
    return pa.schema(
        [
            pa.field(column.name, column.type.value_type) if pa.types.is_dictionary(column.type) else column
            for column in schema
        ]
    )
