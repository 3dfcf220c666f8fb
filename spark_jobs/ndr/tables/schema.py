"""Datasets of the contract as schemas of Iceberg tables."""

from __future__ import annotations

from typing import Final

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

from ndr.contract.columns import Column, ColumnType
from ndr.contract.datasets import REASON_FIELDS, Dataset
from ndr.contract.tables import DAY_COLUMN

_FLAT: Final[dict[ColumnType, IcebergType]] = {
    "string": StringType(),
    "int64": LongType(),
    "float64": DoubleType(),
    "bool": BooleanType(),
    "date": DateType(),
    "timestamp": TimestamptzType(),
}
_COMMENT: Final = 255
"""Characters that the Glue Data Catalog takes of a column's comment."""
_DAY: Final = Column(
    DAY_COLUMN, "date", "day of the partition's folder, UTC; a window that ends at midnight is of the day before"
)


def iceberg_schema(dataset: Dataset) -> Schema:
    """Return the dataset's columns as an Iceberg schema, every one nullable, and the day that the table is cut by."""
    columns = (*dataset.columns, _DAY)
    fields = [
        NestedField(number, column.name, _type_of(column, len(columns)), doc=column.meaning[:_COMMENT])
        for number, column in enumerate(columns, 1)
    ]
    return assign_fresh_schema_ids(Schema(*fields))


def partition_spec(schema: Schema) -> PartitionSpec:
    """Return the partitioning of every table: by its day."""
    day = schema.find_field(DAY_COLUMN).field_id
    return PartitionSpec(PartitionField(day, 1000, IdentityTransform(), DAY_COLUMN))


def _type_of(column: Column, columns: int) -> IcebergType:
    if column.type != "reasons":
        return _FLAT[column.type]
    # Ids that no column has; `assign_fresh_schema_ids` numbers all anew.
    first = 10_000 + columns
    fields = [NestedField(first + place, each.name, _FLAT[each.type]) for place, each in enumerate(REASON_FIELDS)]
    return ListType(first + len(fields), StructType(*fields), element_required=False)
