"""docs/cli.md has the commands as their docstrings have them, and the exit codes as the code has them.

What stands between a comment that names it and `<!-- end -->` is written by ``python -m tests.unit.test_docs_cli``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from tests.template import ROOT

from ndr.local.cli import app
from ndr.local.console.exit_codes import ExitCode

PAGE = ROOT / "docs" / "cli.md"
BLOCK = re.compile(r"(<!-- (commands|exit codes) -->\n).*?(<!-- end -->\n)", re.DOTALL)
ROOT_COMMAND = typer.main.get_command(app)


def commands(command: object = ROOT_COMMAND, name: str = "ndr") -> Iterator[tuple[str, object]]:
    """Yield each command with its whole name."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for each, found in inner.items():
        yield from commands(found, f"{name} {each}")


def written(page: str) -> str:
    """Return the page with its blocks written anew."""
    rows = [(f"`{usage(name, command)}`", sentence(command)) for name, command in commands()]
    codes = [(str(int(code)), code.meaning) for code in ExitCode]
    blocks = {"commands": table(("command", "what it does"), rows), "exit codes": table(("code", "meaning"), codes)}
    return BLOCK.sub(lambda found: f"{found[1]}\n{blocks[found[2]]}\n{found[3]}", page)


def usage(name: str, command: object) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]  # type: ignore[attr-defined]
    shown = [each.name.upper() + ("..." if each.nargs == -1 else "") for each in arguments]
    texts = [text if each.required else f"[{text}]" for text, each in zip(shown, arguments, strict=True)]
    return " ".join([name, *texts])


def sentence(command: object) -> str:
    return " ".join(str(command.help).split())  # type: ignore[attr-defined]


def table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    escaped = [tuple(cell.replace("|", r"\|") for cell in row) for row in rows]
    return "\n".join(f"| {first} | {second} |" for first, second in [head, ("---", "---"), *escaped]) + "\n"


def test_the_page_says_what_the_commands_and_the_exit_codes_say() -> None:
    page = PAGE.read_text()
    assert len(BLOCK.findall(page)) == 2
    assert page == written(page), "write it anew with: python -m tests.unit.test_docs_cli"


@pytest.mark.parametrize("line", re.findall(r"^    (?:source <\()?(ndr [^#|)\n]+)", PAGE.read_text(), re.MULTILINE))
def test_each_command_line_of_the_page_is_understood(line: str) -> None:
    words = shlex.split(line)[1:]
    command: Any = ROOT_COMMAND
    context = typer.Context(ROOT_COMMAND, info_name="ndr")
    while getattr(command, "commands", None):
        name, command, words = command.resolve_command(context, words)
        context = typer.Context(command, info_name=name, parent=context)
    command.make_context("ndr", words, resilient_parsing=False).close()


def test_every_command_has_help_that_is_a_sentence_and_takes_h() -> None:
    for name, command in commands():
        assert sentence(command)[0].isupper(), name
        assert sentence(command).endswith("."), name
        options = [option for each in command.params for option in each.opts]  # type: ignore[attr-defined]
        assert len(options) == len(set(options)), name


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
