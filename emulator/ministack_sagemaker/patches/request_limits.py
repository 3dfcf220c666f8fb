"""Limits of requests: to Step Functions and DynamoDB, a message of SNS, a schedule, and a key of S3.

MiniStack lacks these: it takes an empty message, any subject, any schedule expression, keys of any length, and what the
models of Step Functions and DynamoDB do not allow, such as a transaction of more than 100 items.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any, Final

import botocore.session
from ministack import app
from ministack.services import s3, sns

from ministack_sagemaker.aws_json import Handler, Response
from ministack_sagemaker.constraints import violations

KEY_BYTES: Final = 1_024
SUBJECT_CHARACTERS: Final = 100
# Printable ASCII that begins with a letter, a digit or a punctuation mark.
_SUBJECT = re.compile(r"[!-~][ -~]*")
_EXPRESSION = re.compile(r"at\([0-9T:-]+\)|rate\([1-9][0-9]* (minute|hour|day)s?\)|cron\([^()]+( [^() ]+){5}\)")
_SCHEDULE_OPERATIONS: Final = {"POST": "CreateSchedule", "PUT": "UpdateSchedule"}
_BY_MODEL: Final = {"states": "stepfunctions", "dynamodb": "dynamodb"}
"""Services whose requests are checked against their models, with their names in botocore."""


def apply_limits() -> None:
    """Refuse requests beyond the limits."""
    _check_messages()
    for name, model in _BY_MODEL.items():
        app.SERVICE_HANDLERS[name] = _checking_by_model(model, app.SERVICE_HANDLERS[name])
    app.SERVICE_HANDLERS["scheduler"] = _checking_schedules(app.SERVICE_HANDLERS["scheduler"])
    app.SERVICE_HANDLERS["s3"] = _checking_keys(app.SERVICE_HANDLERS["s3"])


def _check_messages() -> None:
    publish = sns.publish_internal

    def publish_checked(topic_arn: str, message: str, subject: str = "", **named: Any) -> Any:
        if not message:
            raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Empty message")
        if subject and (len(subject) > SUBJECT_CHARACTERS or not _SUBJECT.fullmatch(subject)):
            raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Subject")
        return publish(topic_arn, message, subject, **named)

    sns.publish_internal = publish_checked


def _checking_by_model(service: str, handle: Handler) -> Handler:
    model = botocore.session.get_session().get_service_model(service)

    async def answer(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation in model.operation_names:
            broken = violations(_read(body), model.operation_model(operation).input_shape)
            if broken:
                return _refused(_sentence(broken))
        return await handle(method, path, headers, body, query)

    return answer


def _read(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}  # which the service itself refuses


def _sentence(broken: list[str]) -> str:
    return f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected: {'; '.join(broken)}"


def _checking_schedules(handle: Handler) -> Handler:
    model = botocore.session.get_session().get_service_model("scheduler")

    async def answer(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        operation = _SCHEDULE_OPERATIONS.get(method)
        if operation and path.startswith("/schedules/"):
            request = {**_read(body), "Name": urllib.parse.unquote(path.removeprefix("/schedules/"))}
            broken = violations(request, model.operation_model(operation).input_shape)
            expression = str(request.get("ScheduleExpression", ""))
            if not broken and not _EXPRESSION.fullmatch(expression):
                return _refused(f"Invalid Schedule Expression {expression}.")
            if broken:
                return _refused(_sentence(broken))
        return await handle(method, path, headers, body, query)

    return answer


def _refused(message: str) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-errortype": "ValidationException"}
    return 400, headers, json.dumps({"__type": "ValidationException", "message": message}).encode()


def _checking_keys(handle: Handler) -> Handler:
    async def answer(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        key = urllib.parse.unquote(path.lstrip("/").partition("/")[2])
        if method == "PUT" and len(key.encode()) > KEY_BYTES:
            refusal: Response = s3._error("KeyTooLongError", "Your key is too long", 400)
            return refusal
        return await handle(method, path, headers, body, query)

    return answer
