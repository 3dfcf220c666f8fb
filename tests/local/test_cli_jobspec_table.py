"""JobSpecs in a DynamoDB table: put, listed, refused."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from rich.console import Console
from tests.unit.test_cli_commands import documents

from ndr.contract.jobspecs import JOB_NAMES, NETWORKS, read_jobspec
from ndr.local.cli import main
from ndr.local.console.progress import Progress
from ndr.local.demo.networks import put_shown_networks
from ndr.local.ingest import IngestReport

Ndr = Callable[..., tuple[int, str]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    keys = {"project_name": "HASH", "job_name_version": "RANGE"}
    with mock_aws():
        yield boto3.resource("dynamodb").create_table(
            TableName="specs",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        )


@pytest.fixture
def ndr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ndr:
    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["ndr", "jobspec", *arguments, "--table", "specs"])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), " ".join((captured.out + captured.err).split())

    return run


def test_set_is_put_and_listed(table: Any, ndr: Ndr, tmp_path: Path) -> None:
    status, said = ndr("put", *documents(tmp_path))
    assert (status, said.count("put into specs")) == (0, len(JOB_NAMES))
    keys = {item["job_name_version"] for item in table.scan()["Items"]}
    assert keys == {f"{name}#v1" for name in JOB_NAMES}
    status, listed = ndr("list")
    assert (status, listed.count("ndr-test")) == (0, len(JOB_NAMES))


def test_the_demo_takes_over_the_networks_that_zeek_logs_show(table: Any, ndr: Ndr, tmp_path: Path) -> None:
    ndr("put", *documents(tmp_path))
    lines = Progress(Console(file=io.StringIO()))
    before = read_jobspec(table, "ndr-test", NETWORKS, "v1")
    put_shown_networks(table, before, IngestReport((), (), None), lines)
    assert read_jobspec(table, "ndr-test", NETWORKS, "v1") == before
    report = IngestReport((), (), None, local_addresses=frozenset({"10.0.0.1", "198.51.100.7"}))
    put_shown_networks(table, before, report, lines)
    internal = read_jobspec(table, "ndr-test", NETWORKS, "v1").spec.internal
    assert internal == {**before.spec.internal, "shown_by_zeek": ("198.51.100.0/24",)}


def test_one_that_does_not_fit_is_refused_and_nothing_is_written(table: Any, ndr: Ndr, tmp_path: Path) -> None:
    paths = documents(tmp_path)
    assert ndr("put", *paths)[0] == 0
    before = table.scan()["Items"]
    odd = tmp_path / "fg_b_builder.json"
    odd.write_text(odd.read_text().replace("/fg_a/", "/elsewhere/"))
    status, said = ndr("put", str(odd))
    assert status == 1
    assert said.startswith("JobSpecInvalidError: The JobSpecs do not fit together: fg_b_builder reads fg_a from")
    assert sorted(map(str, table.scan()["Items"])) == sorted(map(str, before))


def test_first_put_wants_the_whole_set(table: Any, ndr: Ndr, tmp_path: Path) -> None:
    status, said = ndr("put", documents(tmp_path)[0])
    assert status == 1
    assert "fg_b_builder is missing" in said
    assert table.scan()["Items"] == []
