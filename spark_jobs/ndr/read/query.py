"""SQL over the tables of a project, by DuckDB."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import duckdb
import pyarrow as pa

from ndr.contract.errors import InvalidRequestError
from ndr.contract.wording import counted
from ndr.read.instants import Instant, optional_instant
from ndr.read.lazy import Failures, LazyTable
from ndr.read.place import Place, found
from ndr.read.rows import Rows
from ndr.read.source import Bounds, Source
from ndr.read.tables import sources

_READS: Final = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_NO_TABLE: Final = re.compile(r"Table with name (\S+) does not exist")
_BATCH_ROWS: Final = 64 * 1024


def connect(place: Place | str | None = None, as_of: Instant | None = None) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection, in memory, with a view for each table of a project.

    A view reads, when it is queried, the columns that the query names, and the days that its filter on the time column
    leaves. Times are in UTC.

    Parameters
    ----------
    place, as_of
        As in `ndr.read.read`.
    """
    return connect_to(sources(found(place), Bounds(as_of=optional_instant(as_of, "as_of"))))


def sql(query: str, place: Place | str | None = None, as_of: Instant | None = None) -> Rows:
    """Run one SQL query, which reads and does not write.

    Parameters
    ----------
    query : str
        In DuckDB's dialect. The tables are those of `connect`; `show tables` lists them, `describe fg_a` its columns.
        Files and the network can't be reached from it.
    place, as_of
        As in `ndr.read.read`.

    Raises
    ------
    InvalidRequestError
        The query is not SQL, names what there is not, or writes.
    """
    _check_reads(query)
    failures = Failures()
    known = sources(found(place), Bounds(as_of=optional_instant(as_of, "as_of")))
    connection = connect_to(known, failures)
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")
    with _explained(failures, known):
        return QueryRows(connection.sql(query), failures, tuple(known))


def connect_to(known: Mapping[str, Source], failures: Failures | None = None) -> duckdb.DuckDBPyConnection:
    """Return a connection with a view for each source."""
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    for name, source in known.items():
        connection.register(name, LazyTable.of(source, Failures() if failures is None else failures))
    return connection


@dataclass(frozen=True)
class QueryRows(Rows):
    """The result of a query, which runs when the rows are asked for."""

    relation: duckdb.DuckDBPyRelation
    failures: Failures
    tables: tuple[str, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        with _explained(self.failures, self.tables):
            return self.relation.limit(0).to_arrow_table().schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        with _explained(self.failures, self.tables):
            yield from self.relation.to_arrow_reader(_BATCH_ROWS)

    def duckdb(self) -> duckdb.DuckDBPyRelation:
        return self.relation


def _check_reads(query: str) -> None:
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise InvalidRequestError(_sentence(error)) from None
    if len(statements) != 1:
        example = "select count(*) from deltas"
        raise InvalidRequestError(
            f"The query has {counted(len(statements), 'statement')}, and one is allowed, such as: {example}"
        )
    (statement,) = statements
    if statement.type not in _READS:
        raise InvalidRequestError(
            f"The statement is {statement.type.name}, and only those that read are allowed: write a SELECT, DESCRIBE, "
            "SHOW or EXPLAIN."
        )


@contextmanager
def _explained(failures: Failures, tables: Collection[str]) -> Iterator[None]:
    """Raise what failed in a scan as it was, and an error of DuckDB as one sentence."""
    failures.clear()
    try:
        yield
    except duckdb.Error as error:
        if failures:
            raise failures[0] from None
        raise InvalidRequestError(_sentence(error, tables)) from None


def _sentence(error: duckdb.Error, tables: Collection[str] = ()) -> str:
    """Return what an error says, without the query and the caret below it."""
    said = " ".join(str(error).partition("\nLINE ")[0].split())
    unknown = _NO_TABLE.search(said)
    if unknown and tables:
        return f"There is no table {unknown[1]!r}; there are {', '.join(tables)}."
    return said if said.endswith((".", "!", "?")) else f"{said}."
