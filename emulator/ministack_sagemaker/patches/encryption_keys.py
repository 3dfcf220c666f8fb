"""Reading and writing data that is encrypted with a KMS key needs a permission on the key.

MiniStack lacks this: it checks no permission on a key. On AWS, S3, DynamoDB, SNS and SQS call KMS for their caller, so
the caller's role must allow it through the service (`kms:ViaService`). Lambda decrypts a function's environment by a
grant, and CloudWatch Logs uses the key's own policy; neither needs a role's permission.
"""

from __future__ import annotations

import functools
import json
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ministack import app
from ministack.core.iam_actions import access_denied_response
from ministack.core.iam_evaluator import caller_arn
from ministack.services import dynamodb, s3, sns, sqs

from ministack_sagemaker.acting_role import NotAllowedError, require, require_of_caller
from ministack_sagemaker.aws_json import Handler, Response
from ministack_sagemaker.scope import Scope

READ: Final = ("kms:Decrypt",)
WRITE: Final = ("kms:GenerateDataKey",)
BOTH: Final = READ + WRITE
# DynamoDB decrypts the table's data key for reads and for writes.
_ACTIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "dynamodb": dict.fromkeys(
        ("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem"), READ
    ),
    "sns": {"Publish": BOTH},
    "sqs": {"SendMessage": BOTH, "ReceiveMessage": READ},
}
_KEY_HEADER: Final = "x-amz-server-side-encryption-aws-kms-key-id"

Use = tuple[str, str]
"""A key's ARN and what is done with it."""


def check_key_permissions() -> None:
    """Refuse a call that uses a key to a caller without the permission on it."""
    app.SERVICE_HANDLERS["s3"] = _checked("s3", app.SERVICE_HANDLERS["s3"], _uses_of_object)
    for service in _ACTIONS:
        uses = functools.partial(_uses_of_request, service)
        app.SERVICE_HANDLERS[service] = _checked(service, app.SERVICE_HANDLERS[service], uses)


def require_keys(scope: Scope, role_arn: str, service: str, operation: str, arguments: Mapping[str, Any]) -> None:
    """Check that a role may use the keys that a call needs.

    Raises
    ------
    NotAllowedError
    """
    for key, action in _uses_of_call(service, operation, arguments):
        require(scope, role_arn, action, key, kms__ViaService=_via(service, scope))


def _checked(service: str, handle: Handler, uses: Callable[..., Iterator[Use]]) -> Handler:
    async def answer(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        scope = Scope.of_request()
        for key, action in uses(method, path, headers, body, query):
            try:
                require_of_caller(scope, action, key, kms__ViaService=_via(service, scope))
            except NotAllowedError as error:
                refusal: Response = access_denied_response(
                    service, action, caller_arn(), "", message=str(error), headers=dict(headers)
                )
                return refusal
        return await handle(method, path, headers, body, query)

    return answer


def _via(service: str, scope: Scope) -> str:
    return f"{service}.{scope.region}.amazonaws.com"


def _uses_of_object(
    method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> Iterator[Use]:
    """Yield the keys that a call of S3 uses. A multipart upload reads what it wrote; a copy reads its source."""
    bucket, _, name = path.lstrip("/").partition("/")
    if not name:
        return
    if method == "GET":
        yield from _with(_key_of_object(bucket, name), READ)
    elif method in ("PUT", "POST"):
        yield from _with(_key_of_upload(bucket, headers), BOTH if "uploadId" in query else WRITE)
        if source := headers.get("x-amz-copy-source"):
            source_bucket, _, source_name = urllib.parse.unquote(source).lstrip("/").partition("/")
            yield from _with(_key_of_object(source_bucket, source_name.partition("?versionId=")[0]), READ)


def _key_of_upload(bucket: str, headers: Mapping[str, str]) -> str | None:
    if "x-amz-server-side-encryption" in headers:
        return headers.get(_KEY_HEADER)
    return s3._bucket_default_sse_headers(bucket).get(_KEY_HEADER)


def _key_of_object(bucket: str, name: str) -> str | None:
    stored = (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(name)
    return None if stored is None else s3._stored_sse_headers(stored).get(_KEY_HEADER)


def _uses_of_request(
    service: str, method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
) -> Iterator[Use]:
    if target := headers.get("x-amz-target"):
        return _uses_of_call(service, target.rpartition(".")[2], json.loads(body or b"{}"))
    form = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode(errors="replace")).items()}
    return _uses_of_call(service, form.get("Action", ""), form)


def _uses_of_call(service: str, operation: str, arguments: Mapping[str, Any]) -> Iterator[Use]:
    actions = _ACTIONS.get(service, {}).get(operation)
    if actions is None:
        return
    find = {"dynamodb": _keys_of_tables, "sns": _keys_of_topic, "sqs": _keys_of_queue}[service]
    for key in find(arguments):
        yield from _with(key, actions)


def _keys_of_tables(arguments: Mapping[str, Any]) -> Iterator[str | None]:
    for name in [arguments["TableName"]] if "TableName" in arguments else arguments.get("RequestItems", {}):
        table = dynamodb._tables.get(name.rpartition("/")[2]) or {}
        yield (table.get("SSEDescription") or {}).get("KMSMasterKeyArn")


def _keys_of_topic(arguments: Mapping[str, Any]) -> Iterator[str | None]:
    topic = sns._topics.get(arguments.get("TopicArn", "")) or {"attributes": {}}
    yield topic["attributes"].get("KmsMasterKeyId")


def _keys_of_queue(arguments: Mapping[str, Any]) -> Iterator[str | None]:
    url = sqs._queue_name_to_url.get(arguments.get("QueueUrl", "").rpartition("/")[2])
    queue = sqs._queues.get(url) or {"attributes": {}}
    yield queue["attributes"].get("KmsMasterKeyId")


def _with(key: str | None, actions: tuple[str, ...]) -> Iterator[Use]:
    """Yield a customer managed key with each action. The keys that AWS manages for a service need no permission."""
    if key is not None and "alias/aws/" not in key:
        arn = key if key.startswith("arn:") else Scope.of_request().arn("kms", f"key/{key}")
        yield from ((arn, action) for action in actions)
