"""Publishing a partition: write files aside, check them, commit the manifest.

A run writes below `<partition>/<run id>/`. Nothing reads there until the manifest names the files, so a crash at any
point leaves the old version or the new one. Files of earlier versions are swept a day after their run began, when
neither the manifest nor a slow reader of the one before can still need them.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.datasets import Dataset
from ndr.contract.errors import PublishConflictError, SchemaMismatchError
from ndr.contract.manifest import (
    FORMAT,
    MANIFEST_NAME,
    FileEntry,
    Manifest,
    Owner,
    TableEntry,
    check_owner,
    parse_manifest,
)
from ndr.contract.time import compact_instant
from ndr.contract.wording import counted
from ndr.store.footer import PublishedFile, schema_sha256
from ndr.store.manifest import put_manifest, replace_manifest
from ndr.store.pending_commit import Fence, PendingCommit
from ndr.store.rows import opened
from ndr.store.schema import arrow_schema, plain_schema
from ndr.store.storage import delete_folder, filesystem, join, list_names, read_bytes, read_version
from ndr.store.unregistered import announce

_LOG = logging.getLogger(__name__)

SWEEP_AFTER: Final = timedelta(days=1)
ROW_GROUP_ROWS: Final = 128 * 1024
FILE_ROWS: Final = 4 * ROW_GROUP_ROWS  # a file is encoded by one thread, so a large table becomes several
WRITE_THREADS: Final = 8
COMMITS: Final = 5
_LONG_TABLE: Final = 16 * 1024
_SAMPLE_ROWS: Final = 2048


def new_run_id() -> str:
    """Return a name that no other run has and that sorts by time: `20260131T061500Z-1f3a...`."""
    return f"{compact_instant(datetime.now(UTC))}-{uuid.uuid4().hex[:12]}"


def check_table(table: pa.Table, dataset: Dataset) -> None:
    """Check the schema, and that rows are sorted by the dataset's key and no key occurs twice. Text may be codes.

    Raises
    ------
    SchemaMismatchError
        Names the dataset and the first thing that is wrong.
    """
    wanted = arrow_schema(dataset)
    found = plain_schema(table.schema)
    if not found.equals(wanted):
        odd = [str(column) for column in found if column not in list(wanted)]
        gone = [str(column) for column in wanted if column not in list(found)]
        raise SchemaMismatchError(
            f"{dataset.name}: columns {odd} are unexpected, {gone} missing, or the order differs."
        )
    if not dataset.key or table.num_rows < 2:
        return
    keys = table.select(list(dataset.key)).unify_dictionaries().combine_chunks()
    same = pa.scalar(True)
    for name in dataset.key:
        column = _ordinals(keys[name].combine_chunks())
        before, after = column[:-1], column[1:]
        if pc.any(pc.and_(same, pc.greater(before, after))).as_py():
            raise SchemaMismatchError(f"{dataset.name}: rows are not sorted by {', '.join(dataset.key)}.")
        same = pc.and_(same, pc.equal(before, after))
    twice = pc.sum(same).as_py()
    if twice:
        row = keys.take([pc.index(same, True).as_py()]).to_pylist()[0]
        raise SchemaMismatchError(f"{dataset.name}: {twice} keys occur twice, the first is {row}.")


def _ordinals(column: pa.Array) -> pa.Array:
    """Return what compares as the column does: for codes, the ranks of their words."""
    if not pa.types.is_dictionary(column.type):
        return column
    return pc.rank(column.dictionary, tiebreaker="dense").take(column.indices)


def in_key_order(table: pa.Table, dataset: Dataset) -> pa.Table:
    """Return the dataset's columns in its order and types, rows sorted by its key."""
    ordered = table.sort_by([(name, "ascending") for name in dataset.key])
    return ordered.select(dataset.column_names).cast(arrow_schema(dataset))


def repeating_columns(table: pa.Table) -> list[str]:
    """Return the columns that a dictionary makes smaller and faster to write: text, and what repeats in a long table.

    Measures of which each value is new would only cost the time of looking them up.
    """
    text = [column.name for column in plain_schema(table.schema) if pa.types.is_string(column.type)]
    if table.num_rows < _LONG_TABLE:
        return text
    # Rows are sorted, so neighbours look more alike than the table is: take some from all over it.
    places = pa.array(np.linspace(0, table.num_rows - 1, _SAMPLE_ROWS, dtype=np.int64))
    nested = [column.name for column in table.schema if pa.types.is_nested(column.type)]
    others = table.drop_columns([*text, *nested]).take(places)
    few = [name for name in others.column_names if pc.count_distinct(others[name]).as_py() <= _SAMPLE_ROWS // 2]
    return [*text, *few]


def parquet_writer(uri: str, first: pa.Table, key: Sequence[str]) -> pq.ParquetWriter:
    """Open a file for row groups that are like the first one; a context manager that closes it."""
    system, target = filesystem(uri)
    if isinstance(system, fs.LocalFileSystem):
        system.create_dir(os.path.dirname(target), recursive=True)
    # Rows are in the key's order: least and greatest values tell what to skip by the key, and by no measure.
    return pq.ParquetWriter(
        target, plain_schema(first.schema), filesystem=system, **_compression(first),
        use_dictionary=repeating_columns(first), write_statistics=list(key), store_schema=False,
    )  # fmt: skip


def _compression(first: pa.Table) -> dict[str, Any]:
    """Return how to compress row groups that are like the first one.

    Setting up the smaller compression takes longer than unpacking the few rows of a slice, and a slice is compacted.
    """
    if first.num_rows < _LONG_TABLE:
        return {"compression": "snappy"}
    return {"compression": "zstd", "compression_level": 1}


@dataclass
class PartitionWriter:
    """Writes one version of one partition.

    Parameters
    ----------
    partition_uri : str
        The partition's folder.
    run_id : str
        Of `new_run_id`; the version's folder below the partition.
    """

    partition_uri: str
    run_id: str = field(default_factory=new_run_id)
    tables: dict[str, TableEntry] = field(default_factory=dict)

    def write(self, table: pa.Table, dataset: Dataset) -> None:
        """Check a table and write it as `<run id>/<dataset>-00000.parquet` and on; call again to append more files."""
        self.write_all([(table, dataset)])

    def write_all(self, tables: Iterable[tuple[pa.Table, Dataset]]) -> None:
        """Check and write tables of different datasets at once, as `write` does each.

        Raises
        ------
        SchemaMismatchError
            As `write_file`.
        """
        with ThreadPoolExecutor(WRITE_THREADS) as pool:
            began = [(dataset, pool.submit(check_table, table, dataset), table) for table, dataset in tables]
            written = [
                (
                    dataset,
                    [
                        pool.submit(self._write_file, part, path, dataset.key)
                        for part, path in self._files(table, dataset)
                    ],
                )
                for dataset, checked, table in began
                if checked.result() is None
            ]
            for dataset, files in written:
                self.add_files(dataset, [file.result() for file in files])

    def _files(self, table: pa.Table, dataset: Dataset) -> Iterator[tuple[pa.Table, str]]:
        """Cut a table into files, and yield each with its path; an empty table is a file, too."""
        done = self.tables.get(dataset.name)
        for number, begin in enumerate(range(0, max(1, table.num_rows), FILE_ROWS), len(done.files) if done else 0):
            yield table.slice(begin, FILE_ROWS), f"{self.run_id}/{dataset.name}-{number:05d}.parquet"

    def write_file(self, table: pa.Table, dataset: Dataset, name: str) -> FileEntry:
        """Check a table and write it as `<run id>/<dataset>-<name>.parquet`; `add_files` makes it part of the version.

        Safe from any process: a file that is never added is never read, and is swept with its run.

        Raises
        ------
        SchemaMismatchError
            Columns are not the dataset's, rows are not in its key's order, or a key occurs twice.
        """
        check_table(table, dataset)
        return self._write_file(table, f"{self.run_id}/{dataset.name}-{name}.parquet", dataset.key)

    def add_files(self, dataset: Dataset, files: Sequence[FileEntry]) -> None:
        """Make written files part of the version; no two of them may hold the same key."""
        done = self.tables.get(dataset.name)
        all_files = (*(done.files if done else ()), *files)
        self.tables[dataset.name] = TableEntry(
            rows=sum(file.rows for file in all_files),
            schema_sha256=schema_sha256(arrow_schema(dataset)),
            files=all_files,
        )

    def _write_file(self, table: pa.Table, path: str, key: Sequence[str]) -> FileEntry:
        schema = plain_schema(table.schema)
        with parquet_writer(join(self.partition_uri, path), table, key) as file:
            # By row group, or each would carry the words of all.
            for begin in range(0, table.num_rows, ROW_GROUP_ROWS):
                file.write_table(table.slice(begin, ROW_GROUP_ROWS).cast(schema), ROW_GROUP_ROWS)
        return self.written_file(path, table.num_rows)

    def written_file(self, path: str, rows: int) -> FileEntry:
        """Verify a file that was written, and return its entry.

        Raises
        ------
        PublishConflictError
            It has other rows than were written.
        """
        system, target = filesystem(join(self.partition_uri, path))
        written = pq.read_metadata(target, filesystem=system)
        if written.num_rows != rows:
            raise PublishConflictError(
                f"{join(self.partition_uri, path)} holds {counted(written.num_rows, 'row')} after {rows} were written; "
                "run again, and look for another writer of this path if it repeats."
            )
        return FileEntry(path=path, rows=rows, bytes=system.get_file_info(target).size)

    def commit(self, fence: Fence | None = None, /, **facts: Any) -> Manifest:
        """Publish what was written. `facts` are the manifest's other fields.

        Parameters
        ----------
        fence : Fence, optional
            What it allows is published only over the version that was there when it was asked: a run that stands
            still after it, and is replaced meanwhile, publishes nothing.

        Returns
        -------
        Manifest
            As published.

        Raises
        ------
        PublishConflictError
            Other runs published this partition each time that this one was about to; or what `fence` raises.
        SchemaMismatchError
            What is published there is of another dataset, project or version.
        """
        manifest = Manifest(
            format=FORMAT, tables=self.tables, run_id=self.run_id, published_at=datetime.now(UTC), **facts
        )
        announce(self.partition_uri, self.run_id)
        manifest, before = self._put(manifest) if fence is None else self._put_fenced(manifest, fence)
        self._sweep(keep={self.run_id, before.run_id if before else self.run_id}, now=manifest.published_at)
        return manifest

    def _put(self, manifest: Manifest) -> tuple[Manifest, Manifest | None]:
        before = self._replaceable(manifest, read_bytes(join(self.partition_uri, MANIFEST_NAME)))
        manifest = _later_than(manifest, before)
        put_manifest(self.partition_uri, manifest)
        return manifest, before

    def _replaceable(self, manifest: Manifest, content: bytes | None) -> Manifest | None:
        """Return the manifest that is about to be replaced; None where there is none that can be read.

        Raises
        ------
        SchemaMismatchError
            It is of another dataset, project or version.
        """
        uri = join(self.partition_uri, MANIFEST_NAME)
        try:
            before = None if content is None else parse_manifest(uri, content)
        except SchemaMismatchError as error:
            _LOG.warning("replaced: %s", error)
            return None
        if before:
            check_owner(uri, before, manifest.dataset, Owner(manifest.project_name, manifest.feature_spec_version))
        return before

    def _put_fenced(self, manifest: Manifest, fence: Fence) -> tuple[Manifest, Manifest | None]:
        for _ in range(COMMITS):
            content, version = read_version(join(self.partition_uri, MANIFEST_NAME))
            before = self._replaceable(manifest, content)
            manifest = _later_than(manifest, before)
            # After the version was read: a later takeover changes it.
            fence(PendingCommit(self.partition_uri, manifest, before))
            if replace_manifest(self.partition_uri, manifest, version):
                return manifest, before
        raise PublishConflictError(
            f"{self.partition_uri} was published by others {COMMITS} times while this run was about to; "
            "look for who writes it, then run again."
        )

    def _sweep(self, keep: set[str], now: datetime) -> None:
        oldest_kept = compact_instant(now - SWEEP_AFTER)
        for folder in list_names(self.partition_uri, kind=fs.FileType.Directory):
            if folder not in keep and folder < oldest_kept:
                delete_folder(join(self.partition_uri, folder))


def _later_than(manifest: Manifest, before: Manifest | None) -> Manifest:
    """Return a manifest that is younger than the one it replaces, whatever the clocks of their instances say.

    A compacted partition may have a copy of the replaced version, and of the two the younger answers.
    """
    if before is None or before.published_at < manifest.published_at:
        return manifest
    return manifest.model_copy(update={"published_at": before.published_at + timedelta(microseconds=1)})


def table_files(partition_uri: str, manifest: Manifest, table: str) -> list[str]:
    """Return the URIs of a table's files that the manifest names."""
    entry: Mapping[str, TableEntry] = manifest.tables
    return [join(partition_uri, file.path) for file in entry[table].files] if table in entry else []


def read_table(
    partition_uri: str, manifest: Manifest, dataset: Dataset, columns: Sequence[str] | None = None
) -> pa.Table:
    """Read a whole table of a published partition in the contract's types.

    Raises
    ------
    SchemaMismatchError
        A file that the manifest names is gone, of other columns, or not what the manifest says of it.
    """
    names = list(columns or dataset.column_names)
    schema = pa.schema([arrow_schema(dataset).field(name) for name in names])
    tables = [schema.empty_table()]
    entry = manifest.tables.get(dataset.name)
    for file in entry.files if entry else ():
        uri = join(partition_uri, file.path)
        published = PublishedFile(uri, file.rows, file.bytes, entry.schema_sha256 if entry else "")
        try:
            with opened(published) as parquet:
                tables.append(parquet.read(names).select(names).cast(schema))
        except (FileNotFoundError, pa.ArrowException, KeyError) as error:
            raise SchemaMismatchError(
                f"{uri} can't be read as {dataset.name} ({str(error).splitlines()[0]}); publish its partition again."
            ) from error
    return pa.concat_tables(tables)
