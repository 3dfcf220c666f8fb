"""Reading the published datasets, as people do: Arrow, pandas, DuckDB, SQL."""
