"""Messages: tables cut by part, each piece an Arrow stream in a binary column of a Spark DataFrame.

All inputs of a job, whatever their columns, are sent in one DataFrame of (part, name, rows). Values are not converted:
a NaN, a microsecond or a null leaves the shuffle with the bits that it entered with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from ndr.contract import errors
from ndr.contract.errors import NdrError
from ndr.spark.parts import Parts
from ndr.store.schema import plain_schema

COLUMNS: Final = "part int, name string, rows binary"
ERROR: Final = "error"
SCHEMA: Final = pa.schema([("part", pa.int32()), ("name", pa.string()), ("rows", pa.binary())])
MESSAGE_BYTES: Final = 4 << 20


class Inputs(Mapping[str, pa.Table]):
    """The tables that a part received, by name."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        found: dict[str, list[pa.Table]] = {}
        self.part: int | None = None
        for batch in batches:
            for part, name, rows in zip(*batch.columns, strict=True):
                self.part = part.as_py()
                found.setdefault(name.as_py(), []).append(pa.ipc.open_stream(rows.as_buffer()).read_all())
        self._tables = {name: pa.concat_tables(tables, promote_options="default") for name, tables in found.items()}

    def __getitem__(self, name: str) -> pa.Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def table(self, name: str, schema: pa.Schema) -> pa.Table:
        """Return a table; empty when the part received no row of it."""
        return self._tables.get(name, schema.empty_table())


def messages_of(name: str, table: pa.Table, parts: Parts) -> Iterator[pa.RecordBatch]:
    """Cut a table by the part of each row. Codes become plain text, so that no message carries the whole dictionary."""
    if not table.num_rows:
        return
    order = np.argsort(parts, kind="stable")
    ordered = table.cast(plain_schema(table.schema)).take(pa.array(order))
    sorted_parts = parts[order]
    bounds = np.flatnonzero(np.concatenate(([True], sorted_parts[1:] != sorted_parts[:-1], [True])))
    step = max(1, MESSAGE_BYTES * table.num_rows // max(1, ordered.nbytes))
    for first, end in pairwise(bounds.tolist()):
        for start in range(first, end, step):
            piece = ordered.slice(start, min(step, end - start))
            yield message(int(sorted_parts[first]), name, piece)


def message(part: int, name: str, table: pa.Table) -> pa.RecordBatch:
    """Return one message, a row of the DataFrame."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return pa.record_batch([[part], [name], [sink.getvalue().to_pybytes()]], schema=SCHEMA)


def failure_message(error: NdrError) -> pa.RecordBatch:
    """Return an error as a message for part 0: if a task raised it, Spark would retry and bury its sentence."""
    return message(0, ERROR, pa.table({"error": [spelled(error)]}))


def spelled(error: NdrError) -> str:
    """Write a named error so that `named` can make it again in another process."""
    return json.dumps([type(error).__name__, str(error)])


def named(text: str) -> NdrError:
    """Return the error that `spelled` wrote."""
    name, sentence = json.loads(text)
    kind: type[NdrError] = getattr(errors, name, NdrError)
    return kind(sentence)
