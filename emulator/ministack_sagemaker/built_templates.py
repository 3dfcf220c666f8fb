"""What `sam build` has built of a template, kept by the content of its sources, so that a second deploy builds nothing.

The builds used last are kept, below `.aws-sam/ministack` of the template's folder. A build under way is waited for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT = 3
_DONE = "done"
_NOT_SOURCES = ("__pycache__", "build", "node_modules")


def built_template(template: Path, settings: str, build: Callable[[Path], None]) -> Path:
    """Return the folder in which a template was built; build it there unless that was done before.

    Parameters
    ----------
    template
        The template. Its sources are the files of its folder, but for hidden ones.
    settings
        What else decides what is built, such as the version of Python.
    build
        Builds into an empty folder. What it raises is passed on, and nothing is kept.
    """
    kept = template.parent / ".aws-sam" / "ministack"
    kept.mkdir(parents=True, exist_ok=True)
    folder = kept / sources_digest(template, settings)
    with _locked(folder.with_suffix(".lock")):
        if not (folder / _DONE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
        (folder / _DONE).touch()  # again, too: it was used last
        _forget_oldest(kept)
    return folder


def sources_digest(template: Path, settings: str) -> str:
    """Return a digest of a template, of the names and contents of all files that it may lead to, and of settings."""
    digest = hashlib.sha256(settings.encode())
    for path in _sources(template.parent):
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        name = str(path.relative_to(template.parent))
        mode = os.access(path, os.X_OK)
        digest.update(f"\n{name!r} {mode} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:20]


def _sources(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_left_out(name))
        yield from (Path(root, name) for name in sorted(files) if not name.startswith("."))


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name in _NOT_SOURCES or name.endswith(".egg-info")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_oldest(kept: Path) -> None:
    """Drop all but the builds used last."""
    built = sorted(kept.glob(f"*/{_DONE}"), key=lambda done: done.stat().st_mtime, reverse=True)
    for done in built[KEPT:]:
        shutil.rmtree(done.parent, ignore_errors=True)
