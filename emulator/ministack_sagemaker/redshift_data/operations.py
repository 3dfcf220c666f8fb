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
    """What one ExecuteStatement or BatchExecuteStatement call submitted."""

    id: str
    request: dict[str, Any]
    statements: list[Statement]
    batch: bool
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def cluster(self) -> str:
        return str(self.request.get("ClusterIdentifier") or self.request["WorkgroupName"])

    @property
    def status(self) -> str:
        found = {statement.status for statement in self.statements}
        for status in ("STARTED", "FAILED", "ABORTED"):
            if status in found:
                return status
        return found.pop() if len(found) == 1 else "STARTED"


_submissions: dict[Scope, dict[str, Submission]] = {}
_by_token: dict[tuple[Scope, str], str] = {}


def execute_statement(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _submit(scope, request, [request["Sql"]], batch=False)


def batch_execute_statement(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _submit(scope, request, request["Sqls"], batch=True)


def describe_statement(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    submission, statement = _find(scope, request["Id"])
    submission.done.wait(request.get("WaitTimeSeconds", 0))
    described = _common(submission)
    if statement is not None:
        return described | _outcome(statement)
    statements = submission.statements
    if not submission.batch:
        return described | _outcome(statements[0])
    return {
        **described,
        "Id": submission.id,
        "Status": submission.status,
        "Error": next((each.error for each in statements if each.error), None),
        "Duration": sum(max(each.duration_ns, 0) for each in statements),
        "UpdatedAt": max(each.updated for each in statements),
        "HasResultSet": any(each.records is not None for each in statements),
        "SubStatements": [_outcome(each) for each in statements],
    }


def get_statement_result(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    submission, statement = _find(scope, request["Id"])
    submission.done.wait(request.get("WaitTimeSeconds", 0))
    if statement is None and submission.batch:
        raise ServiceError("ValidationException", f"Name a statement of the batch, such as {submission.id}:1.")
    statement = statement or submission.statements[0]
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
    submission, _ = _find(scope, request["Id"])
    cancelled = [statement.abort() for statement in submission.statements]
    if not any(cancelled):
        raise ServiceError(
            "ValidationException", f"Could not cancel a query that is already in {submission.status} state."
        )
    return {"Status": True}


def list_statements(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    status, name = request.get("Status", "ALL"), request.get("StatementName", "")
    found = [
        submission
        for submission in reversed(list(_submissions.get(scope, {}).values()))
        if status in ("ALL", submission.status)
        and submission.request.get("StatementName", "").startswith(name)
        and all(
            request[key] == submission.request.get(key)
            for key in ("ClusterIdentifier", "WorkgroupName", "Database")
            if key in request
        )
    ]
    shown, token = page(found, request)
    return {"Statements": [_summary(submission) for submission in shown], "NextToken": token}


def _submit(scope: Scope, request: dict[str, Any], sqls: list[str], batch: bool) -> dict[str, Any]:
    _check_connection(scope, request)
    _check_secret(scope, request)
    token = request.get("ClientToken")
    with _submitting:
        known = _by_token.get((scope, token)) if token else None
        if known is not None:
            return _accepted(_same_request(_submissions[scope][known], request))
        submission = _submission(request, sqls, batch)
        _submissions.setdefault(scope, {})[submission.id] = submission
        record_owner(submission.id)
        if token:
            _by_token[scope, token] = submission.id
    _pool.submit(_run, scope, submission)
    submission.done.wait(request.get("WaitTimeSeconds", 0))
    return _accepted(submission)


def _check_secret(scope: Scope, request: dict[str, Any]) -> None:
    """The caller must be allowed to read the secret that it asks the database to be opened with."""
    if "SecretArn" in request:
        try:
            require_of_caller(scope, "secretsmanager:GetSecretValue", request["SecretArn"])
        except NotAllowedError as error:
            raise ServiceError("ValidationException", str(error)) from error


def _submission(request: dict[str, Any], sqls: list[str], batch: bool) -> Submission:
    parameters = {item["name"]: item["value"] for item in request.get("Parameters", [])}
    identifier = str(uuid.uuid4())
    statements = []
    for index, sql in enumerate(sqls, start=1):
        statement = Statement(f"{identifier}:{index}" if batch else identifier, sql, parameters)
        missing = sorted(statement.missing_parameters())
        if missing:
            raise ServiceError("ValidationException", f"Cannot find parameter: {missing[0]}")
        statements.append(statement)
    unused = set.intersection(*(statement.unused_parameters() for statement in statements))
    if unused:
        raise ServiceError(
            "ValidationException",
            f"Parameters list contains unused parameters. Unused parameters: [{', '.join(sorted(unused))}]",
        )
    return Submission(identifier, request, statements, batch)


def _run(scope: Scope, submission: Submission) -> None:
    try:
        cursor = session(scope, submission.cluster, submission.request["Database"])
        transaction = submission.batch and submission.request.get("ExecutionMode", "TRANSACTION") == "TRANSACTION"
        if transaction:
            cursor.begin()
        failed = False
        for statement in submission.statements:
            if failed and transaction:
                statement.abort()
                continue
            statement.run(scope, cursor)
            failed = failed or statement.status != "FINISHED"
        if transaction:
            cursor.rollback() if failed else cursor.commit()
        cursor.close()
    except Exception as error:
        for statement in submission.statements:
            if statement.status not in _ENDED:
                statement.fail(f"ERROR: {type(error).__name__}: {error}")
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


def _find(scope: Scope, identifier: str) -> tuple[Submission, Statement | None]:
    submission = _submissions.get(scope, {}).get(identifier.partition(":")[0])
    if submission is None:
        raise ServiceError("ResourceNotFoundException", f"Query does not exist: {identifier}")
    if ":" not in identifier:
        return submission, None
    for statement in submission.statements:
        if statement.id == identifier:
            return submission, statement
    raise ServiceError("ResourceNotFoundException", f"Query does not exist: {identifier}")


def _common(submission: Submission) -> dict[str, Any]:
    kept = ("ClusterIdentifier", "WorkgroupName", "Database", "SecretArn", "DbUser")
    return {
        **{key: submission.request.get(key) for key in kept},
        "CreatedAt": submission.statements[0].created,
        "QueryParameters": submission.request.get("Parameters"),
        "RedshiftPid": 1,
        "ResultFormat": "JSON",
    }


def _outcome(statement: Statement) -> dict[str, Any]:
    return {
        "Id": statement.id,
        "QueryString": statement.sql,
        "Status": statement.status,
        "Error": statement.error,
        "CreatedAt": statement.created,
        "UpdatedAt": statement.updated,
        "Duration": statement.duration_ns,
        "HasResultSet": statement.records is not None,
        "ResultRows": statement.rows,
        "ResultSize": len(str(statement.records)) if statement.records else 0,
        "RedshiftQueryId": statement.query_id,
    }


def _accepted(submission: Submission) -> dict[str, Any]:
    kept = ("ClusterIdentifier", "WorkgroupName", "Database", "SecretArn", "DbUser")
    return {
        **{key: submission.request.get(key) for key in kept},
        "Id": submission.id,
        "CreatedAt": submission.statements[0].created,
    }


def _summary(submission: Submission) -> dict[str, Any]:
    first = submission.statements[0]
    return {
        "Id": submission.id,
        "Status": submission.status,
        "StatementName": submission.request.get("StatementName"),
        "QueryString": first.sql,
        "QueryStrings": [statement.sql for statement in submission.statements] if submission.batch else None,
        "IsBatchStatement": submission.batch,
        "SecretArn": submission.request.get("SecretArn"),
        "QueryParameters": submission.request.get("Parameters"),
        "CreatedAt": first.created,
        "UpdatedAt": max(statement.updated for statement in submission.statements),
    }
