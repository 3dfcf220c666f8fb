"""What `read` and `sql` return: rows that are read when they are asked for, in the form of one's choice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


class Rows(ABC):
    """Rows, in no promised order unless a query asks for one. Each call reads them again."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns and their types. Timestamps are in microseconds, UTC."""

    @abstractmethod
    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows a part at a time, so that memory holds a few parts.

        Raises
        ------
        NdrError
            They can't be read. The sentence says what to do.
        """

    @abstractmethod
    def duckdb(self) -> duckdb.DuckDBPyRelation:
        """Return them as a DuckDB relation, for more SQL. What a filter does not need is not read."""

    def arrow(self) -> pa.Table:
        """Return them as an Arrow table."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def pandas(self) -> pd.DataFrame:
        """Return them as a pandas DataFrame."""
        return self.arrow().to_pandas()
