"""Lines of networks that were run before by the same code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
KEPT: Final = ROOT / "build" / "detection"
SOURCES: Final = ("contract", "spark_jobs", "local", "benchmarks/detection", "benchmarks/bench_detection.py")
"""All that the lines follow from."""


def kept_lines(name: str, run: Callable[[], list[str]]) -> list[str]:
    """Return the lines of a network that are kept, or run it and keep them."""
    path = KEPT / _version(ROOT) / f"{name}.jsonl"
    if path.exists():
        return path.read_text(encoding="utf-8").splitlines()
    lines = run()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    unfinished.rename(path)
    return lines


@cache
def _version(root: Path) -> str:
    """Return a digest of the sources: other code has other lines."""
    digest = hashlib.sha256()
    for source in SOURCES:
        files = sorted((root / source).rglob("*")) if (root / source).is_dir() else [root / source]
        for file in files:
            if file.suffix in (".py", ".json") and file.is_file():
                digest.update(f"{file.relative_to(root)}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
