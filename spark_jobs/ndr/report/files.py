"""How many files and rows each table has, and how large its files are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ndr.contract.manifest import Manifest, TableEntry
from ndr.contract.table_names import table_name
from ndr.report.published import Published


@dataclass(frozen=True, slots=True)
class TableFiles:
    """The files of one table over all partitions that answer; sizes in bytes."""

    table: str
    partitions: int
    files: int
    rows: int
    bytes: int
    median_file_bytes: float


def files_by_table(published: Published) -> list[TableFiles]:
    """Return the tables in the order in which they are built, baselines by horizon."""
    found: list[TableFiles] = []
    for pieces in published.pieces.values():
        found += _tables({piece.partition.uri: piece.partition.manifest for piece in pieces}.values())
    for horizon, baselines in published.baselines.items():
        found += _tables((each.manifest for each in baselines), f" {horizon}")
    return found + _tables(each.manifest for each in published.inventory)


def _tables(manifests: Iterable[Manifest], of: str = "") -> list[TableFiles]:
    by_table: dict[str, list[TableEntry]] = {}
    for manifest in manifests:
        for name, entry in manifest.tables.items():
            by_table.setdefault(name, []).append(entry)
    return [_summed(f"{table_name(name)}{of}", entries) for name, entries in by_table.items()]


def _summed(table: str, entries: list[TableEntry]) -> TableFiles:
    sizes = [file.bytes for entry in entries for file in entry.files]
    return TableFiles(
        table=table,
        partitions=len(entries),
        files=len(sizes),
        rows=sum(entry.rows for entry in entries),
        bytes=sum(sizes),
        median_file_bytes=median(sizes) if sizes else 0,
    )
