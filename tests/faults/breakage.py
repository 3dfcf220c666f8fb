"""What goes wrong inside a job's process; each is applied in a child, so that nothing has to be undone."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ndr.jobs.inventory import unload
from ndr.store import manifest, publish, storage


def at_write(number: int, act: Callable[[], None]) -> Callable[[], int]:
    """Act before the n-th write of a publication; return what tells how many writes there were.

    Files are written by several threads: the count is the order in which they begin.
    """
    writes, counting = 0, threading.Lock()

    def watched(write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal writes
            with counting:
                writes += 1
                is_the_one = writes == number
            if is_the_one:
                act()
            return write(*arguments, **options)

        return counted

    pq.ParquetWriter = watched(pq.ParquetWriter)
    pq.write_table = watched(pq.write_table)
    manifest.put_bytes = watched(manifest.put_bytes)
    manifest.replace_bytes = watched(manifest.replace_bytes)
    publish.delete_folder = watched(publish.delete_folder)
    unload.delete_folder = watched(unload.delete_folder)
    return lambda: writes


def die() -> None:
    """End as the kernel's out-of-memory killer ends a process: now, with nothing cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def input_output_error() -> None:
    """Fail as a write to a broken disk or mount does."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def file_limit(size: int) -> None:
    """Let no file of this process grow beyond a size: writes fail in the middle of a file, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def fill_volume(volume: Path, left: int) -> None:
    """Take a volume's space up to so many bytes, until this process ends: the file that holds it has no name."""
    block = os.statvfs(volume).f_frsize
    filler = os.open(volume / "filler", os.O_RDWR | os.O_CREAT)
    os.unlink(volume / "filler")
    os.posix_fallocate(filler, 0, os.statvfs(volume).f_bavail * block - left)


def die_in_the_middle_of_put(number: int) -> None:
    """Kill the process in its n-th small write (manifest, _SUCCESS), when half of the content is on disk."""
    replace, puts = os.replace, 0

    def torn(beside: str, path: str) -> None:
        nonlocal puts
        puts += 1
        if puts == number:
            os.truncate(beside, os.path.getsize(beside) // 2)
            die()
        replace(beside, path)

    storage.os.replace = torn  # type: ignore[attr-defined]


def clock(by: timedelta) -> None:
    """Let the clock that publishing reads be off by so much."""

    class Off(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + by

    publish.datetime = Off  # type: ignore[misc]


def clock_jumps_back_at(number: int, by: timedelta) -> None:
    """Let the clock jump back in mid-run, before the n-th write."""
    at_write(number, lambda: clock(-by))
