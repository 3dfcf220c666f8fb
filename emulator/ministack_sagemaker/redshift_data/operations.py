"""Operations of the Redshift Data API."""

from __future__ import annotations

import concurrent.futures
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ministack_sagemaker.acting_role import NotAllowedError, require_of_caller
from ministack_sagemaker.aws_json import ServiceError
from ministack_sagemaker.pagination import page
from ministack_sagemaker.redshift_data.database import session
from ministack_sagemaker.redshift_data.owners import record_owner
from ministack_sagemaker.redshift_data.statement import Statement
from ministack_sagemaker.scope import Scope

RESULT_PAGE_ROWS = 1_000
_ENDED = ("FINISHED", "FAILED", "ABORTED")
_pool = concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="redshift")
_submitting = threading.Lock()


@dataclass
class Submission:
    """An ExecuteStatement request and its statement."""

    request: dict[str, Any]
    statement: Statement
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def cluster(self) -> str:
        return str(self.request.get("ClusterIdentifier") or self.request["WorkgroupName"])


_submissions: dict[Scope, dict[str, Submission]] = {}
_by_token: dict[tuple[Scope, str], str] = {}


def execute_statement(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    _check_connection(scope, request)
    _check_secret(scope, request)
    token = request.get("ClientToken")
    with _submitting:
        known = _by_token.get((scope, token)) if token else None
        if known is not None:
            return _connection(_same_request(_submissions[scope][known], request))
        submission = Submission(request, _statement(request))
        identifier = submission.statement.id
        _submissions.setdefault(scope, {})[identifier] = submission
        record_owner(identifier)
        if token:
            _by_token[scope, token] = identifier
    _pool.submit(_run, scope, submission)
    submission.done.wait(request.get("WaitTimeSeconds", 0))
    return _connection(submission)


def describe_statement(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    submission = _find(scope, request["Id"])
    submission.done.wait(request.get("WaitTimeSeconds", 0))
    statement = submission.statement
    return {
        **_connection(submission),
        "QueryParameters": submission.request.get("Parameters"),
        "RedshiftPid": 1,
        "ResultFormat": "JSON",
        "QueryString": statement.sql,
        "Status": statement.status,
        "Error": statement.error,
        "UpdatedAt": statement.updated,
        "Duration": statement.duration_ns,
        "HasResultSet": statement.records is not None,
        "ResultRows": statement.rows,
        "ResultSize": len(str(statement.records)) if statement.records else 0,
        "RedshiftQueryId": statement.query_id,
    }


def get_statement_result(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    submission = _find(scope, request["Id"])
    submission.done.wait(request.get("WaitTimeSeconds", 0))
    statement = submission.statement
    if statement.status != "FINISHED" or statement.records is None:
        raise ServiceError(
            "ResourceNotFoundException",
            f"Query does not have result. Please check query status with DescribeStatement. ({statement.status})",
        )
    shown, token = page(statement.records, request, RESULT_PAGE_ROWS)
    return {
        "Records": shown,
        "ColumnMetadata": statement.columns,
        "TotalNumRows": len(statement.records),
        "NextToken": token,
    }


def cancel_statement(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    statement = _find(scope, request["Id"]).statement
    if not statement.abort():
        raise ServiceError(
            "ValidationException", f"Could not cancel a query that is already in {statement.status} state."
        )
    return {"Status": True}


def _check_secret(scope: Scope, request: dict[str, Any]) -> None:
    """Check that the caller may read the secret of the request."""
    if "SecretArn" in request:
        try:
            require_of_caller(scope, "secretsmanager:GetSecretValue", request["SecretArn"])
        except NotAllowedError as error:
            raise ServiceError("ValidationException", str(error)) from error


def _statement(request: dict[str, Any]) -> Statement:
    parameters = {item["name"]: item["value"] for item in request.get("Parameters", [])}
    statement = Statement(str(uuid.uuid4()), request["Sql"], parameters)
    missing = sorted(statement.missing_parameters())
    if missing:
        raise ServiceError("ValidationException", f"Cannot find parameter: {missing[0]}")
    unused = sorted(statement.unused_parameters())
    if unused:
        raise ServiceError(
            "ValidationException",
            f"Parameters list contains unused parameters. Unused parameters: [{', '.join(unused)}]",
        )
    return statement


def _run(scope: Scope, submission: Submission) -> None:
    try:
        cursor = session(scope, submission.cluster, submission.request["Database"])
        submission.statement.run(scope, cursor)
        cursor.close()
    except Exception as error:
        if submission.statement.status not in _ENDED:
            submission.statement.fail(f"ERROR: {type(error).__name__}: {error}")
    finally:
        submission.done.set()


def _check_connection(scope: Scope, request: dict[str, Any]) -> None:
    if ("ClusterIdentifier" in request) == ("WorkgroupName" in request):
        raise ServiceError("ValidationException", "Exactly one of ClusterIdentifier and WorkgroupName is required.")
    if not request.get("Database"):
        raise ServiceError("ValidationException", "Database is required.")
    if "SecretArn" not in request:
        return
    try:
        scope.client("secretsmanager").describe_secret(SecretId=request["SecretArn"])
    except ClientError as error:
        raise ServiceError(
            "ResourceNotFoundException", f"Secrets Manager can't find the secret {request['SecretArn']}."
        ) from error


def _same_request(submission: Submission, request: dict[str, Any]) -> Submission:
    if submission.request != request:
        raise ServiceError(
            "ValidationException", f"ClientToken {request['ClientToken']} was already used for another request."
        )
    return submission


def _find(scope: Scope, identifier: str) -> Submission:
    submission = _submissions.get(scope, {}).get(identifier)
    if submission is None:
        raise ServiceError("ResourceNotFoundException", f"Query does not exist: {identifier}")
    return submission


def _connection(submission: Submission) -> dict[str, Any]:
    """Return the parts of the request that each answer about a statement repeats."""
    kept = ("ClusterIdentifier", "WorkgroupName", "Database", "SecretArn", "DbUser")
    return {
        **{key: submission.request.get(key) for key in kept},
        "Id": submission.statement.id,
        "CreatedAt": submission.statement.created,
    }
