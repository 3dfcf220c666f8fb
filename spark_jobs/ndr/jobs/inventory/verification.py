"""What must hold of an unloaded snapshot before it replaces the one before."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.errors import UnloadVerificationError
from ndr.contract.manifest import FileEntry
from ndr.contract.wording import counted
from ndr.store.storage import filesystem, join

_CHUNK_BYTES = 8 * 1024 * 1024


def verify_unloaded(staging: str, names: list[str], schema: pa.Schema, machines: int, month: str) -> list[FileEntry]:
    """Check the files that UNLOAD wrote and return what the manifest says of them.

    Parameters
    ----------
    staging : str
        URI of the staging prefix.
    names : list of str
        Its files.
    schema : pyarrow.Schema
        Address, name, month, in this order.
    machines : int
        What the query counted.
    month : str
        Of the snapshot, `YYYY-MM`.

    Raises
    ------
    UnloadVerificationError
        Names the staging prefix, what was counted and what was found.
    """
    tables = {name: _read(staging, name, schema) for name in names}
    snapshot = pa.concat_tables(tables.values()) if tables else schema.empty_table()
    if snapshot.num_rows != machines:
        raise UnloadVerificationError(
            f"The query counted {counted(machines, 'machine')}, UNLOAD wrote "
            f"{counted(snapshot.num_rows, 'row')} to {staging}, which is kept "
            "for inspection; the published snapshot is unchanged. Run again; if it repeats, look for who writes to the "
            "table meanwhile."
        )
    addresses = snapshot.column(0)
    distinct = pc.count_distinct(addresses, mode="only_valid").as_py()
    if distinct != snapshot.num_rows:
        raise UnloadVerificationError(
            f"{staging} holds {counted(snapshot.num_rows, 'row')} and "
            f"{counted(distinct, 'distinct address', 'distinct addresses')}, but each machine must occur "
            "once and have an address; it is kept for inspection, the published snapshot is unchanged."
        )
    months = set(snapshot.column(2).unique().to_pylist()) - {month}
    if months:
        raise UnloadVerificationError(
            f"{staging} holds rows of {sorted(map(str, months))} where only {month} is expected; it is kept for "
            "inspection, the published snapshot is unchanged."
        )
    return [_file_entry(staging, name, table.num_rows) for name, table in tables.items()]


def verify_copy(staging: str, partition: str, name: str) -> None:
    """Check that a copied file equals its source, byte for byte.

    Raises
    ------
    UnloadVerificationError
        Names both files, their sizes and digests.
    """
    source, copy = (_digest(join(folder, name)) for folder in (staging, partition))
    if source != copy:
        raise UnloadVerificationError(
            f"{name} holds {counted(source[0], 'byte')} (sha256 {source[1][:12]}) in {staging} and "
            f"{counted(copy[0], 'byte')} "
            f"(sha256 {copy[1][:12]}) in {partition}; the copies are removed, staging is kept for inspection and the "
            "published snapshot is unchanged. Run again."
        )


def _read(staging: str, name: str, schema: pa.Schema) -> pa.Table:
    system, path = filesystem(join(staging, name))
    try:
        table = pq.read_table(path, filesystem=system, partitioning=None)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnloadVerificationError(
            f"{join(staging, name)} can't be read as Parquet ({error}); {staging} is kept for inspection, the "
            "published snapshot is unchanged. Run again."
        ) from error
    found = table.schema.remove_metadata()
    if [(column.name, column.type) for column in found] != [(column.name, column.type) for column in schema]:
        raise UnloadVerificationError(
            f"{join(staging, name)} has columns {_columns(found)} where {_columns(schema)} are expected; {staging} is "
            "kept for inspection, the published snapshot is unchanged."
        )
    return table.replace_schema_metadata(None).cast(schema)


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in schema)


def _file_entry(staging: str, name: str, rows: int) -> FileEntry:
    system, path = filesystem(join(staging, name))
    return FileEntry(path=name, rows=rows, bytes=system.get_file_info(path).size)


def _digest(uri: str) -> tuple[int, str]:
    """Return size and SHA-256. An ETag would not do: it depends on how many parts a file was sent in."""
    system, path = filesystem(uri)
    digest, size = hashlib.sha256(), 0
    with system.open_input_stream(path) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
