"""Compacting a table without a key, such as quarantine: the rows of each version follow each other, and are counted.

Such a table has no time column either, so that only these counts tell whose a row is when a version is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from ndr.contract.compacted import versions_within
from ndr.contract.datasets import Dataset
from ndr.contract.errors import SchemaMismatchError
from ndr.store.catalog import Partition, Piece
from ndr.store.footer import PublishedFile, check_footer
from ndr.store.publish import FILE_ROWS, PartitionWriter
from ndr.store.schema import arrow_schema
from ndr.store.storage import filesystem, join

VersionName = tuple[str, str]


def copy_unkeyed_rows(pieces: Sequence[Piece], dataset: Dataset, writer: PartitionWriter) -> dict[VersionName, int]:
    """Write the rows of every version that answers, in the order in which they first answer.

    A version that answers for a part of its time keeps all its rows.

    Returns
    -------
    dict of (str, str) to int
        The rows of each version, by its partition's URI and its run id, in the order in which they were written.

    Raises
    ------
    SchemaMismatchError
        A file is gone, or is not what its manifest says of it.
    """
    written: dict[VersionName, int] = {}
    pending: list[pa.Table] = []
    tables: dict[str, _Table] = {}
    for piece in pieces:
        partition = piece.partition
        table = tables.setdefault(partition.uri, _Table(partition, dataset))
        for version, _ in versions_within(partition.uri, partition.manifest, piece.interval):
            if version.name in written:
                continue
            start, end = table.range_of(version.name)
            written[version.name] = end - start
            pending += table.rows(start, end)
            if sum(each.num_rows for each in pending) >= FILE_ROWS:
                writer.write(pa.concat_tables(pending), dataset)
                pending = []
    if pending or dataset.name not in writer.tables:
        writer.write(pa.concat_tables([arrow_schema(dataset).empty_table(), *pending]), dataset)
    return written


@dataclass
class _Table:
    """A table of a published partition, read a row group at a time."""

    partition: Partition
    dataset: Dataset
    _cached: tuple[tuple[str, int], pa.Table] | None = field(default=None, repr=False)
    _groups: list[tuple[str, int, int]] | None = field(default=None, repr=False)

    def range_of(self, version: VersionName) -> tuple[int, int]:
        """Return the first row of a version, and the row after its last."""
        manifest = self.partition.manifest
        if not manifest.compacted_from:
            entry = manifest.tables.get(self.dataset.name)
            return 0, entry.rows if entry else 0
        start = 0
        for each in manifest.compacted_versions:
            rows = each.unkeyed_rows.get(self.dataset.name, 0)
            if each.name == version:
                return start, start + rows
            start += rows
        raise KeyError(version)

    def rows(self, start: int, end: int) -> Iterator[pa.Table]:
        """Read rows by their places in the table."""
        first = 0
        for uri, group, count in self._row_groups() if start < end else ():
            lower, upper = max(start, first), min(end, first + count)
            if lower < upper:
                yield self._group(uri, group).slice(lower - first, upper - lower)
            first += count

    def _row_groups(self) -> list[tuple[str, int, int]]:
        if self._groups is None:
            self._groups = list(_counted_groups(self.partition, self.dataset))
        return self._groups

    def _group(self, uri: str, group: int) -> pa.Table:
        if self._cached is None or self._cached[0] != (uri, group):
            system, path = filesystem(uri)
            schema = arrow_schema(self.dataset)
            with system.open_input_file(path) as source, pq.ParquetFile(source) as file:
                self._cached = (uri, group), file.read_row_group(group, schema.names).select(schema.names).cast(schema)
        return self._cached[1]


def _counted_groups(partition: Partition, dataset: Dataset) -> Iterable[tuple[str, int, int]]:
    """Yield URI, number and rows of each row group, after its file was checked against the manifest."""
    entry = partition.manifest.tables.get(dataset.name)
    for named in entry.files if entry else ():
        uri = join(partition.uri, named.path)
        system, path = filesystem(uri)
        try:
            with system.open_input_file(path) as source, pq.ParquetFile(source) as file:
                published = PublishedFile(uri, named.rows, named.bytes, entry.schema_sha256 if entry else "")
                check_footer(file.metadata, published, source.size())
                for group in range(file.num_row_groups):
                    yield uri, group, file.metadata.row_group(group).num_rows
        except (FileNotFoundError, pa.ArrowException) as error:
            raise SchemaMismatchError(
                f"{uri} can't be read as {dataset.name} ({str(error).splitlines()[0]}); "
                "build its partition again with the same batch."
            ) from error
