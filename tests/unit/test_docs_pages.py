"""Every command, path, option and name on the pages exists.

What can run here is run by other tests: `aws` and `ndr` in tests/statemachines/test_docs_commands.py, `sam` in
tests/sam.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
from botocore import xform_name
from tests.sam import page
from tests.template import ROOT
from tests.words.test_words import project_files
from typer.main import get_command

from ndr.contract.table_names import TABLE_NAMES
from ndr.local.cli import app

PAGES: Final = (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
FENCE: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
INLINE: Final = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")
INDENTED: Final = re.compile(r"^    (?=\S)(.*)$", re.MULTILINE)
LINK: Final = re.compile(r"\]\(([^)\s]+)\)")
PRODUCT: Final = ("contract/", "lambdas/", "pipeline_defs/", "spark_jobs/", "local/", "emulator/", "statemachines/",
                  "events/", "template.yaml", "samconfig.toml", "Makefile", "pyproject.toml", ".ci/")  # fmt: skip
SUFFIXES: Final = (".py", ".yaml", ".json", ".toml", "Makefile", "Dockerfile", "run")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def files() -> frozenset[str]:
    return frozenset(path for path in project_files() if (ROOT / path).is_file())


@cache
def words_of(prefixes: tuple[str, ...]) -> frozenset[str]:
    """Return the words of the project's texts below some prefixes: identifiers, and options with their dashes."""
    texts = [(ROOT / path).read_text() for path in files() if path.startswith(prefixes) and path.endswith(SUFFIXES)]
    return frozenset(word for text in texts for word in re.findall(r"--[a-z][a-z-]+|[A-Za-z_][A-Za-z0-9_]*", text))


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


def inline(path: Path) -> list[str]:
    return [" ".join(found.replace("\\|", "|").split()) for found in INLINE.findall(prose(path))]


# ---------------------------------------------------------------------------------------------------------------------
# commands


def typed(path: Path) -> Iterator[list[str]]:
    """Yield the commands of a page: those of its blocks, and those within sentences."""
    yield from page.commands(of=path)
    indented = [line for line in INDENTED.findall(prose(path)) if line.split(maxsplit=1)[0] in PROGRAMS]
    for line in [*indented, *(each for each in inline(path) if each.split(maxsplit=1)[0] in PROGRAMS)]:
        for part in re.split(r" && | \| ", line.split(" # ")[0]):
            words = shlex.split(part, comments=True)
            if len(words) > 1 and words[0] in PROGRAMS and words[1] != "COMMAND":
                yield words


def ndr(words: list[str]) -> None:
    """The command exists, with these options."""
    command: Any = get_command(app)
    rest = words[1:]
    while hasattr(command, "commands") and rest and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    assert rest != words[1:] or rest[0].startswith("-"), f"there is no command ndr {words[1]}"
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in rest if word.startswith("-")} <= {*options, "-h", "--help"}


def make(words: list[str]) -> None:
    """The target exists, and the variables that it is given."""
    makefile = (ROOT / "Makefile").read_text()
    for word in words[1:]:
        name, is_variable, value = word.partition("=")
        if not is_variable:
            assert re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE), f"there is no target {word}"
            continue
        assert f"$({name})" in makefile, f"there is no variable {name}"
        if name == "BENCH":
            assert (ROOT / "benchmarks" / f"bench_{value}.py").is_file()
        if name == "TESTS":
            assert (ROOT / value).exists()


CLIENT_SIDE: Final = {("ecr", "get-login-password"), ("s3", "cp"), ("s3", "ls"), ("s3", "sync")}
"""Operations that the AWS command line has of its own."""
GLOBAL: Final = {"--query", "--output", "--region", "--profile"}


@cache
def operations(service: str) -> dict[str, Any]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name, "-"): model.operation_model(name) for name in model.operation_names}


def aws(words: list[str]) -> None:
    """The service has the operation, and the operation these options."""
    service, operation, *rest = words[1:]
    if (service, operation) in CLIENT_SIDE:
        return
    model = operations({"s3api": "s3"}.get(service, service))[operation]
    members = model.input_shape.members if model.input_shape else {}
    options = {word for word in rest if word.startswith("--")}
    assert options <= {*(f"--{xform_name(member, '-')}" for member in members), *GLOBAL}


def sam(words: list[str]) -> None:
    """The function, the event and the set of parameters are there. SAM's own options: tests/statemachines."""
    template = (ROOT / "template.yaml").read_text()
    for word in words[1:]:
        assert not word.endswith("Function") or f"\n  {word}:\n    Type: AWS::Serverless::Function" in template, word
        assert not word.startswith("events/") or word in files(), word
    if "--config-env" in words:
        assert f"[{words[words.index('--config-env') + 1]}." in (ROOT / "samconfig.toml").read_text()


def python(words: list[str]) -> None:
    """The module or the script is there, and takes the options."""
    if words[1] == "-m":
        place = words[2].replace(".", "/")
        found = [path for path in (f"{place}.py", f"{place}/__main__.py") if path in files()]
        rest = words[3:]
    else:
        found, rest = [words[1]] if words[1] in files() else [], words[2:]
    assert found or words[1:3] == ["-m", "pytest"], f"there is no {words[1:3]}"
    for option in (word for word in rest if word.startswith("--")):
        assert any(f'"{option}"' in (ROOT / path).read_text() for path in found), option
    if words[1:3] == ["-m", "pytest"]:
        pytest_(words[2:])


def pytest_(words: list[str]) -> None:
    """The tests are there."""
    for word in words[1:]:
        assert "/" not in word or (ROOT / word).exists(), word


def docker(words: list[str]) -> None:
    """The Dockerfile has the stage, and the image's module is there."""
    given = dict(pairwise(words))
    if "--target" in given:
        assert re.search(rf"\bAS {given['--target']}$", (ROOT / given["-f"]).read_text(), re.MULTILINE)
    if "-m" in given:
        assert f"spark_jobs/{given['-m'].replace('.', '/')}.py" in files()


def nothing(words: list[str]) -> None:
    """A command of the system."""


PROGRAMS: Final[dict[str, Callable[[list[str]], None]]] = {
    "ndr": ndr, "make": make, "aws": aws, "sam": sam, "python": python, "pytest": pytest_, "docker": docker,
    ".venv/bin/python": python, "ruff": nothing, "apt-get": nothing, "export": nothing, "pip": nothing,
    "for": nothing, "done": nothing,
}  # fmt: skip
"""What the pages call, and what is checked of it. A variable of the shell is assigned the output of one of them."""

COMMANDS: Final = [(name_of(path), words) for path in PAGES for words in typed(path)]


def test_the_pages_have_commands_of_known_programs() -> None:
    assert {words[0] for _, words in COMMANDS if not re.match(r"\w+=", words[0])} <= set(PROGRAMS)
    assert len(COMMANDS) > 150


@pytest.mark.parametrize("program", [name for name, check in PROGRAMS.items() if check is not nothing])
def test_a_command_exists_with_what_it_is_given(program: str) -> None:
    wrong = []
    for name, words in COMMANDS:
        if words[0] == program:
            try:
                PROGRAMS[program](words)
            except (AssertionError, KeyError, IndexError) as error:
                wrong.append(f"{name}: {' '.join(words)[:120]}: {error!r:.200}")
    assert not wrong, "\n".join(wrong)


# ---------------------------------------------------------------------------------------------------------------------
# paths and links


def slugs(path: Path) -> set[str]:
    text = FENCE.sub("", path.read_text())
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-") for heading in headings}


def test_every_link_leads_somewhere() -> None:
    wrong = []
    for path in PAGES:
        for target in LINK.findall(prose(path)):
            if re.match(r"https?://|mailto:", target):
                continue
            file, _, anchor = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            if not there.exists() or (anchor and anchor not in slugs(there)):
                wrong.append(f"{name_of(path)}: {target}")
    assert not wrong, "\n".join(wrong)


FOLDERS: Final = frozenset(path.split("/")[0] for path in project_files() if "/" in path)
FILE: Final = re.compile(r"[\w.<>*-]+(?:/[\w.<>*-]+)*\.(?:py|md|yaml|json|toml|lock|sh|png|ipynb)")


EXAMPLES: Final = {"spark_jobs/ndr/sources/toywall.py", "<mini-batch>.1.json"}
"""The source that docs/sources.md adds, and a file that a person would deliver."""


def there(text: str) -> bool:
    """Whether a path of the project exists; `<name>` and `*` stand for any, and a path may leave out its beginning."""
    pattern = re.escape(text.rstrip("/")).replace(r"\*", "[^/]*")
    anywhere = re.compile(rf"(?:^|.*/){re.sub('<[^>]*>', '[^/]+', pattern)}(?:/.*)?$")
    return any(anywhere.match(path) for path in files())


def test_every_path_of_the_project_exists() -> None:
    wrong = []
    for path in PAGES:
        for word in {word for text in inline(path) for word in text.split()}:
            is_path = FILE.fullmatch(word) or (word.split("/")[0] in FOLDERS and re.fullmatch(r"[\w./<>*-]+", word))
            is_written = word.split("/")[-1].split(".")[0] in words_of(PRODUCT) and word.split("/")[0] not in FOLDERS
            if is_path and not (is_written or word in EXAMPLES or there(word)):
                wrong.append(f"{name_of(path)}: {word}")
    assert not wrong, "\n".join(sorted(wrong))


# ---------------------------------------------------------------------------------------------------------------------
# names

OUTSIDE: Final = {
    "--fix", "--config-env", "--env-vars", "--skip-pull-image", "DescribeKey", "GetTables", "AwsDataCatalog",
    "external_gte", "MyStep", "PT2880M",
}  # fmt: skip
"""Options of ruff and SAM, names of KMS, Glue, Athena and Elastic, an example's step, and a batch's length."""
NAME: Final = re.compile(r"--[a-z][a-z-]+|\b[A-Z][A-Za-z0-9]*[a-z0-9][A-Z][A-Za-z0-9]*|\b[a-z]+(?:_[a-z0-9]+)+")
TESTS: Final = ("tests/", "benchmarks/", "examples/")


def options(command: Any) -> Iterator[str]:
    """Yield the options of the command line."""
    for parameter in command.params:
        yield from parameter.opts
    for each in getattr(command, "commands", {}).values():
        yield from options(each)


def test_every_name_exists() -> None:
    known = {*words_of(PRODUCT), *words_of(TESTS), *options(get_command(app)), *(Path(path).stem for path in files())}
    known.update(TABLE_NAMES)
    names = {(name_of(path), word) for path in PAGES for text in inline(path) for word in NAME.findall(text)}
    wrong = {f"{page}: {word}" for page, word in names if word not in known and word not in OUTSIDE}
    assert not wrong, "\n".join(sorted(wrong))


@pytest.mark.parametrize(
    "command",
    [
        "ndr stauts", "ndr backfill 2026-01-01 2026-02-01 --horizons 7d", "make dmeo", "make bench BENCH=fg_z",
        "make demo TRAFIC=logs", "aws stepfunctions begin-execution", "aws sqs purge-queue --queue-uri x",
        "sam local invoke PlanFunction", "sam deploy --config-env test",
        "sam remote invoke PlanRunFunction --event-file events/plan_run.json",
        "python -m tests.fault", "python -m tests.faults --joob x", "python tests/sam/forwards.py",
        "pytest tests/unit/test_docs.py", "docker build -f spark_jobs/Dockerfile --target sparkle .",
        "docker run image -m ndr.jobs.run_fg_z_builder",
    ],
)  # fmt: skip
def test_a_mistake_would_be_found(command: str) -> None:
    words = command.split()
    with pytest.raises((AssertionError, KeyError)):
        PROGRAMS[words[0]](words)
