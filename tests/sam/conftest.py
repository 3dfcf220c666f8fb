"""The template, deployed into its own account, and the project, built for containers if Docker is available."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import jmespath
import pytest
from tests.docker_engine import FORWARD, bridge_to, skip_without_engine, skip_without_image
from tests.sam import page
from tests.sam.command_line import CommandLine
from tests.statemachines.stack import deploy_small

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import fast_account

ROOT = Path(__file__).parents[2]
STACK = "ndr"
DOCUMENTED_PORT = "4566"


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of its own, because its pipelines have the names of those in other tests."""
    with fast_account(tmp_path_factory.mktemp("sam_account")) as account:
        yield account


@pytest.fixture(scope="session")
def outputs(account: Account, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Outputs of the deployed stack. Its account has JobSpecs and small pipelines."""
    return deploy_small(account, STACK, tmp_path_factory.mktemp("tries"), "unlucky")


@pytest.fixture(scope="session")
def failed_execution(account: Account, outputs: dict[str, str]) -> str:
    """ARN of a pipeline execution whose only step failed."""
    sagemaker = account.client("sagemaker")
    parameters = [{"Name": "Behaviour", "Value": "unlucky"}, {"Name": "Flag", "Value": "none"}]
    started = sagemaker.start_pipeline_execution(PipelineName="ndr-steerable", PipelineParameters=parameters)
    arn = str(started["PipelineExecutionArn"])
    deadline = time.monotonic() + 60
    while sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Executing":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return arn


@pytest.fixture(scope="session")
def project(account: Account, failed_execution: str, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A folder for the page's commands. The event of explain_failure names the failed execution."""
    folder: Path = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "events", folder / "events")
    (folder / "events" / "explain_failure.json").write_text(json.dumps({"pipeline_execution_arn": failed_execution}))
    return CommandLine(folder, account.environment())


@pytest.fixture(scope="session")
def docker() -> None:
    """Skip without a Docker engine, or without its base image and a way to pull it."""
    skip_without_engine("sam local")
    dockerfile = (ROOT / "lambdas" / "upsert_pipelines" / "Dockerfile").read_text()
    zip_versions = set(re.findall(r"Runtime: python(\S+)", (ROOT / "template.yaml").read_text()))
    images = re.findall(r"^ARG BASE_IMAGE=(\S+)", dockerfile, re.MULTILINE)
    for image in [*images, *(f"public.ecr.aws/lambda/python:{version}-x86_64" for version in zip_versions)]:
        skip_without_image("sam local", image)


@pytest.fixture(scope="session")
def bridge(docker: None, account: Account) -> Iterator[int]:
    """The port at which containers reach the account as host.docker.internal."""
    _, script, listen, _ = page.command("python", "tests/sam/forward.py")
    assert (ROOT / script, listen.rpartition(":")[2]) == (FORWARD, DOCUMENTED_PORT)
    with bridge_to(account) as port:
        yield port


@pytest.fixture(scope="session")
def built(docker: None, project: CommandLine, bridge: int, account: Account) -> CommandLine:
    """The folder after `sam build`, with the environment file of the page."""
    build = project.folder / ".aws-sam" / "build"
    words = [*page.command("sam", "build"), "--template", str(ROOT / "template.yaml"), "--build-dir", str(build)]
    project.run(words, check=True)
    query = page.command("aws", "cloudformation", "describe-stacks")
    expression = query[query.index("--query") + 1].replace(DOCUMENTED_PORT, str(bridge))
    stack = account.client("cloudformation").describe_stacks(StackName=STACK)
    (project.folder / query[-1]).write_text(json.dumps(jmespath.search(expression, stack), default=str))
    return project
