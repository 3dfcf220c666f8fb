"""The Iceberg tables of a project on this machine's disk, in an SQLite catalog, and their rows by each reader."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from ndr.contract.datasets import Dataset
from ndr.contract.table_names import table_name
from ndr.contract.tables import DAY_COLUMN, TABLES_CATALOG, TABLES_DATABASE
from ndr.contract.time import Interval
from ndr.store.scan import Scan

DATABASE = "ndr_ndr_test_v1"


def sqlite_catalog(folder: Path) -> dict[str, str]:
    """Return the environment variables of a job that registers in an SQLite catalog."""
    folder.mkdir(parents=True, exist_ok=True)
    return {TABLES_DATABASE: "ndr", TABLES_CATALOG: f"sqlite:///{folder}/tables.db"}


def catalog() -> SqlCatalog:
    """Return the catalog as a person opens it, with the library's own way to files."""
    return _catalog(os.environ[TABLES_CATALOG])


@lru_cache(maxsize=1)
def _catalog(uri: str) -> SqlCatalog:
    return SqlCatalog("ndr", uri=uri)


def table(name: str) -> Table:
    """Return a table of the project."""
    return catalog().load_table((DATABASE, name))


def by_pyiceberg(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the rows of a table, in order of the key, without its day."""
    return ordered(dataset, table(table_name(dataset.name)).scan().to_arrow())


def by_duckdb(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the same rows through a DuckDB query of Arrow's batches."""
    rows = table(table_name(dataset.name)).scan().to_arrow_batch_reader()  # noqa: F841 - named in the query
    columns = ", ".join(f'"{name}"' for name in dataset.column_names)
    with duckdb.connect() as connection:
        return ordered(dataset, connection.sql(f"SELECT {columns} FROM rows").to_arrow_table())


def by_manifests(prefix: str, dataset: Dataset, interval: Interval) -> list[dict[str, Any]]:
    """Return the rows that the store's readers return."""
    return ordered(dataset, Scan.of(prefix, dataset, interval).read())


def ordered(dataset: Dataset, rows: pa.Table) -> list[dict[str, Any]]:
    """Return rows as Python values in one order, without the day of an Iceberg table."""
    rows = rows.drop_columns([DAY_COLUMN]) if DAY_COLUMN in rows.column_names else rows
    key = dataset.key or ("source_file", "row_number")
    found = rows.select(dataset.column_names).sort_by([(name, "ascending") for name in key]).to_pylist()
    assert all(isinstance(row, dict) for row in found)
    return found
