"""Builds are kept by the content of the sources."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ministack_sagemaker import built_templates
from ministack_sagemaker.built_templates import built_template, sources_digest


class Builds:
    """Counts the builds; each writes a file."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, folder: Path) -> None:
        assert list(folder.iterdir()) == []
        self.count += 1
        (folder / "template.yaml").write_text(str(self.count))


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "app.py").write_text("pass\n")
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    return tmp_path / "template.yaml"


def test_the_same_sources_are_built_once(template: Path) -> None:
    builds = Builds()
    first, second = (built_template(template, "3.11", builds) for _ in range(2))
    assert (first, builds.count) == (second, 1)
    assert (first / "template.yaml").read_text() == "1"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "function" / "app.py").write_text("pass \n"),
        lambda folder: (folder / "function" / "app.py").rename(folder / "function" / "other.py"),
        lambda folder: (folder / "function" / "more.py").touch(),
        lambda folder: (folder / "template.yaml").write_text("Resources: {A: 1}\n"),
        lambda folder: os.chmod(folder / "function" / "app.py", 0o755),
        lambda folder: (folder / "function" / "link").symlink_to("app.py"),
    ],
    ids=["content", "name", "empty file", "template", "mode", "link"],
)
def test_changed_sources_are_built_again(template: Path, change) -> None:  # type: ignore[no-untyped-def]
    builds = Builds()
    before = built_template(template, "3.11", builds)
    change(template.parent)
    after = built_template(template, "3.11", builds)
    assert (before != after, builds.count) == (True, 2)


def test_another_runtime_is_another_build(template: Path) -> None:
    assert sources_digest(template, "3.11") != sources_digest(template, "3.12")


def test_hidden_files_and_what_python_compiles_are_not_sources(template: Path) -> None:
    before = sources_digest(template, "3.11")
    for name in (".git/HEAD", "function/__pycache__/app.pyc", ".env"):
        path = template.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("other")
    assert sources_digest(template, "3.11") == before


def test_a_failed_build_is_not_kept(template: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        built_template(template, "3.11", fails)
    builds = Builds()
    built_template(template, "3.11", builds)
    assert builds.count == 1


def test_only_the_builds_used_last_are_kept(template: Path) -> None:
    folders = []
    for number in range(built_templates.KEPT + 2):
        (template.parent / "function" / "app.py").write_text(f"{number}\n")
        folders.append(built_template(template, "3.11", Builds()))
        for age, folder in enumerate(reversed(folders)):  # times of a file system can be coarse
            if folder.exists():
                os.utime(folder / "done", (1e9 - age, 1e9 - age))
    assert [folder.exists() for folder in folders] == [False, False, *[True] * built_templates.KEPT]
