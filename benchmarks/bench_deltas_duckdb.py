"""Statements in DuckDB, nothing else: python bench_deltas_duckdb.py SQL."""

import sys

import duckdb
import without_pandas  # noqa: F401

with duckdb.connect() as connection:
    connection.execute(sys.argv[1])
