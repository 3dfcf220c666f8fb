"""The commands in the code blocks of a page, docs/lambdas.md by default."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "lambdas.md"


def commands(*start: str, of: Path = PAGE) -> list[list[str]]:
    """Return the page's commands that start with given words, in order, each as a list of words."""
    found = []
    for block in re.findall(r"^ *```sh\n(.*?)^ *```", of.read_text(), re.MULTILINE | re.DOTALL):
        command = ""
        for line in block.replace("\\\n", "").splitlines():
            command += f"{line}\n"
            if command.count("'") % 2:  # a quoted text continues in the next line
                continue
            assigned = re.fullmatch(r"\w+=\$\((.*)\)\n", command)
            found.append(shlex.split(assigned[1] if assigned else command))
            command = ""
    return [words for words in found if tuple(words[: len(start)]) == start]


def command(*start: str) -> list[str]:
    """Return the only command that starts with these words."""
    (only,) = commands(*start)
    return only
