"""docs/tables.md: its queries name tables and columns that exist, and its list of tables is the contract's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from ndr.contract.datasets import (
    DELTAS,
    FG_A,
    FG_C_HOSTS,
    FG_C_PAIRS,
    FG_C_SCORES,
    MACHINE_INVENTORY,
    PAIR_COUNTS,
    PEER_DELTAS,
    QUARANTINE,
    fg_b_tables,
)
from ndr.contract.table_names import TABLE_NAMES, table_name
from ndr.contract.tables import DAY_COLUMN, TablesCatalog

PAGE = (Path(__file__).parents[2] / "docs" / "tables.md").read_text()
TABLES = {
    table_name(dataset.name): dataset
    for dataset in (
        *(DELTAS, PEER_DELTAS, QUARANTINE, PAIR_COUNTS, FG_A, *fg_b_tables(["sessions_cnt"])),
        *(FG_C_SCORES, FG_C_HOSTS, FG_C_PAIRS, MACHINE_INVENTORY),
    )
}
DATABASE = TablesCatalog("ndr").database_of("ndr-prod", "v1")


def test_every_table_is_listed_once() -> None:
    section = PAGE.split("## What lies where")[1].split("[features.md]")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(name for cell in cells for name in re.findall(r"`(\w+)`", cell)) == sorted(TABLES)
    assert sorted(TABLES) == sorted(TABLE_NAMES)


@pytest.mark.parametrize("query", re.findall(r"```sql\n(SELECT.*?)```", PAGE, re.DOTALL))
def test_queries_name_what_there_is(query: str) -> None:
    for dialect in ("athena", "redshift"):
        tree = sqlglot.parse_one(query, dialect=dialect)
        (table,) = tree.find_all(exp.Table)
        assert table.db == DATABASE
        made = {alias.alias for alias in tree.find_all(exp.Alias)}
        names = {column.name for column in tree.find_all(exp.Column)} - made
        assert names <= {*TABLES[table.name].column_names, DAY_COLUMN}


def test_every_snippet_is_of_the_default_database() -> None:
    assert set(re.findall(r"\bndr_\w+_v1\b", PAGE)) == {DATABASE}
