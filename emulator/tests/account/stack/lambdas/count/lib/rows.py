"""Counts with a library that no zip function of this stack brings along."""

import duckdb


def count(rows: int) -> int:
    return duckdb.execute("SELECT count(*) FROM range(?)", [rows]).fetchone()[0]
