"""Start and stop an account, and find it again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import boto3

from ministack_sagemaker.server import DEFAULT_ACCOUNT_ID, DEFAULT_REGION
from ndr.contract.errors import InvalidRequestError, NdrError

_STARTUP_SECONDS = 30.0
_SHUTDOWN_SECONDS = 10.0
_POLL_SECONDS = 0.02


class AccountError(NdrError):
    """The account on this machine can't be started, found or reached."""


@dataclass(frozen=True)
class Account:
    """A running account.

    Attributes
    ----------
    directory
        Where it keeps its files; the key by which it is found.
    endpoint_url
        What AWS_ENDPOINT_URL must be to reach it.
    pid
        Its process.
    wait_scale
        Factor on Wait states and retry intervals.
    auth
        Whether it enforces IAM policies.
    """

    directory: Path
    endpoint_url: str
    pid: int
    wait_scale: float
    auth: bool
    region: str = DEFAULT_REGION
    account_id: str = DEFAULT_ACCOUNT_ID

    @classmethod
    def load(cls, directory: Path) -> Account:
        """The account that runs in a directory.

        Raises
        ------
        AccountError
            None was started there, or its process has ended.
        """
        account = _recorded(directory)
        if account is None:
            raise AccountError(f"No account was started in {directory}. Start one with `ndr up`.")
        if not account.is_alive():
            raise AccountError(f"The account in {directory} is not running any more. Start it with `ndr up`.")
        return account

    @property
    def log_path(self) -> Path:
        """What the account's process prints."""
        return self.directory / "server.log"

    def client(self, service: str) -> Any:
        """A boto3 client that acts as the account's root user."""
        return boto3.session.Session().client(service, **self._as_root())  # type: ignore[call-overload]

    def table(self, name: str) -> Any:
        """A DynamoDB table, for the account's root user."""
        return boto3.session.Session().resource("dynamodb", **self._as_root()).Table(name)

    def _as_root(self) -> dict[str, Any]:
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.account_id,
            "aws_secret_access_key": "test",  # the root user's signature is not checked
        }

    def environment(self) -> dict[str, str]:
        """Environment variables with which any AWS SDK or tool reaches this account as its root user."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.account_id,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def is_alive(self) -> bool:
        """Whether its process runs and answers."""
        return _is_server(self.pid, self.directory) and self.is_healthy()

    def is_healthy(self) -> bool:
        """Whether it answers its health check."""
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
    auth: bool = True,
    end_with_parent: bool = False,
) -> Account:
    """Start the account of a directory, or return it when it runs already.

    Parameters
    ----------
    directory
        Where it keeps its files. What an earlier account left there is removed, except its caches.
    port
        On 127.0.0.1; None takes a free one.
    wait_scale
        Factor on Wait states and retry intervals; 0.01 makes a minute last 0.6 seconds. None is 1.
    auth
        Enforce IAM policies.
    end_with_parent
        End the account when this process ends, however it ends.

    Raises
    ------
    AccountError
        The port is taken, the account did not start, or one with other settings runs in the directory.
    """
    directory = directory.resolve()
    asked = Account(directory, _endpoint(port) if port else "", 0, 1.0 if wait_scale is None else wait_scale, auth)
    if asked.wait_scale < 0:
        raise InvalidRequestError(f"wait_scale is {asked.wait_scale}; it must be 0 or more.")
    running = _recorded(directory)
    if running is not None and running.is_alive():
        return _matching(running, asked, wait_scale is not None)
    shutil.rmtree(directory / "state", ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    account = _start(asked, port or _free_port(), end_with_parent)
    _record_path(directory).write_text(json.dumps(asdict(account), default=str, indent=2))
    return account


def down(directory: Path) -> bool:
    """Stop the account of a directory.

    Returns
    -------
    bool
        False when none was running.
    """
    directory = directory.resolve()
    account = _recorded(directory)
    _record_path(directory).unlink(missing_ok=True)
    if account is None or not _is_server(account.pid, directory):
        return False
    os.kill(account.pid, signal.SIGTERM)
    deadline = time.monotonic() + _SHUTDOWN_SECONDS
    while _is_server(account.pid, directory):
        if time.monotonic() > deadline:
            os.kill(account.pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(_POLL_SECONDS)
    return True


def _start(asked: Account, port: int, end_with_parent: bool) -> Account:
    if _answers(port):
        raise AccountError(f"Port {port} of 127.0.0.1 is taken by another program. Name another one.")
    command = [
        *(sys.executable, "-m", "ministack_sagemaker.server"),
        *("--directory", str(asked.directory), "--port", str(port), "--wait-scale", str(asked.wait_scale)),
        *(["--auth"] if asked.auth else []),
        *(["--end-with-parent"] if end_with_parent else []),
    ]
    with asked.log_path.open("w") as log:
        process = subprocess.Popen(
            command,
            # The pipe is never written to: that it closes is the message.
            stdin=subprocess.PIPE if end_with_parent else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_server_environment(),
            start_new_session=True,
        )
    if process.stdin is not None:
        _pipes_to_servers.append(process.stdin)
    account = Account(asked.directory, _endpoint(port), process.pid, asked.wait_scale, asked.auth)
    deadline = time.monotonic() + _STARTUP_SECONDS
    while not account.is_healthy():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise AccountError(f"The account did not start. Its last words: {_tail(asked.log_path)}")
        time.sleep(_POLL_SECONDS)
    return account


# Held open as long as this process lives, for the accounts that end with it.
_pipes_to_servers: list[IO[bytes]] = []


def _server_environment() -> dict[str, str]:
    # The server must find the same code that started it, installed or not.
    return os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _matching(running: Account, asked: Account, wait_scale_asked: bool) -> Account:
    differs = []
    if asked.endpoint_url and asked.endpoint_url != running.endpoint_url:
        differs.append(f"at {running.endpoint_url}")
    if wait_scale_asked and asked.wait_scale != running.wait_scale:
        differs.append(f"with wait scale {running.wait_scale}")
    if asked.auth != running.auth:
        differs.append("with IAM enforced" if running.auth else "without IAM enforced")
    if differs:
        raise AccountError(
            f"An account runs in {running.directory} already, {' and '.join(differs)}. Stop it first with `ndr down`."
        )
    return running


def _recorded(directory: Path) -> Account | None:
    try:
        recorded = json.loads(_record_path(directory).read_text())
        return Account(**{**recorded, "directory": Path(recorded["directory"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _record_path(directory: Path) -> Path:
    return directory / "account.json"


def _is_server(pid: int, directory: Path) -> bool:
    """Whether a process is the server of a directory; a process id alone may have been given to another program."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    command = ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    state, _, arguments = listed.stdout.strip().partition(" ")
    return not state.startswith("Z") and "ministack_sagemaker.server" in arguments and str(directory) in arguments


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


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
