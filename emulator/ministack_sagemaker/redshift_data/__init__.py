"""The Redshift Data API: sqlglot reads Redshift's SQL, DuckDB runs it, UNLOAD writes to the account's S3."""
