"""The AWS JSON 1.1 protocol: an operation is a function from a request to a response."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import botocore.session

from ministack_sagemaker.constraints import violations
from ministack_sagemaker.scope import Scope

Operation = Callable[[Scope, dict[str, Any]], dict[str, Any] | None]
Response = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, Any]], Awaitable[Response]]

log = logging.getLogger("ministack_sagemaker")


class ServiceError(Exception):
    """An error that a service answers with.

    Parameters
    ----------
    code
        The error's name on the wire, such as `ValidationException`.
    message
        The sentence shown to the caller.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def handler(service: str, operations: Mapping[str, Operation]) -> Handler:
    """Return a handler that answers the requests of a service.

    Parameters
    ----------
    service
        The service's name in botocore; its model is what requests are checked against.
    operations
        Function by operation name. They run on worker threads, so they may call other services of the account.
    """
    model = botocore.session.get_session().get_service_model(service)

    def answer(scope: Scope, action: str, body: bytes) -> dict[str, Any]:
        if action not in operations:
            raise ServiceError("UnknownOperationException", f"{service} has no operation {action} in this emulator.")
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise ServiceError("SerializationException", f"The request is not JSON: {error}") from error
        broken = violations(request, model.operation_model(action).input_shape)
        if broken:
            plural = "s" if len(broken) > 1 else ""
            raise ServiceError(
                "ValidationException", f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}"
            )
        return operations[action](scope, request) or {}

    async def handle(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            result = await asyncio.to_thread(answer, Scope.of_request(), action, body)
            return _respond(200, result)
        except ServiceError as error:
            return _respond(400, {"__type": error.code, "message": error.message})
        except Exception as error:
            log.exception("%s.%s failed", service, action)
            return _respond(500, {"__type": "InternalServerException", "message": f"{type(error).__name__}: {error}"})

    return handle


def _respond(status: int, payload: Mapping[str, Any]) -> Response:
    body = json.dumps(_without_nulls(payload), default=_epoch_seconds).encode()
    return status, {"Content-Type": "application/x-amz-json-1.1"}, body


def _epoch_seconds(value: object) -> float:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    raise TypeError(f"{type(value).__name__} has no form in AWS JSON")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value
