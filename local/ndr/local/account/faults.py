"""Faults on order: a service answers some of its next calls with an error, as AWS does on a bad day.

Each ordered fault is a file, and the call that meets it takes the file away; so faults can be ordered by any process.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ndr.local.account import directories
from ndr.local.account.aws_json import Handler, Response


def order(
    directory: Path, service: str, operation: str, error: str, times: int = 1, message: str = "Ordered by a test."
) -> None:
    """Let the next `times` calls of an operation fail.

    Parameters
    ----------
    directory
        The account's.
    service
        The service's name in botocore; one of those that this package adds.
    operation
        Such as `DescribePipelineExecution`.
    error
        The error's name on the wire, such as `ThrottlingException`.
    """
    ordered = directory / "state" / "faults" / service / operation
    ordered.mkdir(parents=True, exist_ok=True)
    for _ in range(times):
        (ordered / uuid.uuid4().hex).write_text(json.dumps({"__type": error, "message": message}))


def with_faults(service: str, handle: Handler) -> Handler:
    """A service's handler that answers with the faults ordered for it first."""

    async def answer(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        fault = _taken(service, headers.get("x-amz-target", "").rpartition(".")[2])
        if fault is not None:
            return 400, {"Content-Type": "application/x-amz-json-1.1"}, fault
        return await handle(method, path, headers, body, query)

    return answer


def _taken(service: str, operation: str) -> bytes | None:
    for ordered in directories.state("faults").glob(f"{service}/{operation}/*"):
        with contextlib.suppress(FileNotFoundError):  # another call took it first
            fault = ordered.read_bytes()
            ordered.unlink()
            return fault
    return None
