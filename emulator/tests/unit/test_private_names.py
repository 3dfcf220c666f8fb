"""The private names of MiniStack: those in the table exist, and those in use are in the table."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
from pathlib import Path

import pytest

import ministack_sagemaker
from ministack_sagemaker.errors import AccountError
from ministack_sagemaker.patches.function_time import REPLACED
from ministack_sagemaker.patches.lambda_errors import UNNAMED_ANSWER
from ministack_sagemaker.patches.private_names import MINISTACK_VERSION, PRIVATE_NAMES, check_version, kind_of

PACKAGE = Path(ministack_sagemaker.__file__).parent


def names_in_use(source: str) -> set[tuple[str, str]]:
    """Return module and name of each private name of MiniStack that a source file reads or replaces."""
    tree = ast.parse(source)
    modules: dict[str, str] = {}
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "ministack":
            for each in node.names:
                modules[each.asname or each.name] = f"{node.module}.{each.name}"
                if each.name.startswith("_"):
                    found.add((str(node.module), each.name))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.attr.startswith("_")
            and node.value.id in modules
        ):
            found.add((modules[node.value.id], node.attr))
    return found


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [(module, name, kind) for module, names in PRIVATE_NAMES.items() for name, kind in names.items()],
)
def test_each_name_of_the_table_is_what_it_was(module: str, name: str, kind: str) -> None:
    assert kind_of(getattr(importlib.import_module(module), name)) == kind


def test_the_table_holds_the_names_in_use_and_no_others() -> None:
    used = set().union(*(names_in_use(path.read_text()) for path in PACKAGE.rglob("*.py")))
    assert used == {(module, name) for module, names in PRIVATE_NAMES.items() for name in names}


@pytest.mark.parametrize("text", [UNNAMED_ANSWER, *REPLACED])
def test_the_text_of_the_worker_script_that_a_patch_replaces_is_there_once(text: str) -> None:
    from ministack.core import lambda_runtime

    assert lambda_runtime._PYTHON_WORKER_SCRIPT.count(text) == 1


def test_another_release_of_ministack_is_refused_by_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    check_version()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.0.0")
    with pytest.raises(AccountError) as refused:
        check_version()
    assert str(refused.value).startswith(
        "MiniStack 2.0.0 is installed, and the patches of ministack_sagemaker were wri"
    )
    assert f"pip install ministack=={MINISTACK_VERSION}" in str(refused.value)
