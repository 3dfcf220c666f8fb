"""Apache Iceberg tables of the published datasets."""
