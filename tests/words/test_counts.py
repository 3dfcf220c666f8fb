"""A sentence counts properly: `1 baseline`, `2 baselines`. Numbers get their nouns and verbs from "
"`ndr.contract.wording`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ndr.contract.wording import agreeing, counted

ROOT: Final = Path(__file__).parents[2]
PRODUCT: Final = ("contract/ndr", "lambdas", "pipeline_defs/ndr", "spark_jobs", "local/ndr")
NOUNS: Final = (
    "addresses|alarms|baselines|batches|bytes|chunks|columns|connections|copies|days|events|executions|files|findings|"
    "flows|folders|functions|hosts|hours|images|items|jars|JobSpecs|logs|machines|mini-batches|minutes|months|networks|"
    "nulls|others|pairs|partitions|pipelines|records|requests|rows|schedules|seconds|segments|slices|tables|times|"
    "versions|windows|workers"
)
PLURAL: Final = re.compile(rf"^ (?:(?!has|holds|not|of)[a-z-]+ )?(?:{NOUNS})\b")
VERB: Final = re.compile(r"^ (?:are|have|were)\b")
NUMBER: Final = re.compile(r"\blen\(|\bsum\(|count\b")
NEVER_ONE: Final = {
    "contract/ndr/contract/history.py": "{days} days",
    "contract/ndr/contract/jobspecs/check.py": "{_times(given, name)} times",
    "spark_jobs/ndr/jobs/fg_a/kernel.py": "{days} days",
    "local/ndr/local/commands/cost.py": "{longest} minutes",
    "spark_jobs/fetch_jars.py": "{len(fetch(Path(lock), Path(folder)))} jars",
}
"""Numbers that cannot be 1, and a script without the project's packages."""
CONSTANT: Final = re.compile(r"_?[A-Z_]+(?:\.\w+)?")
"""A number that is written in the code, where it can be seen that it is not 1."""


def miscounted(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the place of each number that an f-string writes before a plural."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            if not (isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant)):
                continue
            expression, text = ast.unparse(value.value), str(after.value)
            if CONSTANT.fullmatch(expression) or "counted(" in expression or "agreeing(" in expression:
                continue
            if plural := PLURAL.match(text) or (VERB.match(text) if NUMBER.search(expression) else None):
                yield node.lineno, f"{{{expression}}}{plural[0]}"


def test_numbers_agree_with_their_nouns() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")}
    found = [
        f"{name}:{line}: {place}"
        for name, path in sorted(files.items())
        for line, place in miscounted(path.read_text())
        if place != NEVER_ONE.get(name)
    ]
    assert not found, "Write {counted(number, 'noun')}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("f'{len(a)} baselines built.'", "{len(a)} baselines"),
        ("f'there are {n} pipeline executions'", "{n} pipeline executions"),
        ("f'{len(a)} are stale'", "{len(a)} are"),
        ("f'{names} are stale'", None),
        ("f'{counted(n, \"day\")} are compacted'", None),
        ("f'{hours}-hours rows'", None),
    ],
)
def test_a_number_before_a_plural_is_found(source: str, place: str | None) -> None:
    assert [where for _, where in miscounted(source)] == ([place] if place else [])


@pytest.mark.parametrize(
    ("number", "plural", "text"),
    [(0, "", "0 batchs"), (1, "batches", "1 batch"), (2, "batches", "2 batches"), (1234, "batches", "1,234 batches")],
)
def test_a_number_with_its_noun(number: int, plural: str, text: str) -> None:
    assert counted(number, "batch", plural) == text
    assert agreeing(number, "is", "are") == ("is" if number == 1 else "are")
