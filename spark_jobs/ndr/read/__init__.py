"""Reading the published datasets, as people do: Arrow, pandas, DuckDB, SQL.

Examples
--------
>>> from ndr.read import read, sql
>>> read("fg_a", "2026-01-31", "2026-02-01", ["host_ip", "window_end", "sessions_cnt"]).pandas()  # doctest: +SKIP
>>> sql("select role, count(*) from deltas group by role").arrow()  # doctest: +SKIP
"""

from ndr.read.place import Place
from ndr.read.query import connect, sql
from ndr.read.rows import Rows
from ndr.read.selection import read

__all__ = ["Place", "Rows", "connect", "read", "sql"]
