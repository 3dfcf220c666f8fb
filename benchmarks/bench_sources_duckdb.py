"""The one row of a query in DuckDB as JSON: python bench_sources_duckdb.py SQL."""

import json
import sys

import duckdb
import without_pandas  # noqa: F401

with duckdb.connect() as connection:
    connection.execute("SET TimeZone = 'UTC'; SET threads = 2")
    answer = connection.execute(sys.argv[1])
    names = [column[0] for column in answer.description]
    row = dict(zip(names, answer.fetchone(), strict=True))
print(json.dumps({name: int(row[name]) for name in ("rows", "sent", "received")}))
