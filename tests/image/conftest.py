"""The Processing image, and an account for its containers. Skipped without a Docker engine."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docker_engine import bridge_to, skip_without_engine, skip_without_image
from tests.image.containers import Containers
from tests.image.project_in_account import ProjectInAccount

from ministack_sagemaker.testing import fast_account

ROOT = Path(__file__).parents[2]
IMAGE = "ndr-processing:test"
PACKAGE_INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
# Two instances and other tests share this machine, so each Java process gets little memory.
SMALL = {"SPARK_WORKER_CORES": "1", "SPARK_EXECUTOR_MEMORY": "512m", "SPARK_DRIVER_MEMORY": "512m"}


@pytest.fixture(scope="session")
def image() -> str:
    """The image of spark_jobs/Dockerfile."""
    skip_without_engine("The Processing image")
    dockerfile = ROOT / "spark_jobs" / "Dockerfile"
    for base in re.findall(r"^ARG BASE_IMAGE=(\S+)", dockerfile.read_text(), re.MULTILINE):
        skip_without_image("The Processing image", base)
    arguments = [word for name in PACKAGE_INDEX if name in os.environ for word in ("--build-arg", name)]
    command = ["docker", "build", "--file", str(dockerfile), "--tag", IMAGE, *arguments, str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr[-4000:]
    return IMAGE


@pytest.fixture(scope="session")
def project(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectInAccount]:
    """An account of its own, because its pipelines have the names of those in other tests."""
    with fast_account(tmp_path_factory.mktemp("image_account")) as account:
        project = ProjectInAccount(account)
        project.set_up()
        yield project


@pytest.fixture(scope="session")
def containers(image: str, project: ProjectInAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    with bridge_to(project.account) as port:
        yield Containers(image, project.account, port, tmp_path_factory.mktemp("containers"), SMALL)
