"""Submitting, polling and reading, against an API held in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ndr.contract.errors import RedshiftStatementError
from ndr.contract.jobspecs.machine_inventory_unload import Redshift
from ndr.jobs.inventory.redshift_data import LONGEST_WAIT_SECONDS, Statements, client_token

CONNECTION = Redshift(
    cluster_identifier="cluster-1",
    database="ndr",
    secret_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:ndr",
    region="us-east-1",
    iam_role="arn:aws:iam::123456789012:role/Unload",
)


@dataclass
class DataApi:
    """A statement goes through `statuses`, one a describe; results come in pages of two rows."""

    statuses: list[str]
    error: str | None = None
    records: list[list[dict[str, Any]]] = field(default_factory=list)
    by_token: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def execute_statement(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"Id": self.by_token.setdefault(request["ClientToken"], f"statement-{len(self.by_token) + 1}")}

    def describe_statement(self, *, Id: str) -> dict[str, Any]:  # noqa: N803
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"Id": Id, "Status": status, **({"Error": self.error} if self.error else {})}

    def get_statement_result(self, *, Id: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        start = int(NextToken)
        more = {"NextToken": str(start + 2)} if start + 2 < len(self.records) else {}
        columns = [{"name": "machines"}, {"name": "name"}]
        return {"ColumnMetadata": columns, "Records": self.records[start : start + 2], **more}

    def cancel_statement(self, *, Id: str) -> dict[str, Any]:  # noqa: N803
        self.cancelled.append(Id)
        return {"Status": True}

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def statements(self, connection: Redshift = CONNECTION, deadline: float = 3600.0) -> Statements:
        return Statements(self, connection, "run-1", deadline, self.sleep, lambda: self.now)


def test_a_statement_is_submitted_with_its_token_and_polled_to_its_end() -> None:
    api = DataApi(["SUBMITTED", "PICKED", "STARTED", "FINISHED"])
    assert api.statements().execute("SELECT 1", "count") == "statement-1"
    assert api.requests == [
        {
            "ClusterIdentifier": "cluster-1",
            "Database": "ndr",
            "SecretArn": CONNECTION.secret_arn,
            "Sql": "SELECT 1",
            "ClientToken": client_token("run-1", "SELECT 1"),
        }
    ]
    assert api.waits == pytest.approx([0.2, 0.3, 0.45])


def test_the_same_run_and_statement_is_submitted_once() -> None:
    api = DataApi(["FINISHED"])
    statements = api.statements()
    assert statements.execute("SELECT 1", "a") == statements.execute("SELECT 1", "a")
    assert statements.execute("SELECT 2", "b") == "statement-2"
    assert len(client_token("run-1", "SELECT 1")) == 64
    assert client_token("run-1", "SELECT 1") != client_token("run-2", "SELECT 1")


def test_a_workgroup_takes_the_place_of_a_cluster() -> None:
    api = DataApi(["FINISHED"])
    serverless = CONNECTION.model_copy(update={"cluster_identifier": None, "workgroup_name": "wg"})
    api.statements(serverless).execute("SELECT 1", "count")
    assert api.requests[0]["WorkgroupName"] == "wg"
    assert "ClusterIdentifier" not in api.requests[0]


def test_rows_come_from_all_pages_by_column_name() -> None:
    records = [[{"longValue": number}, {"stringValue": f"m{number}"}] for number in range(4)]
    records.append([{"longValue": 4}, {"isNull": True}])
    rows = DataApi(["FINISHED"], records=records).statements().rows("SELECT", "list")
    assert [row["machines"] for row in rows] == [0, 1, 2, 3, 4]
    assert [row["name"] for row in rows] == ["m0", "m1", "m2", "m3", None]


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (
            "FAILED",
            'ERROR: relation "public.x" does not exist',
            'ended FAILED: ERROR: relation "public.x" does not exist',
        ),
        ("ABORTED", None, "ended ABORTED: Redshift gives no reason"),
    ],
)
def test_a_failed_statement_is_explained_in_redshifts_words(status: str, error: str | None, said: str) -> None:
    with pytest.raises(RedshiftStatementError) as failure:
        DataApi(["STARTED", status], error=error).statements().execute("SELECT", "count the machines")
    message = str(failure.value)
    assert message.startswith("Redshift could not count the machines (database ndr of cluster-1 in us-east-1)")
    assert "statement statement-1" in message
    assert said in message


def test_past_the_deadline_a_statement_is_cancelled() -> None:
    api = DataApi(["STARTED"])
    with pytest.raises(RedshiftStatementError, match="still STARTED after 600 s and is cancelled"):
        api.statements(deadline=600).execute("SELECT", "count")
    assert api.cancelled == ["statement-1"]
    assert 600 <= api.now < 600 + LONGEST_WAIT_SECONDS
    assert max(api.waits) == LONGEST_WAIT_SECONDS
    assert api.waits == sorted(api.waits)


@pytest.mark.parametrize(
    "refusal",
    [
        ClientError({"Error": {"Code": "ValidationException", "Message": "no such secret"}}, "ExecuteStatement"),
        EndpointConnectionError(endpoint_url="https://redshift-data.us-east-1.amazonaws.com"),
    ],
)
def test_a_refused_call_says_what_to_check(refusal: Exception) -> None:
    class Refusing(DataApi):
        def execute_statement(self, **request: Any) -> dict[str, Any]:
            raise refusal

    with pytest.raises(RedshiftStatementError) as failure:
        Refusing(["FINISHED"]).statements().execute("SELECT", "count the machines")
    assert str(refusal) in str(failure.value)
    assert "secret_arn and region in the JobSpec" in str(failure.value)
