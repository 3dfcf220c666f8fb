"""Integration files, in any accepted spelling, as tables of flows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
from pyarrow import fs

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.jobs.deltas.block import COLUMN_TYPES, flows_of_block
from ndr.jobs.deltas.files import Part, parts_of
from ndr.jobs.deltas.in_order import in_order
from ndr.sources.integration.columns import READ_COLUMNS


def read_integration(
    filesystem: fs.FileSystem, paths: Sequence[str], spec: DeltaBuilderSpec, threads: int = 2
) -> pa.Table:
    """Read integration files as one table; rows that can't be read stay in it, with a problem and their text.

    See `integration_tables`, whose tables these are together.
    """
    tables = integration_tables(filesystem, paths, spec, threads)
    return pa.concat_tables([READ_COLUMNS.empty_table(), *tables]).unify_dictionaries()


def integration_tables(
    filesystem: fs.FileSystem, paths: Sequence[str], spec: DeltaBuilderSpec, threads: int = 2
) -> Iterator[pa.Table]:
    """Read integration files, some megabytes of them at a time.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        Where the paths are opened.
    paths : sequence of str
        JSON lines (`.json`, `.jsonl`, `.ndjson`, each also `.gz`) or Parquet (`.parquet`, `.pq`); none is an empty
        batch. `spec.input_format` says which where it is not AUTO.
    spec : DeltaBuilderSpec
        `field_mapping` and `input_format` are read.
    threads : int
        Blocks that are parsed at a time.

    Yields
    ------
    pa.Table
        `READ_COLUMNS`: one row for each row of the files, in their order.

    Raises
    ------
    InvalidRequestError
        A file is missing, or its name tells no format.
    SchemaMismatchError
        A file is truncated, damaged or of another format, or has none of the required columns.
    """
    source_names: dict[str, str] = {name: spec.field_mapping.get(name, name) for name in COLUMN_TYPES}  # type: ignore[call-overload]
    counter = _RowNumbers()
    with ThreadPoolExecutor(threads) as pool:
        tasks = (
            partial(_flows_of, part, source_names)
            for part in parts_of(filesystem, paths, spec.input_format, source_names)
        )
        for table in in_order(pool, tasks, threads):
            yield counter.number(table)


def _flows_of(part: Part, source_names: dict[str, str]) -> pa.Table:
    try:
        return flows_of_block(part.paths, part.parse(), source_names)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        where = part.paths[0] if len(part.paths) == 1 else f"One of {part.paths[0]} to {part.paths[-1]}"
        raise SchemaMismatchError(
            f"{where} has a column whose values can't be read as a flow's: {error}. Columns are text in UTF-8, numbers "
            "and times; deliver the file again."
        ) from error


class _RowNumbers:
    """Numbers the rows of tables that come in the order of their files: from 0 in each file."""

    def __init__(self) -> None:
        self._path: str | None = None
        self._next = 0

    def number(self, table: pa.Table) -> pa.Table:
        if not table.num_rows:
            return table
        source = table["source_file"].chunk(0)
        codes = source.indices.to_numpy()
        begins = np.flatnonzero(np.diff(codes, prepend=-1))
        before = np.zeros(len(begins), np.int64)
        if source[0].as_py() == self._path:
            before[0] = self._next
        rows = np.diff(begins, append=len(codes))
        numbers = np.arange(len(codes)) - np.repeat(begins - before, rows)
        self._path, self._next = source[len(codes) - 1].as_py(), int(numbers[-1]) + 1
        place = READ_COLUMNS.get_field_index("row_number")
        return table.set_column(place, READ_COLUMNS.field(place), [numbers])
