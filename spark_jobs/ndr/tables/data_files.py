"""Entries of a table for files that answer; where only a part of a file's time answers, for a copy of these rows."""

from __future__ import annotations

import pyarrow.parquet as pq
from pyiceberg.conversions import to_bytes
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema
from pyiceberg.typedef import Record
from pyiceberg.types import PrimitiveType

from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.contract.time import EPOCH, Interval
from ndr.store.asked import Asked
from ndr.store.footer import PublishedFile, schema_sha256
from ndr.store.publish import parquet_writer
from ndr.store.rows import row_groups
from ndr.store.schema import arrow_schema, plain_schema
from ndr.store.storage import filesystem
from ndr.tables.files import cut_uri
from ndr.tables.published import Answering, Rows


def day_value(rows: Rows) -> int:
    """Return the value of the partition column, in days from the epoch."""
    return rows.day.toordinal() - EPOCH.toordinal()


def data_file(
    schema: Schema, spec_id: int, location: str, dataset: Dataset, rows: Rows, answering: Answering
) -> DataFile | None:
    """Return the entry of rows that answer. Where they are a part of a file, they are copied first; None of no rows.

    Raises
    ------
    SchemaMismatchError
        The file is gone, is not what its manifest says of it, or has a column of another type.
    """
    file = answering.file
    _check_columns(dataset, file)
    if rows.part:
        copied = _copy(location, dataset, rows, rows.part, file)
        if copied is None:
            return None
        file = copied
    entry = DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=file.uri,
        file_format=FileFormat.PARQUET,
        partition=Record(day_value(rows)),
        record_count=file.rows,
        file_size_in_bytes=file.bytes,
        lower_bounds={},
        upper_bounds={},
    )
    for name, least, greatest in answering.bounds:
        column, of_type = schema.find_field(name).field_id, schema.find_type(name)
        if isinstance(of_type, PrimitiveType):
            entry.lower_bounds[column], entry.upper_bounds[column] = (
                to_bytes(of_type, least),
                to_bytes(of_type, greatest),
            )
    entry.spec_id = spec_id
    return entry


def _check_columns(dataset: Dataset, file: PublishedFile) -> None:
    """Check the types of a file that an earlier release wrote, which may lack columns."""
    wanted = arrow_schema(dataset)
    if file.schema_sha256 == schema_sha256(wanted):
        return
    system, path = filesystem(file.uri)
    try:
        found = plain_schema(pq.read_schema(path, filesystem=system))
    except FileNotFoundError as error:
        raise SchemaMismatchError(f"{file.uri} is gone; build its partition again with the same batch.") from error
    for column in found:
        if column.name in wanted.names and wanted.field(column.name).type != column.type:
            raise SchemaMismatchError(
                f"{file.uri} has {column.name} as {column.type}, and {dataset.name} of this release has it as "
                f"{wanted.field(column.name).type}; build its partition again with the same batch."
            )


def _copy(location: str, dataset: Dataset, rows: Rows, part: Interval, file: PublishedFile) -> PublishedFile | None:
    uri, names = cut_uri(location, rows, part), tuple(dataset.column_names)
    groups = (table for table in row_groups(file, part, Asked(dataset, names, may_lack=names)) if table.num_rows)
    first = next(groups, None)
    if first is None:
        return None
    count = 0
    with parquet_writer(uri, first, [name for name in dataset.key if name in first.column_names]) as writer:
        for table in (first, *groups):
            writer.write_table(table)
            count += table.num_rows
    system, path = filesystem(uri)
    return PublishedFile(uri, count, system.get_file_info(path).size, file.schema_sha256)
