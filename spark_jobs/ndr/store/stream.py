"""Writing a table of a partition while its rows come, a row group at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.manifest import FileEntry
from ndr.store.publish import FILE_ROWS, ROW_GROUP_ROWS, PartitionWriter, check_table, parquet_writer
from ndr.store.schema import arrow_schema, plain_schema
from ndr.store.storage import join


def write_streamed(writer: PartitionWriter, blocks: Iterable[pa.Table], dataset: Dataset) -> None:
    """Write blocks of rows, which together are in the order of the dataset's key, as files of FILE_ROWS rows at most.

    Memory holds a row group and a block. Text may be codes.

    Raises
    ------
    SchemaMismatchError
        Columns are not the dataset's, rows are not in its key's order, or a key occurs twice.
    """
    groups = _row_groups(blocks, dataset)
    number = len(writer.tables[dataset.name].files) if dataset.name in writer.tables else 0
    files: list[FileEntry] = []
    while (first := next(groups, None)) is not None:
        path = f"{writer.run_id}/{dataset.name}-{number + len(files):05d}.parquet"
        with parquet_writer(join(writer.partition_uri, path), first, dataset.key) as file:
            rows = _write_file(file, first, groups)
        files.append(writer.written_file(path, rows))
    if not files and dataset.name not in writer.tables:
        writer.write(arrow_schema(dataset).empty_table(), dataset)
    writer.add_files(dataset, files)


def _write_file(file: pq.ParquetWriter, first: pa.Table, more: Iterator[pa.Table]) -> int:
    rows, group = 0, first
    while True:
        file.write_table(group.cast(plain_schema(group.schema)), ROW_GROUP_ROWS)
        rows += group.num_rows
        following = next(more, None) if rows + ROW_GROUP_ROWS <= FILE_ROWS else None
        if following is None:
            return rows
        group = following


def _row_groups(blocks: Iterable[pa.Table], dataset: Dataset) -> Iterator[pa.Table]:
    """Cut blocks into tables of ROW_GROUP_ROWS rows, the last one shorter, and check each with the row before it."""
    held: list[pa.Table] = []
    count = 0
    last: pa.Table | None = None
    for block in blocks:
        held.append(block)
        count += block.num_rows
        while count >= ROW_GROUP_ROWS:
            rows = pa.concat_tables(held)
            last = _checked(rows.slice(0, ROW_GROUP_ROWS), last, dataset)
            yield rows.slice(0, ROW_GROUP_ROWS)
            held, count = [rows.slice(ROW_GROUP_ROWS)], count - ROW_GROUP_ROWS
    if count:
        rows = pa.concat_tables(held)
        _checked(rows, last, dataset)
        yield rows


def _checked(rows: pa.Table, before: pa.Table | None, dataset: Dataset) -> pa.Table:
    """Check rows, and that they follow the last one before them; return their last."""
    check_table(rows if before is None else pa.concat_tables([before, rows]), dataset)
    return rows.slice(rows.num_rows - 1)
