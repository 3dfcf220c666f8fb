"""Fault injection: a service answers some of its next calls with an error.

Each fault is a file in the account's directory, so any process can inject one; the call that it is answered to removes
the file. The file `always` lets a share of all calls fail. Each answered fault is a line of `faults.log`.
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


def inject(
    directory: Path,
    service: str,
    operation: str,
    error: str,
    times: int = 1,
    message: str = "Injected by a test.",
    *,
    carried_out: bool = False,
) -> None:
    """Let the next calls of an operation fail.

    Parameters
    ----------
    directory
        The directory of the account.
    service
        The service's name in botocore; `lambda` for functions that state machines invoke.
    operation
        Such as `DescribePipelineExecution`; of S3, `PutObject` is any PUT and `GetObject` any GET.
    error
        The error's name on the wire, such as `ThrottlingException`.
    times
        Number of calls.
    message
        The error's message.
    carried_out
        Carry the call out and answer with the error all the same, as when an answer is lost.
    """
    folder = _folder(directory, service, operation)
    for _ in range(times):
        document = {"__type": error, "message": message, "carried_out": carried_out}
        (folder / uuid.uuid4().hex).write_text(json.dumps(document))


def inject_share(directory: Path, service: str, operation: str, error: str, probability: float, seed: int) -> None:
    """Let a share of an operation's calls fail, by the random sequence of a seed, until `withdraw`."""
    document = {"__type": error, "message": "Injected by a test.", "probability": probability, "seed": seed}
    (_folder(directory, service, operation) / _ALWAYS).write_text(json.dumps(document))


def withdraw(directory: Path) -> int:
    """Remove the faults that no call has met; return their number, shares not counted."""
    pending = [path for path in (directory / "state" / "faults").glob("*/*/*") if path.is_file()]
    for path in pending:
        path.unlink(missing_ok=True)
    return sum(path.name != _ALWAYS for path in pending)


def injected(directory: Path) -> list[str]:
    """Return every fault answered so far, as `service operation error`."""
    with contextlib.suppress(FileNotFoundError):
        return (directory / "state" / "faults" / "faults.log").read_text().splitlines()
    return []


def with_faults(service: str, handle: Handler) -> Handler:
    """Return a service's handler that answers with the faults injected for it first."""

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
    """Remove and return the fault that a call meets, or None."""
    folder = directories.state("faults")
    for path in (folder / service / operation).glob("*"):
        with contextlib.suppress(FileNotFoundError):  # another call took it first
            fault: dict[str, Any] = json.loads(path.read_text())
            if path.name != _ALWAYS:
                path.unlink()
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
