"""A process that has imported what jobs import, and forks one process for each job. Standard library only.

Run by `warm_python` as a script: `python fork_server.py <socket> <folder of the scripts> <file of module names>`.
Requests arrive on the socket, a message each, with the file descriptor that the job writes to. Answers are a message
each.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import threading
import types
from pathlib import Path
from typing import Any

MESSAGE_BYTES = 1 << 17
Loaded = dict[str, Any]
"""Content of botocore's data files, by path without an ending: what loads them is the slowest part of a small job."""
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl


class Server:
    """Answers one account.

    Parameters
    ----------
    connection
        To the account's process.
    modules
        File with the names of the modules that earlier jobs imported, and of botocore's files that they loaded.
    """

    def __init__(self, connection: socket.socket, modules: Path) -> None:
        self._connection = connection
        self._modules = modules
        self._names: set[str] = set()
        self._data: Loaded = {}
        self._running: dict[int, tuple[int, str]] = {}  # by the descriptor of the process: its id and the job
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._retired = False

    def serve(self) -> dict[str, Any] | None:
        """Serve until the account's process ends; in a forked process, return the request to carry out."""
        if self._modules.exists():
            self._import(**json.loads(self._modules.read_text()))
        while not (self._retired and not self._running):
            for descriptor, _ in self._poll.poll():
                if descriptor != self._connection.fileno():
                    self._ended(descriptor)
                    continue
                message, descriptors, *_ = socket.recv_fds(self._connection, MESSAGE_BYTES, 1)
                if not message:
                    self._kill_all()
                    return None
                request = json.loads(message)
                if "retire" in request:
                    self._retired = True
                elif self._fork(request, descriptors[0]):
                    return request
        return None

    def _fork(self, request: dict[str, Any], output: int) -> bool:
        """Fork, and return True in the new process."""
        imported = self._imported_by(request["job"])
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(request, output, parent)
            self._connection.close()
            for descriptor in self._running:
                os.close(descriptor)
            request["imported"] = str(imported)
            request["data"] = self._data
            return True
        with contextlib.suppress(OSError):  # it has done so itself, or has ended
            os.setpgid(pid, pid)
        os.close(output)
        process = os.pidfd_open(pid)
        self._running[process] = (pid, request["job"])
        self._poll.register(process, select.POLLIN)
        self._send({"job": request["job"], "pid": pid})
        return False

    def _ended(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        os.close(descriptor)
        pid, job = self._running.pop(descriptor)
        _, status = os.waitpid(pid, 0)
        self._send({"job": job, "exit": os.waitstatus_to_exitcode(status)})
        imported = self._imported_by(job)
        with contextlib.suppress(FileNotFoundError, ValueError):
            used = json.loads(imported.read_text())
            imported.unlink()
            if not (self._names.issuperset(used["modules"]) and self._data.keys() >= set(used["data"])):
                self._import(**used)
                imported.write_text(json.dumps({"modules": sorted(self._names), "data": sorted(self._data)}))
                imported.rename(self._modules)

    def _import(self, modules: list[str], data: list[str]) -> None:
        """Import what a job has imported, and load what it has loaded. What can't be imported alone is left to it."""
        self._names.update(modules)
        for name in modules:
            if name not in sys.modules:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        if "botocore.loaders" in sys.modules:
            _keep_loaded(self._data)
            loader = sys.modules["botocore.loaders"].JSONFileLoader()
            for path in data:
                loader.load_file(path)
        gc.collect()
        gc.freeze()  # forked processes share these objects as long as nobody touches them

    def _imported_by(self, job: str) -> Path:
        return self._modules.with_name(f"{self._modules.name}.{job}")

    def _send(self, answer: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the account's process has ended, which the next poll tells
            self._connection.send(json.dumps(answer).encode())

    def _kill_all(self) -> None:
        for pid, _ in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


def _become(request: dict[str, Any], output: int, parent: int) -> None:
    """Turn a forked process into what a new one would be: its group, directory, files, environment, arguments."""
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)
    os.chdir(request["directory"])
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(output)
    coerced = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}  # by Python when it starts
    os.environ.clear()
    os.environ.update(coerced | request["environment"])
    tempfile.tempdir = None
    if "numpy.random" in sys.modules:  # the random module does so by itself
        sys.modules["numpy.random"].seed()
    sys.argv = request["arguments"]


def _run(request: dict[str, Any]) -> int:
    """Run a script as `python script` does; return its exit code."""
    script = sys.argv[0]
    main = types.ModuleType("__main__")
    main.__file__ = script
    main.__dict__.update(__builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = main
    try:
        with open(script, "rb") as source:
            code = compile(source.read(), script, "exec")
        exec(code, main.__dict__)  # noqa: S102
    except SystemExit as end:
        return _exit_code(end)
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1
    names = [name for name in list(sys.modules) if not name.startswith("__")]
    Path(request["imported"]).write_text(json.dumps({"modules": names, "data": sorted(request["data"])}))
    return 0


def _keep_loaded(data: Loaded) -> None:
    """Let botocore load each of its files once. A job changes its own copy at most, as it is a process of its own."""
    from botocore.loaders import JSONFileLoader

    if hasattr(JSONFileLoader.load_file, "kept"):
        return
    load = JSONFileLoader.load_file

    def load_once(loader: JSONFileLoader, path: str) -> Any:
        if path not in data:
            found = load(loader, path)
            if found is None:
                return None
            data[path] = found
        return data[path]

    load_once.kept = True  # type: ignore[attr-defined]
    JSONFileLoader.load_file = load_once  # type: ignore[method-assign, assignment]


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    print(end.code, file=sys.stderr)
    return 1


def _end(code: int) -> None:
    """End as an interpreter does, but leave the memory to the system: taking down all that was imported takes long."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code & 0xFF)


def _main() -> None:
    descriptor, folder, modules = sys.argv[1:]
    sys.path[0] = folder
    request = Server(socket.socket(fileno=int(descriptor)), Path(modules)).serve()
    if request is not None:
        _end(_run(request))


if __name__ == "__main__":
    _main()
