"""What the Redshift stand-in makes of an inventory unload: its parser, its dialect, its engine, in this process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from ministack_sagemaker.redshift_data.dialect import parse, returns_rows, to_duckdb
from ministack_sagemaker.redshift_data.unload import _inner_query
from ministack_sagemaker.redshift_data.unload_options import parse_unload
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput, InventoryQuery
from ndr.jobs.inventory.query import inventory_statements, unload_statement

ROLE = "arn:aws:iam::123456789012:role/unload"
TARGET = "s3://bucket/machine_inventory/_staging/x"
MACHINES = [
    ("10.0.0.1", "srv-1", True, "prod", 10),
    ("10.0.0.2", "O'Brien", True, "dr", 20),
    ("10.0.0.3", "vdi-3", False, "prod", 30),
    (None, "nowhere", True, "prod", 40),
]
VISIBLE = {(address, name, "2026-01") for address, name, *_ in MACHINES if address}
OUTPUT = InventoryOutput(s3_prefix="s3://bucket/machine_inventory/")


@dataclass(frozen=True)
class Unloaded:
    """The rows that left the database, and what the count said they would be."""

    rows: list[tuple[Any, ...]]
    counted: int


@cache
def warehouse() -> duckdb.DuckDBPyConnection:
    """A table of machines, and beside it one that no inventory may show."""
    database = duckdb.connect(config={"threads": "1"})
    database.execute("CREATE SCHEMA IF NOT EXISTS public")
    database.execute("CREATE TABLE public.m (ip VARCHAR, name VARCHAR, active BOOLEAN, env VARCHAR, vlan INTEGER)")
    database.executemany("INSERT INTO public.m VALUES (?, ?, ?, ?, ?)", MACHINES)
    database.execute("CREATE TABLE public.vault (secret VARCHAR)")
    database.execute("INSERT INTO public.vault VALUES ('hidden')")
    database.execute("SET schema = 'public'")
    database.execute("SET TimeZone = 'UTC'")
    return database


def state() -> list[Any]:
    """Everything that a statement could change: tables, their rows, settings."""
    database = warehouse()
    return [
        database.execute("SELECT * FROM public.m ORDER BY vlan").fetchall(),
        database.execute("SELECT * FROM public.vault").fetchall(),
        database.execute("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2").fetchall(),
        database.execute("SELECT name, value FROM duckdb_settings() WHERE name != 'profile_output'").fetchall(),
    ]


def unload(query: InventoryQuery, output: InventoryOutput = OUTPUT) -> Unloaded:
    """Run the count and the UNLOAD that a JobSpec's query becomes.

    Raises
    ------
    JobSpecInvalidError
        The query may not be written into SQL.
    duckdb.Error
        The statement is a filter, and does not fit the table's types or columns.
    """
    statements = inventory_statements(query, output, "2026-01")
    unloading = parse_unload(unload_statement(statements.select, TARGET, ROLE))
    assert (unloading.target, unloading.iam_role, unloading.query) == (TARGET, ROLE, statements.select)
    count = parse(statements.count)
    assert returns_rows(count)
    counted = warehouse().execute(to_duckdb(count)).fetchall()
    return Unloaded(warehouse().execute(_inner_query(unloading)).fetchall(), int(counted[0][0]))
