"""`ndr jobspec init`: JobSpecs of a project of one's own, made and checked without an account."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ndr.contract.jobspecs import JOB_NAMES
from ndr.contract.jobspecs.delta_builder import AUTO, SOURCE_NAMES
from ndr.local.cli import main

Ndr = Callable[..., tuple[int, str, str]]
ANSWERS = ("--project", "ndr-prod", "--prefix", "s3://bucket-of-mine/ndr/")


@pytest.fixture
def ndr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Ndr:
    """Run the command line in an empty folder with a text on standard input."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NDR_HOME", raising=False)

    def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ndr", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), " ".join(captured.out.split()), " ".join(captured.err.split())

    return run


def written(folder: Path) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


@pytest.mark.parametrize("source", [*SOURCE_NAMES, AUTO])
def test_what_is_written_is_accepted_by_the_check(ndr: Ndr, tmp_path: Path, source: str) -> None:
    status, out, err = ndr("jobspec", "init", "mine", *ANSWERS, "--source", source)
    assert (status, err) == (0, "")
    assert f"{len(JOB_NAMES)} JobSpecs of ndr-prod v1 in mine/." in out
    assert "ndr jobspec check mine" in out
    documents = written(tmp_path / "mine")
    assert set(documents) == set(JOB_NAMES)
    assert documents["delta_builder"]["spec"]["inputs"] == {
        "integration": "s3://bucket-of-mine/ndr/integration/",
        "source": source,
    }
    assert documents["fg_a_builder"]["spec"]["outputs"] == {"fg_a": "s3://bucket-of-mine/ndr/v1/fg_a/"}
    assert "${" not in json.dumps(documents)
    status, out, _ = ndr("jobspec", "check", "mine")
    assert status == 0
    assert f"{len(JOB_NAMES)} JobSpecs are consistent." in out


def test_what_is_left_out_is_asked_for(ndr: Ndr, tmp_path: Path) -> None:
    status, _, err = ndr("jobspec", "init", typed="ndr-prod\nbucket-of-mine\n")
    assert status == 0
    assert err.startswith("Name of the project, as ndr-prod:")
    document = written(tmp_path / "jobspecs")["pair_counts_builder"]
    assert document["project_name"] == "ndr-prod"
    assert document["spec"]["inputs"] == {"deltas": "s3://bucket-of-mine/v1/deltas/"}


def test_the_database_of_the_inventory(ndr: Ndr, tmp_path: Path) -> None:
    secret = "arn:aws-us-gov:secretsmanager:us-gov-west-1:111122223333:secret:machines"
    given = ("--secret-arn", secret, "--workgroup", "inventory", "--database", "prod", "--integration", "s3://logs/fw/")
    status, out, _ = ndr("jobspec", "init", "mine", *ANSWERS, "--version", "v2", *given)
    assert status == 0
    assert "example" not in out
    documents = written(tmp_path / "mine")
    redshift = documents["machine_inventory_unload"]["spec"]["redshift"]
    assert redshift["secret_arn"] == secret
    assert [redshift[name] for name in ("region", "workgroup_name", "database", "iam_role")] == [
        "us-gov-west-1", "inventory", "prod", "default",
    ]  # fmt: skip
    assert documents["delta_builder"]["spec"]["inputs"]["integration"] == "s3://logs/fw/"
    assert documents["fg_b_builder"]["spec"]["outputs"] == {"fg_b": "s3://bucket-of-mine/ndr/v2/fg_b/"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "--project is missing: Name of the project"),
        (("--project", "ndr-prod"), "--prefix is missing: Bucket or prefix of all that is published"),
        (("--project", "a b", "--prefix", "bucket-of-mine"), "project_name: String should match pattern"),
        (
            ("--project", "ndr-prod", "--prefix", "gs://bucket"),
            "The prefix is 'gs://bucket': write a bucket, or a prefix",
        ),
        (
            ("--project", "ndr-prod", "--prefix", "s3:///"),
            "The prefix is 's3:///': write a bucket, or a prefix such as",
        ),
        (("--project", "ndr-prod", "--prefix", "Bucket"), "is not a prefix: write s3://bucket/path/"),
        ((*ANSWERS, "--source", "netflow"), f"'netflow' is not a log format; allowed are {', '.join(SOURCE_NAMES)}"),
        ((*ANSWERS, "--secret-arn", "ndr/redshift"), "spec.redshift.secret_arn: String should match pattern"),
        ((*ANSWERS, "--cluster", "a", "--workgroup", "b"), "Both --cluster and --workgroup are given"),
    ],
)
def test_an_answer_that_cannot_be_used_writes_nothing(
    ndr: Ndr, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    status, _, err = ndr("jobspec", "init", "mine", *arguments)
    assert status == 1
    assert sentence in err
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(ndr: Ndr, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "delta_builder.json").write_text("{}")
    status, _, err = ndr("jobspec", "init", "mine", *ANSWERS)
    assert (status, err) == (1, "InvalidRequestError: mine exists and is not an empty folder; name another one.")
    assert (tmp_path / "mine" / "delta_builder.json").read_text() == "{}"
    status, _, err = ndr("jobspec", "check", ".")
    assert err.startswith("InvalidRequestError: The folder . has no JobSpec document: there is no *.json in it.")
