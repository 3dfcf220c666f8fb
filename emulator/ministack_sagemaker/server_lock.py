"""The lock that a running server holds on its directory.

A record lock of `fcntl` ends with the process that holds it, however that ends, and the system tells who holds it: no
process id has to be remembered, and none can have passed to another program.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from pathlib import Path
from typing import IO, Final

# struct flock: Linux has type, whence, start, length, pid; macOS has start, length, pid, type, whence.
_FORMAT: Final = "hhqqi4x" if sys.platform == "linux" else "qqihh"
_held: dict[Path, IO[bytes]] = {}


def hold(directory: Path) -> bool:
    """Take the lock of a directory until this process ends.

    Returns
    -------
    bool
        False where another process holds it.
    """
    file = _path(directory).open("ab")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    _held[directory] = file  # closing any file on this path would release the lock
    return True


def holder(directory: Path) -> int | None:
    """Return the process that holds the lock of a directory, None where none does.

    A process that this one cannot see, because it runs in another container, is 0 or negative.
    """
    try:
        descriptor = os.open(_path(directory), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_GETLK, _request())
    finally:
        os.close(descriptor)
    kind, pid = _kind_and_pid(answer)
    return None if kind == fcntl.F_UNLCK else pid


def _request() -> bytes:
    """Ask for an exclusive lock on the whole file."""
    if sys.platform == "linux":
        return struct.pack(_FORMAT, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    return struct.pack(_FORMAT, 0, 0, 0, fcntl.F_WRLCK, os.SEEK_SET)


def _kind_and_pid(answer: bytes) -> tuple[int, int]:
    fields = struct.unpack(_FORMAT, answer)
    return (fields[0], fields[4]) if sys.platform == "linux" else (fields[3], fields[2])


def _path(directory: Path) -> Path:
    return directory / "server.lock"
