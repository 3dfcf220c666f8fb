"""`ndr findings` and docs/findings.md on published scores: listed, exported, suppressed as the page says."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.template import ROOT
from tests.unit.findings_tables import END, HOST, OTHER, PEER, host, pair, publish, publish_names, reason
from tests.unit.test_cli_commands import documents

from ministack_sagemaker.lifecycle import Account
from ndr.contract.time import DAY, Interval
from ndr.findings.formats import OCSF, documents_of
from ndr.local.cli import main
from ndr.local.deployment.deployment import Deployment

PAGE = (ROOT / "docs" / "findings.md").read_text()
TABLE = "specs-of-findings"
Ndr = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ndr(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Ndr]:
    """The command line, in a folder of its own, at an account with JobSpecs whose data are on this disk."""
    keys = {"project_name": "HASH", "job_name_version": "RANGE"}
    table = account.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    assert table
    outputs = {"JobSpecTableName": TABLE, "DataBucketName": "ndr-data"}
    Deployment(account, outputs, "p", "v1", "arn:aws:secretsmanager:us-east-1:123456789012:secret:s", "up").save()
    monkeypatch.setenv("NDR_HOME", str(account.directory))
    monkeypatch.chdir(tmp_path)

    def run(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    specs = tmp_path / "specs"
    specs.mkdir()
    paths = documents(specs, project_name="p", data_bucket="ndr-data")
    for path in map(Path, paths):
        path.write_text(path.read_text().replace("s3://ndr-data/v1/", f"{tmp_path.as_uri()}/v1/"))
    assert run(f"ndr jobspec put {' '.join(paths)}")[0] == 0
    yield run
    account.client("dynamodb").delete_table(TableName=TABLE)
    (account.directory / "deployment.json").unlink()


@pytest.fixture
def scores(tmp_path: Path) -> None:
    root = tmp_path / "v1"
    yesterday = Interval(END - 2 * DAY, END - DAY)
    publish(root, yesterday, [host("10.0.0.9", -2, 31.0, p_value=None)])
    rows = [
        host(HOST, 5, 14.0, "Denied; sent.", None, [reason("deny_cnt", 12.0), reason("bytes_sent_sum", 2.0)]),
        host(OTHER, 6, 22.0, "Sent.", 1e-6, [reason("bytes_sent_sum", 22.0)]),
        host("10.0.0.3", 6, 5.0, "Little."),
    ]
    publish(root, Interval(END - DAY, END), rows, [pair(HOST, 443, 5, 0.95, "New.", is_new=True)])
    publish_names(root, {HOST: "WS-001"})


def lines(text: str) -> list[list[str]]:
    """The rows of printed tables as words, those with an address."""
    return [words for words in map(str.split, text.splitlines()) if re.search(r"\b10\.0\.0\.\d", " ".join(words[:6]))]


@pytest.mark.usefixtures("scores")
def test_findings_are_listed_exported_and_suppressed_as_the_page_says(ndr: Ndr, tmp_path: Path) -> None:
    status, out, _ = ndr("ndr findings")
    assert status == 0
    assert [(row[1], row[2], row[3]) for row in lines(out)] == [
        ("High", "High", OTHER),
        ("Medium", "Unknown", HOST),
        ("High", "Unknown", HOST),
    ]
    (typed,) = re.findall(r"^    ndr .*(?:\n    ndr .*)*", PAGE, re.M)
    told = {line.strip(): ndr(line.strip()) for line in typed.splitlines()}
    assert [answer[0] for answer in told.values()] == [0, 0, 0]
    assert "10.0.0.9" in told["ndr findings --since 2026-01-30"][1]
    exported = documents_of((tmp_path / "findings.jsonl").read_bytes())
    assert len(exported) == 3
    assert told["ndr findings --format ocsf --out findings.jsonl"][1:] == ("", "3 findings; suppressed: none.\n")
    (document,) = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    Path("suppressions.json").write_text(document)
    (typed,) = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    put, listed = (ndr(line) for line in typed.splitlines())
    assert (put[0], listed[0]) == (0, 0), put[2] + listed[2]
    assert [(row[1], row[3]) for row in lines(listed[1])] == [("High", OTHER)]
    counted = {words[0]: words[1] for words in map(str.split, listed[1].splitlines()) if len(words) > 2}
    assert (counted["vulnerability-scanner"], counted["new-backup"]) == ("1", "1")
    status, out, err = ndr("ndr findings --format ecs")
    assert [json.loads(line)["host"]["ip"] for line in out.splitlines()] == [[OTHER]]
    assert err == "1 finding; suppressed: 1 by new-backup, 1 by vulnerability-scanner.\n"


@pytest.mark.usefixtures("scores")
def test_the_json_document_has_uids_and_expired_suppressions(ndr: Ndr) -> None:
    spec = {"suppressions": {"old": {"port": 443, "expires": "2026-02-01", "owner": "it", "reason": "Was moved."}}}
    same = {"project_name": "p", "feature_spec_version": "v1", "updated_at": "2026-01-01T00:00:00Z", "owner": "t"}
    Path("old.json").write_text(json.dumps({"job_name": "suppressions", "spec": spec, **same}))
    assert ndr("ndr jobspec put old.json")[0] == 0
    document: dict[str, Any] = json.loads(ndr("ndr findings --json")[1])
    assert (document["since"], document["until"], document["expired"]) == (
        "2026-01-31T00:00:00Z",
        "2026-02-01T00:00:00Z",
        ["old"],
    )
    assert [len(each["uid"]) for each in (*document["hosts"], *document["pairs"])] == [64, 64, 64]
    assert (document["pairs"][0]["destination"], document["pairs"][0]["port"]) == (PEER, 443)
    exported = ndr("ndr findings --format ocsf")[1].encode()
    uids = {OCSF.uid_of(each) for each in documents_of(exported)}
    assert uids == {each["uid"] for each in (*document["hosts"], *document["pairs"])}
    assert "Expired suppressions, which have no effect: old." in ndr("ndr findings")[1]


def test_what_cannot_be_done_is_said_in_a_sentence(ndr: Ndr, tmp_path: Path) -> None:
    assert "run `ndr run mini-batch` first" in ndr("ndr findings")[2]
    publish(tmp_path / "v1", Interval(END - DAY, END))
    for line, sentence in (
        ("ndr findings --since 2026-02-01", "--since is 2026-02-01T00:00:00Z, and the newest scores end at 2026-02-01"),
        ("ndr findings --since monday", "--since is 'monday', which is not an ISO 8601 time"),
        ("ndr findings --format csv", "The format is 'csv': write ocsf or ecs."),
        ("ndr findings --format ecs --out /proc/x/y", "can't be written"),
    ):
        status, _, err = ndr(line)
        assert status == 1
        assert sentence in err
    for line in ("ndr findings --json --format ecs", "ndr findings --out x"):
        assert ndr(line)[0] == 2
    status, out, _ = ndr("ndr findings")
    assert (status, out.count(": none")) == (0, 3)
