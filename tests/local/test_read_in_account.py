"""`ndr.read` on s3://: found by a stack's name, and by the record of the account on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.jobs.job_chain import Project
from tests.jobs.published_project import place_of, published_project

from ministack_sagemaker.lifecycle import Account
from ndr.contract.errors import InvalidRequestError, JobSpecNotFoundError
from ndr.contract.jobspecs import parse_jobspec, put_jobspec
from ndr.local.cli import main
from ndr.local.deployment.deployment import Deployment
from ndr.read import Place, read, sql
from ndr.store.storage import forget_clients

BUCKET = "ndr-read"
STACK = "ndr-read"
TEMPLATE = {
    "Parameters": {"ProjectName": {"Type": "String"}, "FeatureSpecVersion": {"Type": "String"}},
    "Resources": {
        "JobSpecTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "ndr-read-jobspecs",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "S"} for name in ("project_name", "job_name_version")
                ],
                "KeySchema": [
                    {"AttributeName": "project_name", "KeyType": "HASH"},
                    {"AttributeName": "job_name_version", "KeyType": "RANGE"},
                ],
            },
        }
    },
    "Outputs": {"JobSpecTableName": {"Value": {"Ref": "JobSpecTable"}}},
}
QUERY = "select count(*) as rows, sum(sessions_cnt)::bigint as sessions, max(window_end) as last from fg_a"


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return published_project(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def stack(account: Account, on_disk: Project) -> Iterator[str]:
    """A stack whose JobSpecs name a bucket, which has the files of the published project."""
    s3, formation = account.client("s3"), account.client("cloudformation")
    s3.create_bucket(Bucket=BUCKET)
    for path in (each for each in on_disk.root.rglob("*") if each.is_file()):
        s3.put_object(Bucket=BUCKET, Key=str(path.relative_to(on_disk.root.parent)), Body=path.read_bytes())
    parameters = {"ProjectName": "ndr-test", "FeatureSpecVersion": "v1"}
    formation.create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    formation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    here = on_disk.root.as_uri().removesuffix("/v1")
    for jobspec in place_of(on_disk).jobspecs.values():
        document = jobspec.model_dump_json(by_alias=True).replace(here, f"s3://{BUCKET}")
        put_jobspec(account.table("ndr-read-jobspecs"), parse_jobspec(json.loads(document)))
    yield STACK
    formation.delete_stack(StackName=STACK)


@pytest.fixture
def credentials(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Those of the account, in the environment."""
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    forget_clients()
    yield
    forget_clients()


def test_a_stack_is_read_with_the_credentials_of_the_environment(
    credentials: None, stack: str, on_disk: Project
) -> None:
    expected = sql(QUERY, place_of(on_disk)).arrow()
    assert sql(QUERY, stack).arrow() == expected
    hour = ("2026-01-12T00:00:00Z", "2026-01-12T01:00:00Z")
    found = [read("fg_a_with_baseline", *hour, place=where).arrow() for where in (stack, place_of(on_disk))]
    key = [(name, "ascending") for name in ("host_ip", "role", "window_label", "window_end", "baseline_horizon")]
    assert found[0].num_rows
    assert found[0].sort_by(key) == found[1].sort_by(key)


def test_a_stack_that_is_not_there_or_has_no_jobspecs(credentials: None, stack: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"The stack 'absent' can't be read: .* Name a stack of `sam deploy`"):
        Place.of_stack("absent")
    with pytest.raises(JobSpecNotFoundError, match="has no JobSpecs of project 'another', version 'v1'"):
        Place.of_stack(stack, project_name="another")


def test_what_is_deployed_on_this_machine_is_found(
    account: Account,
    stack: str,
    on_disk: Project,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """In Python through the record in the account's folder, on the shell through the command's own option."""
    deployment = Deployment(account, {"JobSpecTableName": "ndr-read-jobspecs"}, "ndr-test", "v1", "arn", "up")
    deployment.save()
    try:
        monkeypatch.setenv("NDR_HOME", str(account.directory))
        assert sql(QUERY).arrow() == sql(QUERY, place_of(on_disk)).arrow()
        (rows,) = sql("select count(*) as n from deltas").arrow()["n"].to_pylist()
        monkeypatch.setattr(sys, "argv", ["ndr", "sql", "select count(*) from deltas"])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0, printed.err) == (0, "")
        assert f" {rows:,}\n" in printed.out
    finally:
        (account.directory / "deployment.json").unlink()
        forget_clients()
