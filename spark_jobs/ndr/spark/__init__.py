"""The Spark engine: the kernels of the jobs, each on the part of the rows that its key belongs to.

Spark moves, spills and retries; it never looks into a row. Executors read published Parquet through pyarrow.fs, as the
local engine does, so that both see the same types and raise the same errors, and no connector is needed.
"""
