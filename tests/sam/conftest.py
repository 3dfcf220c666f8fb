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
from tests.docker_engine import FORWARD, bridge_to, skip_without_engine, skip_without_image, succeeds
from tests.sam import page
from tests.sam.command_line import CommandLine
from tests.statemachines.stack import deploy_small

from ministack_sagemaker.lifecycle import Account
from ministack_sagemaker.testing import fast_account

ROOT = Path(__file__).parents[2]
STACK = "ndr"
DOCUMENTED_PORT = "4566"
DOCKERFILE = "lambdas/upsert_pipelines/Dockerfile"
SOURCES = ("contract", "lambdas", "pipeline_defs", "spark_jobs", "statemachines")


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
    zip_versions = set(re.findall(r"Runtime: python(\S+)", (ROOT / "template.yaml").read_text()))
    for image in [_base_image()[0], *(f"public.ecr.aws/lambda/python:{version}-x86_64" for version in zip_versions)]:
        skip_without_image("sam local", image)


def _base_image() -> tuple[str, str]:
    """The tag and the digest of the base image of upsert_pipelines."""
    dockerfile = (ROOT / DOCKERFILE).read_text()
    ((tag, digest),) = re.findall(r"^ARG BASE_IMAGE=([^@\s]+)(@sha256:[0-9a-f]{64})$", dockerfile, re.MULTILINE)
    return tag, digest


@pytest.fixture(scope="session")
def sources(docker: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project; where its base image can't be pulled, a copy that names the stand-in, which has no digest."""
    tag, digest = _base_image()
    if succeeds("docker", "image", "inspect", tag + digest) or succeeds("docker", "pull", tag + digest):
        return ROOT
    folder = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", ".dockerignore"):
        shutil.copy(ROOT / name, folder / name)
    (folder / DOCKERFILE).write_text((ROOT / DOCKERFILE).read_text().replace(tag + digest, tag))
    return folder


@pytest.fixture(scope="session")
def bridge(docker: None, account: Account) -> Iterator[int]:
    """The port at which containers reach the account as host.docker.internal."""
    _, script, listen, _ = page.command("python", "tests/sam/forward.py")
    assert (ROOT / script, listen.rpartition(":")[2]) == (FORWARD, DOCUMENTED_PORT)
    with bridge_to(account) as port:
        yield port


@pytest.fixture(scope="session")
def built(sources: Path, project: CommandLine, bridge: int, account: Account) -> CommandLine:
    """The folder after `sam build`, with the environment file of the page."""
    build = project.folder / ".aws-sam" / "build"
    words = [*page.command("sam", "build"), "--template", str(sources / "template.yaml"), "--build-dir", str(build)]
    project.run(words, check=True)
    query = page.command("aws", "cloudformation", "describe-stacks")
    expression = query[query.index("--query") + 1].replace(DOCUMENTED_PORT, str(bridge))
    stack = account.client("cloudformation").describe_stacks(StackName=STACK)
    (project.folder / query[-1]).write_text(json.dumps(jmespath.search(expression, stack), default=str))
    return project
