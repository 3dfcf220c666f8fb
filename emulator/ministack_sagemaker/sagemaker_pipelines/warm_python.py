"""Jobs as forks of a Python process that has imported their modules: a start takes milliseconds instead of seconds.

On when `WARM_JOBS` is `true` in the account's environment, and on Linux only. A job is what it would be as a process of
its own: the same arguments, environment, directory, process group, output and exit code. What a module reads when it is
imported must be the same for all jobs of a process, so variables that interpreters and libraries read then are part of
what a process is kept for.
"""

from __future__ import annotations

import collections
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ministack_sagemaker import directories
from ministack_sagemaker.sagemaker_pipelines.fork_server import MESSAGE_BYTES

SWITCH = "WARM_JOBS"
_SERVER = Path(__file__).with_name("fork_server.py")
_READ_WHEN_IMPORTED = (
    *("PYTHON", "NUMBA_", "OMP_", "MKL_", "OPENBLAS_", "BLIS_", "ARROW_", "LD_", "MALLOC_", "JAVA_HOME", "SPARK_"),
    *("LANG", "LC_", "TZ", "PATH", "HOME"),
)
_KEPT = 2  # the code of before and after an upgrade
_LOST = -9  # how a process counts that ended with the one that forked it

_servers: collections.OrderedDict[str, ForkServer] = collections.OrderedDict()
_choosing = threading.Lock()


class ForkedProcess:
    """A job's process, with what `subprocess.Popen` offers of one.

    Attributes
    ----------
    pid
        Its process id, which is its group's too.
    stdout
        What it prints, standard error included.
    """

    def __init__(self, stdout: IO[str]) -> None:
        self.stdout = stdout
        self.pid = 0
        self._forked = threading.Event()
        self._ended = threading.Event()
        self._code = _LOST

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._code if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; subprocess.TimeoutExpired when it takes longer."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired("job", timeout or 0.0)
        return self._code

    def is_forked(self) -> bool:
        """Wait for its beginning; False when the process that was to fork it has ended before."""
        self._forked.wait()
        return self.pid != 0

    def began(self, pid: int) -> None:
        self.pid = pid
        self._forked.set()

    def ended(self, code: int) -> None:
        self._code = code
        self._forked.set()
        self._ended.set()


class ForkServer:
    """A process that forks jobs.

    Parameters
    ----------
    interpreter, folder, environment
        What the jobs have in common: their Python, the folder of their scripts, the environment of the first of them.
    modules
        File in which the process keeps the names of what jobs import and of the files that botocore loads in them.
    """

    def __init__(self, interpreter: str, folder: Path, environment: Mapping[str, str], modules: Path) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._jobs: dict[str, ForkedProcess] = {}
        self._changing = threading.Lock()
        self.is_alive = True
        with theirs:
            self._process = subprocess.Popen(
                [interpreter, str(_SERVER), str(theirs.fileno()), str(folder), str(modules)],
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        threading.Thread(target=self._listen, name="fork server", daemon=True).start()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], directory: Path) -> ForkedProcess | None:
        """Fork a job; None where that is not possible."""
        name = uuid.uuid4().hex
        request = {"job": name, "arguments": arguments, "environment": environment, "directory": str(directory)}
        message = json.dumps(request).encode()
        if len(message) > MESSAGE_BYTES:
            return None
        read, write = os.pipe()
        process = ForkedProcess(open(read, errors="replace"))  # noqa: SIM115  the log closes it
        try:
            with self._changing:
                if not self.is_alive:
                    return None
                self._jobs[name] = process
                socket.send_fds(self._connection, [message], [write])
        except OSError:
            return None
        finally:
            os.close(write)
        return process if process.is_forked() else None

    def retire(self) -> None:
        """Let the process end when its jobs have ended."""
        try:
            self._connection.send(json.dumps({"retire": True}).encode())
        except OSError:
            return

    def _listen(self) -> None:
        while answer := self._receive():
            process = self._jobs[answer["job"]]
            if "pid" in answer:
                process.began(answer["pid"])
            else:
                del self._jobs[answer["job"]]
                process.ended(answer["exit"])
        with self._changing:
            self.is_alive = False
            lost = list(self._jobs.values())
        for process in lost:
            process.ended(_LOST)
        self._process.wait()

    def _receive(self) -> dict[str, Any] | None:
        try:
            message = self._connection.recv(MESSAGE_BYTES)
        except OSError:
            return None
        return dict(json.loads(message)) if message else None


def start(command: Sequence[str], environment: Mapping[str, str], directory: Path) -> ForkedProcess | None:
    """Start a command in a fork; None where it is to be started as a process of its own.

    Parameters
    ----------
    command
        `[python, script, argument, ...]`; anything else than the Python that runs this account, and a script, is not
        forked.
    environment, directory
        As for `subprocess.Popen`.
    """
    if not _is_forked(command):
        return None
    server = _server(command[0], Path(command[1]).parent, environment)
    return server.start(command[1:], environment, directory)


def _is_forked(command: Sequence[str]) -> bool:
    if sys.platform != "linux" or os.environ.get(SWITCH) != "true":
        return False
    return (
        len(command) > 1 and command[0] == sys.executable and command[1].endswith(".py") and Path(command[1]).is_file()
    )


def _server(interpreter: str, folder: Path, environment: Mapping[str, str]) -> ForkServer:
    common = {name: value for name, value in environment.items() if name.startswith(_READ_WHEN_IMPORTED)}
    key = hashlib.sha256(json.dumps([interpreter, str(folder), sorted(common.items())]).encode()).hexdigest()[:20]
    with _choosing:
        server = _servers.get(key)
        if server is None or not server.is_alive:
            server = ForkServer(interpreter, folder, environment, directories.cache("imports") / f"{key}.loaded.json")
        _servers[key] = server
        _servers.move_to_end(key)
        while len(_servers) > _KEPT:
            _, oldest = _servers.popitem(last=False)
            oldest.retire()
    return server
