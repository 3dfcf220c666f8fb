"""Parquet files: the names of their columns, and the batches of those that a source reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.source import Source

BATCH_ROWS: Final = 1 << 17


@contextmanager
def opened_parquet(filesystem: fs.FileSystem, path: str) -> Iterator[frozenset[str]]:
    """Yield the names of all columns, those in structures as `parent.child`; none where the file is empty."""
    with filesystem.open_input_file(path) as file:
        yield frozenset(_names(pq.read_schema(file)) if file.size() else ())


def parquet_batches(
    filesystem: fs.FileSystem, path: str, source: Source, spec: DeltaBuilderSpec
) -> Iterator[tuple[pa.RecordBatch, set[str]]]:
    """Yield batches with the columns that a source reads, and the names of all columns."""
    with filesystem.open_input_file(path) as file:
        if file.size() == 0:
            return
        schema = pq.read_schema(file)
        every = set(_names(schema))
        fields = source.fields_of(spec).values()
        wanted = list(dict.fromkeys(place for field in fields for place in field.paths if place in every))
        for place in wanted:
            found = _type_at(schema, place)
            if pa.types.is_nested(found):
                raise pa.ArrowTypeError(f"a flow's columns are text, numbers and times; here is {place}: {found}")
        coded = [place for place in wanted if pa.types.is_string(_type_at(schema, place))]
        parquet = pq.ParquetFile(file, read_dictionary=[place for place in coded if place in schema.names])
        for batch in parquet.iter_batches(BATCH_ROWS, columns=wanted):
            yield batch, set(schema.names)


def _names(fields: pa.Schema | pa.StructType, parent: str = "") -> Iterator[str]:
    for field in fields:
        yield parent + field.name
        if pa.types.is_struct(field.type):
            yield from _names(field.type, f"{parent}{field.name}.")


def _type_at(schema: pa.Schema, place: str) -> pa.DataType:
    if place in schema.names:
        return schema.field(place).type
    parent, *below = place.split(".")
    found = schema.field(parent).type
    for name in below:
        found = found.field(name).type
    return found
