"""Search for logs: files, folders and patterns, on this machine and in S3."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pyarrow import fs

from ndr.contract.errors import InvalidRequestError
from ndr.jobs.deltas.files import sample_of
from ndr.sources.registry import recognise
from ndr.store.storage import filesystem, join, list_files


class Log(NamedTuple):
    """A log: its path as it is shown, and its URI."""

    path: str
    uri: str

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.rpartition("/")[2]


class LeftOut(NamedTuple):
    """A file of a folder that is not read, and why."""

    path: str
    reason: str


class Found(NamedTuple):
    """The logs to read, and the files of the folders that are not read."""

    logs: list[Log]
    left_out: list[LeftOut]


def find_logs(source: Path | str | Iterable[Path | str]) -> Found:
    """Return the logs to read, sorted by path within a folder.

    A named file is taken as it is. A folder or prefix is searched recursively for files whose content is a log of a
    known source. A pattern with ``*``, ``?`` or ``[`` names what it matches.

    Raises
    ------
    InvalidRequestError
        A path does not exist, a folder has no log, or no path is given.
    """
    named = [source] if isinstance(source, Path | str) else list(source)
    logs: list[Log] = []
    left_out: list[LeftOut] = []
    for text in named:
        for path in _matched(str(text)):
            found = _found(path)
            logs += found.logs
            left_out += found.left_out
            if not found.logs:
                why = "".join(f"\n  {each.path}: {each.reason}" for each in found.left_out[:20])
                raise InvalidRequestError(
                    f"{path} holds no log of a known source. Name the folder that has them, or the files themselves."
                    + (f" Left out:{why}" if why else "")
                )
    if not logs:
        raise InvalidRequestError("No log is named. Name a log, a folder of logs or a pattern.")
    return Found(logs, left_out)


def _matched(path: str) -> list[str]:
    if "://" in path or not glob.has_magic(path) or Path(path).exists():
        return [path]
    matched = sorted(glob.glob(path, recursive=True))
    if not matched:
        raise InvalidRequestError(f"No file matches {path}. Name a log, a folder of logs or a pattern.")
    return matched


def _found(path: str) -> Found:
    uri = path if "://" in path else Path(path).absolute().as_uri()
    system, place = filesystem(uri)
    info = system.get_file_info(place)
    if info.type == fs.FileType.File:
        return Found([Log(path, uri)], [])
    files = list_files(uri, recursive=True)
    if not files and info.type == fs.FileType.NotFound:
        raise InvalidRequestError(f"{path} does not exist. Name a log, a folder of logs or a pattern.")
    found = Found([], [])
    for each in files:
        inner = each.path.removeprefix(place).strip("/")
        log = Log(f"{path.rstrip('/')}/{inner}", join(uri, inner))
        reason = _why_left_out(system, each, inner)
        if reason:
            found.left_out.append(LeftOut(log.path, reason))
        else:
            found.logs.append(log)
    return found


def _why_left_out(system: fs.FileSystem, file: fs.FileInfo, inner: str) -> str | None:
    if any(part.startswith(("_", ".")) for part in inner.split("/")):
        return "its name starts with _ or ."
    if not file.size:
        return "it is empty"
    try:
        sample = sample_of(system, file.path)
    except OSError:
        return None  # reading it says what is wrong with it
    return None if recognise(sample) else "its content is not that of a log of a known source"
