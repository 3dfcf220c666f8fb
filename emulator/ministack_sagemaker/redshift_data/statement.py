"""A statement submitted to the Redshift Data API, and its execution."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import duckdb

from ministack_sagemaker.redshift_data import fields
from ministack_sagemaker.redshift_data.dialect import bind, parameter_names, parse, returns_rows, to_duckdb
from ministack_sagemaker.redshift_data.failure import StatementFailedError
from ministack_sagemaker.redshift_data.unload import run_unload
from ministack_sagemaker.redshift_data.unload_options import parse_unload
from ministack_sagemaker.scope import Scope

_query_ids = itertools.count(1)


@dataclass
class Statement:
    """One SQL statement and its outcome.

    Attributes
    ----------
    id
        The statement's id.
    sql
        The text, in Redshift's dialect.
    parameters
        Values of `:name` parameters.
    """

    id: str
    sql: str
    parameters: dict[str, str]
    status: str = "SUBMITTED"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    error: str | None = None
    duration_ns: int = -1
    query_id: int = 0
    rows: int = -1
    columns: list[dict[str, Any]] = field(default_factory=list)
    records: list[list[dict[str, Any]]] | None = None
    _session: duckdb.DuckDBPyConnection | None = None
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def run(self, scope: Scope, session: duckdb.DuckDBPyConnection) -> None:
        """Execute the statement in a session and set its status."""
        with self._changing:
            if self.status == "ABORTED":
                return
            self._move("STARTED")
            self._session = session
        self.query_id = next(_query_ids)
        began = time.perf_counter_ns()
        try:
            self._execute(scope, session)
            outcome, error = "FINISHED", None
        except duckdb.InterruptException:
            outcome, error = "ABORTED", None
        except duckdb.Error as failure:
            outcome, error = "FAILED", f"ERROR: {failure}"
        except StatementFailedError as failure:
            outcome, error = "FAILED", str(failure)
        with self._changing:
            self._session = None
            self.duration_ns = time.perf_counter_ns() - began
            self.error = error
            self._move(outcome)

    def abort(self) -> bool:
        """Cancel the statement; return False if it has ended already."""
        with self._changing:
            if self.status == "STARTED" and self._session is not None:
                self._session.interrupt()
                return True
            if self.status in ("SUBMITTED", "PICKED"):
                self._move("ABORTED")
                return True
            return False

    def fail(self, message: str) -> None:
        """End the statement as failed, without running it."""
        with self._changing:
            self.error = message
            self._move("FAILED")

    def unused_parameters(self) -> set[str]:
        """Return the parameters of the request that the statement does not mention."""
        return set(self.parameters) - self._mentioned()

    def missing_parameters(self) -> set[str]:
        """Return the parameters that the statement mentions and the request lacks."""
        return self._mentioned() - set(self.parameters)

    def _mentioned(self) -> set[str]:
        if self._is_unload():
            return set()
        try:
            return parameter_names(parse(self.sql))
        except StatementFailedError:
            return set(self.parameters)  # the statement fails when it runs, with the better message

    def _is_unload(self) -> bool:
        return self.sql.lstrip().upper().startswith("UNLOAD")

    def _execute(self, scope: Scope, session: duckdb.DuckDBPyConnection) -> None:
        if self._is_unload():
            self.rows = run_unload(session, scope.client("s3"), parse_unload(self.sql))
            return
        statement = bind(parse(self.sql), self.parameters)
        session.execute(to_duckdb(statement))
        result = session.fetchall() if session.description else []
        if returns_rows(statement):
            self.columns = fields.column_metadata(session.description)
            self.records = [fields.record(row) for row in result]
            self.rows = len(result)
        elif result:
            self.rows = int(result[0][0])  # DuckDB answers INSERT, UPDATE and DELETE with the number of rows

    def _move(self, status: str) -> None:
        self.status = status
        self.updated = datetime.now(UTC)
