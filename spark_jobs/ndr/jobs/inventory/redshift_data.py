"""Statements through the Redshift Data API: submitted once, polled to their end, explained when they fail."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ndr.contract.errors import RedshiftStatementError
from ndr.contract.jobspecs.machine_inventory_unload import Redshift

FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 15.0
WAIT_GROWTH: Final = 1.5
DEADLINE_SECONDS: Final = 3600.0

Row = dict[str, Any]


class RedshiftDataClient(Protocol):
    """What is used of `boto3.client("redshift-data")`."""

    def execute_statement(self, **kwargs: Any) -> Any: ...
    def describe_statement(self, **kwargs: Any) -> Any: ...
    def get_statement_result(self, **kwargs: Any) -> Any: ...
    def cancel_statement(self, **kwargs: Any) -> Any: ...


def redshift_data_client(region: str) -> RedshiftDataClient:
    """Return a Data API client of a region; throttled and broken-off calls are repeated."""
    client: RedshiftDataClient = boto3.client(
        "redshift-data", region_name=region, config=Config(retries={"mode": "standard", "total_max_attempts": 8})
    )
    return client


@dataclass(frozen=True)
class Statements:
    """Runs the statements of one run, each in a session of its own, as the Data API has it.

    Parameters
    ----------
    client : RedshiftDataClient
        Of the connection's region.
    connection : Redshift
        Cluster or workgroup, database and secret.
    run_id : str
        With the statement's text it makes the ClientToken: a repeated call finds the statement already submitted.
    deadline_seconds : float
        After so long a statement is cancelled.
    sleep, clock : callable
        Seconds to wait; monotonic seconds.
    """

    client: RedshiftDataClient
    connection: Redshift
    run_id: str
    deadline_seconds: float = DEADLINE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def execute(self, sql: str, purpose: str) -> str:
        """Run a statement to its end and return its id.

        Parameters
        ----------
        sql : str
            One statement.
        purpose : str
            What it is for, e.g. `count the machines`; opens the error sentence.

        Raises
        ------
        RedshiftStatementError
            The API refused it, Redshift failed or aborted it, or the deadline passed.
        """
        try:
            identifier = self._submit(sql)
            self._await_end(identifier, purpose)
        except (ClientError, BotoCoreError) as error:
            raise self._refused(purpose, error) from error
        return identifier

    def rows(self, sql: str, purpose: str) -> list[Row]:
        """Run a query and return its rows by column name.

        Raises
        ------
        RedshiftStatementError
            As `execute`.
        """
        identifier = self.execute(sql, purpose)
        try:
            return list(self._result(identifier))
        except (ClientError, BotoCoreError) as error:
            raise self._refused(purpose, error) from error

    @property
    def target(self) -> str:
        """The connection in words, for messages."""
        place = self.connection.cluster_identifier or self.connection.workgroup_name
        return f"database {self.connection.database} of {place} in {self.connection.region}"

    def _submit(self, sql: str) -> str:
        place = (
            {"ClusterIdentifier": self.connection.cluster_identifier}
            if self.connection.cluster_identifier
            else {"WorkgroupName": self.connection.workgroup_name}
        )
        answer = self.client.execute_statement(
            **place,
            Database=self.connection.database,
            SecretArn=self.connection.secret_arn,
            Sql=sql,
            ClientToken=client_token(self.run_id, sql),
        )
        return str(answer["Id"])

    def _await_end(self, identifier: str, purpose: str) -> None:
        deadline, wait = self.clock() + self.deadline_seconds, FIRST_WAIT_SECONDS
        while True:
            statement = self.client.describe_statement(Id=identifier)
            status = statement["Status"]
            if status == "FINISHED":
                return
            if status in ("FAILED", "ABORTED"):
                reason = statement.get("Error") or "Redshift gives no reason; look for who cancelled it"
                raise RedshiftStatementError(
                    f"Redshift could not {purpose} ({self.target}): statement {identifier} ended {status}: {reason}"
                )
            if self.clock() >= deadline:
                self._cancel(identifier)
                raise RedshiftStatementError(
                    f"Redshift could not {purpose} ({self.target}): statement {identifier} was still {status} after "
                    f"{self.deadline_seconds:.0f} s and is cancelled; look for locks and queues there, then run again."
                )
            self.sleep(wait)
            wait = min(wait * WAIT_GROWTH, LONGEST_WAIT_SECONDS)

    def _cancel(self, identifier: str) -> None:
        try:
            self.client.cancel_statement(Id=identifier)
        except ClientError:
            return  # it ended in between; the deadline has passed all the same

    def _result(self, identifier: str) -> Iterator[Row]:
        page: dict[str, Any] = {}
        while True:
            answer = self.client.get_statement_result(Id=identifier, **page)
            names = [column["name"] for column in answer["ColumnMetadata"]]
            for record in answer["Records"]:
                yield {name: _value(field) for name, field in zip(names, record, strict=True)}
            if not answer.get("NextToken"):
                return
            page = {"NextToken": answer["NextToken"]}

    def _refused(self, purpose: str, error: Exception) -> RedshiftStatementError:
        return RedshiftStatementError(
            f"The Redshift Data API could not {purpose} ({self.target}): {error}. Check redshift.cluster_identifier or "
            "workgroup_name, database, secret_arn and region in the JobSpec, and that the job's role may use them."
        )


def client_token(run_id: str, sql: str) -> str:
    """Return the ClientToken, 64 characters, of a statement of a run."""
    return hashlib.sha256(f"{run_id}\n{sql}".encode()).hexdigest()


def _value(field: dict[str, Any]) -> Any:
    """Unwrap a field of the API, such as `{"longValue": 3}` or `{"isNull": True}`."""
    (kind, value), *_ = field.items()
    return None if kind == "isNull" else value
