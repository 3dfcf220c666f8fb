"""The machine inventory's table in the Redshift stand-in, accessed through the Data API as in Redshift."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ndr.contract.errors import InvalidRequestError, RedshiftStatementError

CLUSTER: Final = "ndr-local"
DATABASE: Final = "ndr"
TABLE: Final = "public.dim_machine"
COLUMNS: Final = ("ip_address", "machine_name", "is_active", "environment", "first_seen", "last_seen")
_ROWS_A_STATEMENT: Final = 400  # the Data API takes statements of up to 100 KB
_CREATE: Final = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (ip_address VARCHAR(45), machine_name VARCHAR(255), is_active BOOLEAN, "
    "environment VARCHAR(63), first_seen DATE, last_seen DATE)"
)


@dataclass(frozen=True)
class Warehouse:
    """A database behind the Data API, with the secret of its credentials."""

    data_api: Any
    secret_arn: str

    def create_inventory(self) -> None:
        """Create the inventory's table unless it exists."""
        self.run(_CREATE)

    def load_inventory(self, path: Path) -> int:
        """Replace the inventory with the rows of a CSV file that has the columns COLUMNS, in any order.

        Returns
        -------
        int
            Number of rows in the table.

        Raises
        ------
        InvalidRequestError
            A column is missing.
        """
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise InvalidRequestError(
                    f"{path} has no column {', '.join(missing)}; an inventory has {', '.join(COLUMNS)}."
                )
            values = [[row[column] for column in COLUMNS] for row in rows]
        self.create_inventory()
        self.run(f"DELETE FROM {TABLE}")  # noqa: S608
        for statement in _inserts(values):
            self.run(statement)
        return int(self.run(f"SELECT count(*) FROM {TABLE}")[0][0]["longValue"])  # noqa: S608

    def run(self, sql: str) -> list[list[dict[str, Any]]]:
        """Run a statement and return its rows in the format of the Data API.

        Raises
        ------
        RedshiftStatementError
            The statement did not finish.
        """
        api = self.data_api
        identifier = api.execute_statement(
            ClusterIdentifier=CLUSTER, Database=DATABASE, SecretArn=self.secret_arn, Sql=sql
        )["Id"]
        while (state := api.describe_statement(Id=identifier))["Status"] not in ("FINISHED", "FAILED", "ABORTED"):
            time.sleep(0.05)
        if state["Status"] != "FINISHED":
            raise RedshiftStatementError(f"{sql[:120]} ended as {state['Status']}: {state.get('Error', 'no reason')}.")
        return list(api.get_statement_result(Id=identifier)["Records"]) if state["HasResultSet"] else []


def _inserts(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for first in range(0, len(rows), _ROWS_A_STATEMENT):
        values = ", ".join(
            f"({', '.join(_literal(value) for value in row)})" for row in rows[first : first + _ROWS_A_STATEMENT]
        )
        yield f"INSERT INTO {TABLE} ({', '.join(COLUMNS)}) VALUES {values}"  # noqa: S608


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'" if value else "NULL"
