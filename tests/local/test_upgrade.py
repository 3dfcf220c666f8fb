"""The release before this one is deployed, executions are under way, this one is deployed: they end well.

`previous_release/` is that release's template and machines; its functions run this release's code. IAM is enforced,
since an execution goes on with the old definition and the new permissions, and this release puts all under a key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.statemachines.jobspecs import put_documents
from tests.statemachines.pipelines import definition
from tests.statemachines.stack import POLLING
from tests.template import ROOT

from ministack_sagemaker.deploy import deploy
from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.registry import register_image
from ministack_sagemaker.testing import fast_account
from ndr.contract.pipelines import FG_B_PIPELINE, MINI_BATCH_PIPELINE
from ndr.local.deployment.create import IMAGE

PREVIOUS = Path(__file__).parent / "previous_release"
PATIENCE_SECONDS = 120.0
SCRIPT = """
import os, pathlib, sys, time
while not pathlib.Path({flag!r}).exists():
    time.sleep(0.1)
if sys.argv[1] == "unlucky":
    pathlib.Path(os.environ.get("NDR_OPT_ML", "/opt/ml"), "output/message").write_text("The project is unlucky.")
    sys.exit(1)
"""


@pytest.fixture
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with fast_account(tmp_path_factory.mktemp("upgraded_account")) as account:
        register_image(account, IMAGE)
        yield account


@pytest.fixture
def previous(tmp_path: Path) -> Path:
    """The previous release's template, beside the sources that it needs."""
    for folder in ("lambdas", "contract", "pipeline_defs", "spark_jobs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "statemachines").symlink_to(PREVIOUS / "statemachines")
    (tmp_path / "template.yaml").write_text((PREVIOUS / "template.yaml").read_text())
    return tmp_path / "template.yaml"


def until(look: Callable[[], Any]) -> Any:
    patience = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < patience, "it did not come about"
        time.sleep(0.1)
    return seen


def register(account: Account, outputs: dict[str, str], flag: Path) -> None:
    """Register pipelines whose only job waits for the flag over those of the deploy."""
    bucket, role = outputs["DataBucketName"], outputs["PipelineRoleArn"]
    script = SCRIPT.format(flag=str(flag)).encode()
    account.client("s3").put_object(Bucket=bucket, Key="machines-test/run.py", Body=script)
    parameters = {
        FG_B_PIPELINE: [
            *("ProjectName", "FeatureSpecVersion", "BaselineHorizon", "BaselineMode"),
            *("BaselineEndTsIso", "BackfillStartTsIso", "BackfillEndTsIso"),
        ],
        MINI_BATCH_PIPELINE: ["ProjectName", "FeatureSpecVersion", "MiniBatchId", "BatchStartTsIso", "BatchEndTsIso"],
    }
    for name, names in parameters.items():
        text = json.dumps(definition(names, bucket, role))
        account.client("sagemaker").update_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=role)


def test_executions_under_way_survive_an_upgrade(account: Account, previous: Path, tmp_path: Path) -> None:
    states, sagemaker = account.client("stepfunctions"), account.client("sagemaker")
    outputs = deploy(account, previous, "upgraded", {**POLLING, "ProjectName": "lucky"})
    flag = tmp_path / "flag"
    register(account, outputs, flag)
    put_documents(account, outputs["JobSpecTableName"], "lucky", "unlucky")

    def start(output: str, request: dict[str, Any]) -> str:
        machine = outputs[output]
        return str(states.start_execution(stateMachineArn=machine, input=json.dumps(request))["executionArn"])

    under_way = {
        "baseline": start("BaselinesMachineArn", {"horizon": "7d", "end": "2026-02-01"}),
        "batch": start("MiniBatchMachineArn", {"batch_start": "2026-01-05", "batch_end": "2026-01-06"}),
        "failing": start("MiniBatchMachineArn", {"project_name": "unlucky"}),
    }

    def executing() -> int:
        names = (FG_B_PIPELINE, MINI_BATCH_PIPELINE)
        listed = [sagemaker.list_pipeline_executions(PipelineName=name) for name in names]
        return sum(len(each["PipelineExecutionSummaries"]) for each in listed)

    until(lambda: executing() == len(under_way))
    key = account.client("kms").create_key()["KeyMetadata"]["Arn"]
    register_image(account, IMAGE)
    parameters = {**POLLING, "ProjectName": "lucky", "KmsKeyArn": key, "TrafficBucketArns": "arn:aws:s3:::ndr-data"}
    upgraded = deploy(account, ROOT / "template.yaml", "upgraded", parameters)
    topic = account.client("sns").get_topic_attributes(TopicArn=upgraded["FailureTopicArn"])["Attributes"]
    assert topic["KmsMasterKeyId"] == key, "what is under way is told of under the new key"
    assert {upgraded[name] for name in outputs} == set(outputs.values())
    assert all(states.describe_execution(executionArn=arn)["status"] == "RUNNING" for arn in under_way.values())
    flag.touch()

    def ended(arn: str) -> dict[str, Any]:
        until(lambda: states.describe_execution(executionArn=arn)["status"] != "RUNNING")
        return dict(states.describe_execution(executionArn=arn))

    assert ended(under_way["baseline"])["status"] == "SUCCEEDED"
    assert ended(under_way["batch"])["status"] == "SUCCEEDED"
    failed = ended(under_way["failing"])
    assert failed["error"] == "PipelineFailedError"
    assert "The project is unlucky. Log: " in failed["cause"], failed["cause"]
