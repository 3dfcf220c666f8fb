"""Faults on order: a service answers some of its next calls with an error, as AWS does on a bad day.

Each ordered fault is a file, and the call that meets it takes the file away; so faults can be ordered by any process.
A share of all calls fails where a file `always` stands. What was injected is counted in `faults.log`, a line a fault.
"""

from __future__ import annotations

import contextlib
import json
import random
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ministack_sagemaker import directories
from ministack_sagemaker.aws_json import Handler, Response

_ALWAYS = "always"
_METHODS = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject", "POST": "Post"}
_chances: dict[tuple[str, str, str], random.Random] = {}


def order(
    directory: Path,
    service: str,
    operation: str,
    error: str,
    times: int = 1,
    message: str = "Ordered by a test.",
    *,
    carried_out: bool = False,
) -> None:
    """Let the next `times` calls of an operation fail.

    Parameters
    ----------
    directory
        The account's.
    service
        The service's name in botocore; `lambda` for functions that state machines invoke.
    operation
        Such as `DescribePipelineExecution`; of S3, `PutObject` is any PUT and `GetObject` any GET.
    error
        The error's name on the wire, such as `ThrottlingException`.
    carried_out
        The call is carried out, and only its answer is an error: the caller can't know.
    """
    ordered = _folder(directory, service, operation)
    for _ in range(times):
        document = {"__type": error, "message": message, "carried_out": carried_out}
        (ordered / uuid.uuid4().hex).write_text(json.dumps(document))


def order_share(directory: Path, service: str, operation: str, error: str, probability: float, seed: int) -> None:
    """Let a share of an operation's calls fail, by a random sequence of that seed, until `withdraw`."""
    document = {"__type": error, "message": "Ordered by a test.", "probability": probability, "seed": seed}
    (_folder(directory, service, operation) / _ALWAYS).write_text(json.dumps(document))


def withdraw(directory: Path) -> int:
    """Withdraw what no call has met; return how many faults that was, shares not counted."""
    orders = [path for path in (directory / "state" / "faults").glob("*/*/*") if path.is_file()]
    for path in orders:
        path.unlink(missing_ok=True)
    return sum(path.name != _ALWAYS for path in orders)


def injected(directory: Path) -> list[str]:
    """Return every fault injected so far, as `service operation error`."""
    with contextlib.suppress(FileNotFoundError):
        return (directory / "state" / "faults" / "faults.log").read_text().splitlines()
    return []


def with_faults(service: str, handle: Handler) -> Handler:
    """A service's handler that answers with the faults ordered for it first."""

    async def answer(
        method: str, path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]
    ) -> Response:
        fault = taken(service, _operation(service, method, headers, body))
        if fault is None:
            return await handle(method, path, headers, body, query)
        if fault.get("carried_out"):
            await handle(method, path, headers, body, query)
        return _refusal(fault, is_json="x-amz-target" in headers)

    return answer


def taken(service: str, operation: str) -> dict[str, Any] | None:
    """Return the fault that a call meets and take it off the list, or None."""
    folder = directories.state("faults")
    for ordered in (folder / service / operation).glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another call took it first
            fault: dict[str, Any] = json.loads(ordered.read_text())
            if ordered.name != _ALWAYS:
                ordered.unlink()
            elif not _meets(service, operation, fault):
                continue
            record(service, operation, fault["__type"])
            return fault
    return None


def record(service: str, operation: str, error: str) -> None:
    """Count a fault that was injected."""
    with (directories.state("faults") / "faults.log").open("a") as log:
        log.write(f"{service} {operation} {error}\n")


def _meets(service: str, operation: str, fault: Mapping[str, Any]) -> bool:
    key = (service, operation, str(fault["seed"]))
    return _chances.setdefault(key, random.Random(" ".join(key))).random() < float(fault["probability"])  # noqa: S311


def _folder(directory: Path, service: str, operation: str) -> Path:
    folder = directory / "state" / "faults" / service / operation
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _operation(service: str, method: str, headers: Mapping[str, str], body: bytes | str) -> str:
    """Name the operation: by the target header of JSON services, the Action of query services, the method of S3."""
    if target := headers.get("x-amz-target", ""):
        return target.rpartition(".")[2]
    if service == "s3":
        return _METHODS.get(method, method)
    text = body if isinstance(body, str) else body.decode(errors="replace")
    return parse_qs(text).get("Action", [method])[0]


def _refusal(fault: Mapping[str, Any], *, is_json: bool) -> Response:
    name = str(fault["__type"])
    status = 503 if name == "SlowDown" else 500 if name.startswith("Internal") else 400
    if is_json:
        error = json.dumps({"__type": name, "message": fault["message"]}).encode()
        return status, {"Content-Type": "application/x-amz-json-1.1"}, error
    words = f"<Code>{name}</Code><Message>{fault['message']}</Message>"
    xml = f"<Error>{words}</Error>" if status == 503 else f"<ErrorResponse><Error>{words}</Error></ErrorResponse>"
    return status, {"Content-Type": "text/xml"}, xml.encode()
