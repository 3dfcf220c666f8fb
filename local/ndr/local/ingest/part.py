"""Encoding of a table as one file. The same table always yields the same bytes."""

import gzip
import json
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FileFormat = Literal["parquet", "json"]
SUFFIXES: dict[FileFormat, str] = {"parquet": ".parquet", "json": ".json.gz"}


def encode(table: pa.Table, file_format: FileFormat) -> bytes:
    """Write a table as Parquet (zstd), or as gzip JSON lines with times in ISO 8601."""
    if file_format == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        return bytes(sink.getvalue())
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(index, field.name, pc.strftime(table[index], format="%Y-%m-%dT%H:%M:%SZ"))
    lines = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in table.to_pylist())
    return gzip.compress(lines.encode(), compresslevel=6, mtime=0)
