"""Start, find and stop an account."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config

from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.server import DEFAULT_ACCOUNT_ID, DEFAULT_REGION, RECORD_NAME
from ministack_sagemaker.server_lock import holder

_STARTUP_SECONDS = 120.0
_SHUTDOWN_SECONDS = 30.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Account:
    """A running account.

    Attributes
    ----------
    directory
        Directory of its files, by which it is found.
    endpoint_url
        Value of AWS_ENDPOINT_URL that reaches it.
    pid
        Its process.
    wait_scale
        Factor on Wait states and retry intervals.
    auth
        Whether it enforces IAM policies.
    job_startup_seconds
        Time from the creation of a Processing job until it starts, in seconds of the account's clock.
    """

    directory: Path
    endpoint_url: str
    pid: int
    wait_scale: float
    auth: bool
    region: str = DEFAULT_REGION
    account_id: str = DEFAULT_ACCOUNT_ID
    job_startup_seconds: float = 0.0

    @classmethod
    def load(cls, directory: Path) -> Account:
        """Return the account that runs in a directory.

        Raises
        ------
        AccountError
            None was started there, or its process has ended.
        """
        account = _running(directory)
        if account is not None and account.is_healthy():
            return account
        if _record_path(directory).is_file():
            raise AccountError(f"The account in {directory} is not running any more.", "start")
        raise AccountError(f"No account was started in {directory}.", "start")

    @property
    def log_path(self) -> Path:
        """The log of the server process."""
        return _log_path(self.directory)

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a boto3 client with the rights of the account's root user."""
        return boto3.session.Session().client(service, config=config, **self._as_root())  # type: ignore[call-overload]

    def table(self, name: str) -> Any:
        """Return a DynamoDB table, with the rights of the account's root user."""
        return boto3.session.Session().resource("dynamodb", **self._as_root()).Table(name)

    def _as_root(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.account_id,
            "aws_secret_access_key": "test",  # the root user's signature is not checked
        }

    def environment(self) -> dict[str, str]:
        """Return environment variables with which an AWS SDK or tool reaches this account as its root user."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def is_healthy(self) -> bool:
        """Return whether it answers its health check."""
        try:
            with urllib.request.urlopen(f"{self.endpoint_url}/_ministack/health", timeout=5) as response:  # noqa: S310
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def up(
    directory: Path,
    port: int | None = None,
    wait_scale: float | None = None,
    *,
    job_startup_seconds: float | None = None,
    auth: bool = True,
    end_with_parent: bool = False,
) -> Account:
    """Start the account of a directory, or return it when it runs already.

    Parameters
    ----------
    directory
        Directory of its files. Files of an earlier account are removed, except its cache.
    port
        On 127.0.0.1; None takes a free one.
    wait_scale
        Factor on Wait states and retry intervals; 0.01 makes a minute last 0.6 seconds. None is 1.
    job_startup_seconds
        Start-up time of Processing jobs, shortened by the wait scale. None is 0.
    auth
        Enforce IAM policies.
    end_with_parent
        End the account when this process ends, however it ends.

    Raises
    ------
    AccountError
        A setting is not accepted, the port is taken, the account did not start, or one with other settings runs in the
        directory.
    """
    directory = directory.resolve()
    asked = Account(
        directory,
        _endpoint(port) if port else "",
        0,
        1.0 if wait_scale is None else wait_scale,
        auth,
        job_startup_seconds=job_startup_seconds or 0.0,
    )
    for name in ("wait_scale", "job_startup_seconds"):
        if getattr(asked, name) < 0:
            raise AccountError(f"{name} is {getattr(asked, name)}; it must be 0 or more.")
    if holder(directory) is None:
        directory.mkdir(parents=True, exist_ok=True)
        _start(asked, port or _free_port(), end_with_parent)
    given = {"wait scale": wait_scale, "start-up seconds of jobs": job_startup_seconds}
    return _matching(_answering(directory), asked, given)


def down(directory: Path) -> bool:
    """Stop the account of a directory.

    Returns
    -------
    bool
        False when none was running.

    Raises
    ------
    AccountError
        It runs as another user or in another container.
    """
    directory = directory.resolve()
    pid = holder(directory)
    if pid is not None:
        _end(pid, directory)
    _record_path(directory).unlink(missing_ok=True)
    return pid is not None


def _end(pid: int, directory: Path) -> None:
    """End the process that holds the directory's lock: SIGTERM, then SIGKILL if it does not end."""
    if pid <= 0:  # a signal to such a number would reach this process and others
        raise AccountError(f"The account in {directory} runs in another container. Stop it there.")
    number, deadline = signal.SIGTERM, time.monotonic() + _SHUTDOWN_SECONDS
    try:
        os.kill(pid, number)
        while holder(directory) == pid:
            if number is signal.SIGTERM and time.monotonic() > deadline:
                number = signal.SIGKILL
                os.kill(pid, number)
            time.sleep(_POLL_SECONDS)
    except ProcessLookupError:
        pass  # it has ended by itself
    except PermissionError as error:
        raise AccountError(
            f"The account in {directory} runs as process {pid} of another user. Stop it as that user."
        ) from error
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)  # a server that this process started would stay a zombie


def _start(asked: Account, port: int, end_with_parent: bool) -> None:
    """Start a server and wait until it, or one that was started in the directory at the same time, answers."""
    if _answers(port):
        raise AccountError(f"Port {port} of 127.0.0.1 is taken by another program. Name another one.")
    command = [
        *(sys.executable, "-m", "ministack_sagemaker.server"),
        *("--directory", str(asked.directory), "--port", str(port), "--wait-scale", str(asked.wait_scale)),
        *("--job-startup-seconds", str(asked.job_startup_seconds)),
        *(["--auth"] if asked.auth else []),
        *(["--end-with-parent"] if end_with_parent else []),
    ]
    with _log_path(asked.directory).open("a") as log:
        began = log.tell()
        process = subprocess.Popen(
            command,
            # Nothing is written to the pipe; the server stops when it closes.
            stdin=subprocess.PIPE if end_with_parent else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_server_environment(),
            start_new_session=True,
        )
    if process.stdin is not None:
        _pipes_to_servers.append(process.stdin)
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not ((account := _running(asked.directory)) and account.is_healthy()):
        ended = process.poll() is not None and holder(asked.directory) is None
        if ended or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise AccountError(f"The account did not start. The end of its log: {_tail(asked.directory, began)}")
        time.sleep(_POLL_SECONDS)


def _answering(directory: Path) -> Account:
    """Return the account that runs in a directory, once it answers; another process may be starting it."""
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not ((account := _running(directory)) and account.is_healthy()):
        pid = holder(directory)
        if pid is None:
            raise AccountError(f"The account in {directory} ended while it was started.", "start")
        if time.monotonic() > deadline:
            raise AccountError(f"The account in {directory} runs as process {pid}, but does not answer.", "stop")
        time.sleep(_POLL_SECONDS)
    return account


# Open until this process ends; the servers that end with it wait for that.
_pipes_to_servers: list[IO[bytes]] = []


def _server_environment() -> dict[str, str]:
    # The server must find the same code that started it, installed or not.
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _matching(running: Account, asked: Account, given: Mapping[str, float | None]) -> Account:
    differs = []
    if asked.endpoint_url and asked.endpoint_url != running.endpoint_url:
        differs.append(f"at {running.endpoint_url}")
    found = {"wait scale": running.wait_scale, "start-up seconds of jobs": running.job_startup_seconds}
    differs += [
        f"with {name} {found[name]}" for name, value in given.items() if value is not None and value != found[name]
    ]
    if asked.auth != running.auth:
        differs.append("with IAM enforced" if running.auth else "without IAM enforced")
    if differs:
        raise AccountError(f"An account runs in {running.directory} already, {' and '.join(differs)}.", "stop")
    return running


def _running(directory: Path) -> Account | None:
    """Return the account whose server holds the directory's lock and has recorded its settings."""
    pid = holder(directory)
    try:
        recorded = json.loads(_record_path(directory).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if pid is None or recorded["pid"] != pid:
        return None  # the record of a server that has ended
    return Account(
        directory,
        _endpoint(recorded["port"]),
        pid,
        recorded["wait_scale"],
        recorded["auth"],
        job_startup_seconds=recorded["job_startup_seconds"],
    )


def _record_path(directory: Path) -> Path:
    return directory / RECORD_NAME


def _log_path(directory: Path) -> Path:
    return directory / "server.log"


def _endpoint(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _tail(directory: Path, began: int, lines: int = 15) -> str:
    """Return the last lines that a server wrote, of what it wrote since its start."""
    with _log_path(directory).open(errors="replace") as log:
        log.seek(began)
        return "\n".join(log.read().splitlines()[-lines:])
