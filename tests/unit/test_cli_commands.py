"""The command line: help, mistakes, error messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.template import ROOT

from ndr.contract.jobspecs import JOB_NAMES
from ndr.local.cli import main
from ndr.local.jobspecs import DEMO_FILES

Ndr = Callable[..., tuple[int, str, str]]
VALUES = {
    "project_name": "ndr-test",
    "feature_spec_version": "v1",
    "data_bucket": "bucket-of-mine",
    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:ndr",
    "region": "us-east-1",
    "redshift_role_arn": "arn:aws:iam::123456789012:role/unload",
    "engine": "local",
}


@pytest.fixture
def ndr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ndr:
    """Run the command line in an empty directory. Returns exit status, output and errors without line breaks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NDR_HOME", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ndr", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), " ".join(captured.out.split()), " ".join(captured.err.split())

    return run


def documents(folder: Path, **changes: str) -> list[str]:
    """Write the demo's JobSpecs with all values, and return their paths."""
    paths = []
    for source in DEMO_FILES:
        text = source.read_text()
        for name, value in {**VALUES, **changes}.items():
            text = text.replace(f"${{{name}}}", value)
        path = folder / source.name
        path.write_text(text)
        paths.append(str(path))
    return paths


def test_the_version_is_that_of_the_distribution(ndr: Ndr) -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert ndr("--version")[:2] == (0, f"ndr {pyproject['project']['version']}")


def test_help_names_every_command(ndr: Ndr) -> None:
    status, out, _ = ndr("--help")
    assert status == 0
    for command in (
        "up",
        "down",
        "ingest",
        "run",
        "backfill",
        "status",
        "findings",
        "sql",
        "report",
        "check",
        "cost",
        "jobspec",
        "demo",
    ):
        assert f" {command} " in out
    assert all(
        f" {name} " in ndr("run", "--help")[1] for name in ("mini-batch", "monthly", "nightly", "weekly", "late")
    )
    assert all(f" {name} " in ndr("jobspec", "--help")[1] for name in ("check", "put", "list"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("stats",), "Did you mean 'status'"),
        (("demo", "--dais", "3"), "--days"),
        (("backfill", "2026-01-01"), "Missing argument"),
        (("demo", "--days", "many"), "Invalid value for '--days'"),
    ],
)
def test_mistyped_command_line_is_explained(ndr: Ndr, arguments: tuple[str, ...], told: str) -> None:
    status, _, err = ndr(*arguments)
    assert status == 2
    assert told in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("run", "monthly"),
        ("run", "mini-batch"),
        ("backfill", "2026-01-01", "2026-02-01"),
        ("ingest", "."),
        ("jobspec", "list"),
    ],
)
def test_command_without_an_account_says_how_to_start_one(ndr: Ndr, arguments: tuple[str, ...]) -> None:
    status, out, err = ndr(*arguments)
    assert status == 1
    assert err.startswith("AccountError: No account was started in")
    assert "Start one with `ndr up`." in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("command", ["status", "up", "down", "demo", "env", "why", "report"])
def test_a_file_where_the_folder_of_the_account_is_expected(ndr: Ndr, tmp_path: Path, command: str) -> None:
    (tmp_path / ".ndr").write_text("a file")
    status, out, err = ndr(command)
    assert status == 1
    assert "is a file where a folder is expected" in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        ("jobspec", "check", "folder"),
        ("jobspec", "check", "binary"),
        ("ingest", "absent", "--prefix", "file:///proc/nowhere"),
        ("ingest", "binary", "--prefix", "file:///proc/nowhere"),
        ("cost", "--hosts", "1", "--directory", "binary"),
        ("demo", "--traffic", "binary"),
        ("check", "--stack", "x", "--directory", "binary"),
    ],
)
def test_what_cannot_be_read_or_written_is_a_sentence(ndr: Ndr, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x1b[31m")
    status, out, err = ndr(*arguments)
    assert status in (1, 2), out
    assert "Error: " in err
    assert "\x1b" not in err
    assert not (tmp_path / ".ndr").exists()


@pytest.mark.parametrize(("target", "code"), [("/dev/full", 1), (None, 141)])
def test_output_that_goes_nowhere_ends_the_command(tmp_path: Path, target: str | None, code: int) -> None:
    """A full disk has a sentence; a reader that went away has none, like SIGPIPE."""
    command = [sys.executable, "-m", "ndr.local.cli", "cost", "--json", "--directory", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    reader, writer = os.pipe()
    os.close(reader)
    with open(target, "wb") if target else os.fdopen(writer, "wb") as out:
        ran = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=environment, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    assert ran.stderr == (
        "OSError: No space left on device. Free some space, then start the command again.\n" if target else ""
    )


def test_help_has_a_short_option_everywhere(ndr: Ndr) -> None:
    for command in ((), ("run",), ("run", "late"), ("jobspec", "put"), ("why",)):
        status, out, _ = ndr(*command, "-h")
        assert (status, "Usage: ndr" in out) == (0, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_a_shell(ndr: Ndr, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    status, out, _ = ndr("completion", shell)
    assert status == 0
    assert f"_NDR_COMPLETE=complete_{shell}" in out
    monkeypatch.setenv("_NDR_COMPLETE", f"complete_{shell}")
    for name, text in {"COMP_WORDS": "ndr st", "COMP_CWORD": "1", "_TYPER_COMPLETE_ARGS": "ndr st"}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    _, found, _ = ndr()
    assert "status" in found
    assert "stop" in found
    assert "backfill" not in found


def test_down_without_an_account_is_not_an_error(ndr: Ndr) -> None:
    status, out, _ = ndr("down")
    assert status == 0
    assert "No account runs in .ndr." in out


def test_directory_from_the_environment(ndr: Ndr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NDR_HOME", str(tmp_path / "elsewhere"))
    assert "elsewhere" in ndr("status")[2]


def test_demo_refuses_what_it_can_not_run(ndr: Ndr, tmp_path: Path) -> None:
    status, _, err = ndr("demo", "--engine", "flink")
    assert (status, err) == (1, "InvalidRequestError: The engine is 'flink': write local or spark.")
    (tmp_path / "empty").mkdir()
    status, _, err = ndr("demo", "--traffic", "empty")
    assert status == 1
    assert err.startswith("InvalidRequestError: empty holds no log of a known source")
    assert ndr("demo", "--days", "0")[2].startswith("InvalidRequestError: --days is 0")
    assert not (tmp_path / ".ndr").exists()


def test_demo_looks_at_the_traffic_before_it_removes_any(ndr: Ndr, tmp_path: Path) -> None:
    earlier = tmp_path / ".ndr" / "traffic" / "conn.log"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("of an earlier demo")
    assert ndr("demo", "--traffic", "absent")[2].startswith("InvalidRequestError: absent does not exist.")
    status, _, err = ndr("demo", "--traffic", ".ndr/traffic")
    assert status == 1
    assert err.startswith("InvalidRequestError: --traffic .ndr/traffic would be lost: the demo empties ")
    assert earlier.read_text() == "of an earlier demo"


def test_demo_on_spark_without_java_is_a_sentence(ndr: Ndr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    status, _, err = ndr("demo", "--engine", "spark")
    assert status == 1
    assert "needs Java 17" in err
    assert "leave --engine out" in err


@pytest.mark.parametrize(("said", "major"), [('java version "1.8.0_402"', 8), ('openjdk version "11.0.22"', 11)])
def test_demo_on_spark_with_an_old_java_says_which(
    ndr: Ndr, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, major: int
) -> None:
    java = tmp_path / "jdk" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{said} 2024-01-16' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    status, _, err = ndr("demo", "--engine", "spark")
    assert status == 1
    assert f"the one here is Java {major};" in err


def test_jobspec_check_of_the_demos_own_set(ndr: Ndr, tmp_path: Path) -> None:
    status, out, _ = ndr("jobspec", "check", *documents(tmp_path))
    assert status == 0
    assert f"{len(JOB_NAMES)} JobSpecs are consistent." in out
    assert all(f"ndr-test {name}#v1: valid" in out for name in JOB_NAMES)


def test_jobspec_check_takes_an_array_in_one_file(ndr: Ndr, tmp_path: Path) -> None:
    together = tmp_path / "all.json"
    together.write_text(json.dumps([json.loads(Path(path).read_text()) for path in documents(tmp_path)]))
    assert f"{len(JOB_NAMES)} JobSpecs are consistent." in ndr("jobspec", "check", str(together))[1]


def test_jobspec_check_names_file_field_and_remedy(ndr: Ndr, tmp_path: Path) -> None:
    paths = documents(tmp_path)
    path = tmp_path / "fg_b_builder.json"
    document = json.loads(path.read_text())
    document["spec"]["suport_min"] = 10
    path.write_text(json.dumps(document))
    status, _, err = ndr("jobspec", "check", *paths)
    assert status == 1
    assert err.startswith("JobSpecInvalidError: ")
    assert "fg_b_builder.json" in err
    assert "'support_min'" in err


def test_jobspec_check_of_a_name_that_is_given_twice(ndr: Ndr, tmp_path: Path) -> None:
    paths = documents(tmp_path)
    path = tmp_path / "networks.json"
    path.write_text(path.read_text().replace('"private": [', '"private": ["10.0.0.0/8"], "private": ['))
    status, _, err = ndr("jobspec", "check", *paths)
    assert status == 1
    assert "networks.json: an object gives 'private' twice; give each name once, with all its values." in err


def test_jobspec_check_of_a_misplaced_prefix(ndr: Ndr, tmp_path: Path) -> None:
    paths = documents(tmp_path)
    path = tmp_path / "pair_counts_builder.json"
    path.write_text(path.read_text().replace("/deltas/", "/delta/"))
    status, _, err = ndr("jobspec", "check", *paths)
    assert status == 1
    assert "pair_counts_builder reads deltas from s3://bucket-of-mine/v1/delta/" in err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no JobSpec"),
        ("[1]", "holds no JobSpec"),
        ('{"project_name": "${bucket}"}', "holds ${bucket}, which has no value"),
    ],
)
def test_invalid_document(ndr: Ndr, tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "odd.json").write_text(content)
    status, _, err = ndr("jobspec", "check", "odd.json")
    assert status == 1
    assert err.startswith("InvalidRequestError: odd.json")
    assert told in err
    assert "can't be read" in ndr("jobspec", "check", "absent.json")[2]
