"""Sweeping the folders of tables: what no snapshot names any more is deleted two days after it was written.

Datasets' own files lie outside these folders, and are swept with their partitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pyarrow import fs
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table import Table

from ndr.contract.table_names import table_name
from ndr.store.storage import delete_file, filesystem, join, list_files
from ndr.store.sweep import SWEPT_AFTER
from ndr.tables.files import cut_folder
from ndr.tables.published import Published


def sweep(catalog: Catalog, database: str, published: Published, now: datetime | None = None) -> Iterator[str]:
    """Delete the files of a dataset's tables that their snapshots do not name, and yield their URIs.

    These are files of expired snapshots, of merged manifests, of registrations that were cut off, and copies of rows
    for which another partition answers now.
    """
    before = (now or datetime.now(UTC)) - SWEPT_AFTER
    for dataset in published.tables:
        try:
            table = catalog.load_table((database, table_name(dataset.name)))
        except NoSuchTableError:
            continue
        for folder, named in ((join(table.location(), "metadata"), _metadata), (cut_folder(table.location()), _data)):
            old = _older(folder, before)
            kept = named(table) if old else set()
            for uri in old:
                if uri not in kept:
                    delete_file(uri)
                    yield uri


def _older(folder: str, before: datetime) -> list[str]:
    base = filesystem(folder)[1]
    return [join(folder, str(info.path).removeprefix(base)) for info in list_files(folder, recursive=True)
            if _modified(info) < before]  # fmt: skip


def _modified(info: fs.FileInfo) -> datetime:
    return info.mtime.astimezone(UTC) if info.mtime else datetime.now(UTC)


def _metadata(table: Table) -> set[str]:
    """Return the metadata files, manifest lists and manifests of all snapshots."""
    named = {table.metadata_location, *(each.metadata_file for each in table.metadata.metadata_log)}
    for snapshot in table.metadata.snapshots:
        named.add(snapshot.manifest_list)
        named |= {manifest.manifest_path for manifest in snapshot.manifests(table.io)}
    return named


def _data(table: Table) -> set[str]:
    """Return the cut files of all snapshots."""
    folder = f"{cut_folder(table.location())}/"
    manifests = {
        manifest.manifest_path: manifest
        for snapshot in table.metadata.snapshots
        for manifest in snapshot.manifests(table.io)
    }
    return {
        entry.data_file.file_path
        for manifest in manifests.values()
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
        if entry.data_file.file_path.startswith(folder)
    }
