"""The texts of the project use none of the words that the project replaced."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from tests.words.replaced import REPLACED

ROOT: Final = Path(__file__).parents[2]
SUFFIXES: Final = frozenset({".py", ".md", ".yaml", ".json", ".toml"})
EXEMPT: Final = ("tests/words/", "tests/local/previous_release/", "requirements/", "local/ndr/local/cost/prices.json")
"""The list of words, the template of an earlier release, and texts that quote other projects."""

GENERATED: Final = frozenset({"build", "dist"})


@cache
def texts() -> dict[str, str]:
    """Return the text files of the project by path."""
    paths = [path for path in project_files() if Path(path).suffix in SUFFIXES and not path.startswith(EXEMPT)]
    return {path: (ROOT / path).read_text(encoding="utf-8") for path in paths if (ROOT / path).is_file()}


def project_files() -> list[str]:
    """Return the tracked files. Without git, return all files outside hidden and generated folders."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        return listed.stdout.split("\0")
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    inside = [path for folder in folders if folder.name not in GENERATED for path in folder.rglob("*")]
    return [path.relative_to(ROOT).as_posix() for path in (*inside, *ROOT.iterdir()) if path.is_file()]


def found(pattern: str, files: dict[str, str]) -> list[str]:
    """Return path, line number and line of each match, one a line."""
    word, matches = re.compile(pattern), []
    for path, text in files.items():
        if word.search(text):
            lines = enumerate(text.splitlines(), start=1)
            matches += [f"{path}:{number}: {line.strip()[:120]}" for number, line in lines if word.search(line)]
    return matches


@pytest.mark.parametrize(("pattern", "better"), REPLACED, ids=[better for _, better in REPLACED])
def test_replaced_word_is_not_used(pattern: str, better: str) -> None:
    matches = found(pattern, texts())
    assert not matches, f"Write instead: {better}\n" + "\n".join(matches)


def test_a_replaced_word_would_be_found() -> None:
    files = {"a.md": "First line.\nRows that were set aside.\n", "b.py": "def hasty_account(): ..."}
    assert [match for pattern, _ in REPLACED for match in found(pattern, files)] == [
        "a.md:2: Rows that were set aside.",
        "b.py:1: def hasty_account(): ...",
    ]
