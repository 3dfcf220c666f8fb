"""S3 answers 403, and not 404, for a missing key when the caller may not list the bucket.

MiniStack lacks this: it answers 404 to every caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack import app
from ministack.core.iam_actions import access_denied_response
from ministack.core.iam_evaluator import caller_arn
from ministack.services import s3

from ministack_sagemaker.acting_role import NotAllowedError, require_of_caller
from ministack_sagemaker.aws_json import Response
from ministack_sagemaker.scope import Scope


def refuse_without_list_permission() -> None:
    """Answer a request for a missing key as S3 does."""
    handle = app.SERVICE_HANDLERS["s3"]

    async def answer(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        response: Response = await handle(method, path, headers, body, query)
        bucket, _, name = path.lstrip("/").partition("/")
        if response[0] == 404 and method in ("GET", "HEAD") and name and bucket in s3._buckets:
            try:
                require_of_caller(Scope.of_request(), "s3:ListBucket", f"arn:aws:s3:::{bucket}")
            except NotAllowedError as error:
                refusal: Response = access_denied_response(
                    "s3", "s3:ListBucket", caller_arn(), "", message=str(error), headers=dict(headers)
                )
                return refusal
        return response

    app.SERVICE_HANDLERS["s3"] = answer
