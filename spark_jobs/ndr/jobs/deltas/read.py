"""Log files of any source, in any accepted spelling, as tables of flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pyarrow as pa
from pyarrow import fs

from ndr.contract.errors import NdrError, SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.jobs.deltas.bad_files import BadFiles
from ndr.jobs.deltas.block import Read, flows_of_block
from ndr.jobs.deltas.files import Part, parts_of
from ndr.jobs.deltas.freed_memory import keep_freed_memory
from ndr.jobs.deltas.in_order import in_order
from ndr.sources.integration.columns import READ_COLUMNS
from ndr.sources.registry import Recognised


def read_integration(
    filesystem: fs.FileSystem, paths: Sequence[str], spec: DeltaBuilderSpec, threads: int = 2
) -> pa.Table:
    """Read files as one table; rows that can't be read stay in it, with a problem and their text.

    See `reads_of`, whose tables these are together.
    """
    tables = [read.table for read in reads_of(filesystem, paths, spec, threads)]
    whole = pa.concat_tables([READ_COLUMNS.empty_table(), *tables], promote_options="default")
    return whole.unify_dictionaries()


def reads_of(
    filesystem: fs.FileSystem,
    paths: Sequence[str],
    spec: DeltaBuilderSpec,
    threads: int = 2,
    bad: BadFiles | None = None,
    told: Callable[[Recognised], None] = lambda recognised: None,
) -> Iterator[Read]:
    """Read log files, some megabytes of them at a time.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        Where the paths are opened.
    paths : sequence of str
        Files of `spec.inputs.source`, as text or Parquet, compressed or not; none is an empty batch.
    spec : DeltaBuilderSpec
        `inputs`, `input_format`, `field_mapping`, `value_mapping` and `time_zone` are read.
    threads : int
        Blocks that are parsed at a time.
    bad : BadFiles or None
        Where bad files are noted. Without it they are raised after all files were read.
    told : callable
        Called with what each file is recognised as.

    Yields
    ------
    Read
        The rows of the files, in their order.

    Raises
    ------
    InvalidRequestError
        A file is missing.
    SchemaMismatchError
        A file is truncated, damaged or of another format, or has none of the required columns. All such files are
        named.
    """
    keep_freed_memory()
    noted = BadFiles() if bad is None else bad
    counter = _RowNumbers()
    with ThreadPoolExecutor(threads) as pool:
        tasks = (partial(_flows_of, part, spec) for part in parts_of(filesystem, paths, spec, noted, told))
        for read in in_order(pool, tasks, threads):
            if isinstance(read, NdrError):
                noted.add(read)
            else:
                yield counter.number(read)
    if bad is None:
        noted.raise_first()


def _flows_of(part: Part, spec: DeltaBuilderSpec) -> Read | NdrError:
    try:
        return flows_of_block(part.paths, part.parse(), spec)
    except NdrError as error:
        return error
    except (pa.ArrowException, OverflowError, ValueError) as error:
        where = part.paths[0] if len(part.paths) == 1 else f"One of {part.paths[0]} to {part.paths[-1]}"
        return SchemaMismatchError(
            f"{where} has a column whose values can't be read as a flow's: {error}. Columns are text in UTF-8, numbers "
            "and times; deliver the file again."
        )


class _RowNumbers:
    """Numbers the rows of reads that come in the order of their files: from 0 in each file."""

    def __init__(self) -> None:
        self._path: str | None = None
        self._next = 0

    def number(self, read: Read) -> Read:
        before = self._next if read.paths[0] == self._path else 0
        self._path = read.paths[-1]
        self._next = read.rows_of_file[-1] + (before if len(read.paths) == 1 else 0)
        if not before or not read.table.num_rows:
            return read
        in_first = read.table["source_file"].combine_chunks().indices.to_numpy() == 0
        numbers = read.table["row_number"].to_numpy() + np.where(in_first, before, 0)
        place = READ_COLUMNS.get_field_index("row_number")
        return read._replace(table=read.table.set_column(place, READ_COLUMNS.field(place), [numbers]))
