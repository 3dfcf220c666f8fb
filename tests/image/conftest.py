"""The Processing images, and an account for their containers. Skipped without a Docker engine."""

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
TARGETS = ("local", "spark")
PACKAGE_INDEX = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
# Two instances and other tests share this machine, so each Java process gets little memory.
SMALL = {"SPARK_WORKER_CORES": "1", "SPARK_EXECUTOR_MEMORY": "512m", "SPARK_DRIVER_MEMORY": "512m"}


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """The image of each target of spark_jobs/Dockerfile."""
    skip_without_engine("The Processing image")
    dockerfile = ROOT / "spark_jobs" / "Dockerfile"
    # By its tag: a stand-in that was built here has no digest.
    (base,) = re.findall(r"^ARG BASE_IMAGE=([^@\s]+)", dockerfile.read_text(), re.MULTILINE)
    skip_without_image("The Processing image", base)
    arguments = [word for name in PACKAGE_INDEX if name in os.environ for word in ("--build-arg", name)]
    arguments += ["--build-arg", f"BASE_IMAGE={base}"]
    built = {target: f"ndr-processing:test-{target}" for target in TARGETS}
    for target, image in built.items():
        command = ["docker", "build", "--file", str(dockerfile), "--target", target, "--tag", image, *arguments]
        ran = subprocess.run([*command, str(ROOT)], capture_output=True, text=True, timeout=1800, check=False)
        assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    return built


@pytest.fixture(scope="session")
def project(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectInAccount]:
    """An account of its own, because its pipelines have the names of those in other tests."""
    with fast_account(tmp_path_factory.mktemp("image_account")) as account:
        project = ProjectInAccount(account)
        project.set_up()
        yield project


@pytest.fixture(scope="session")
def containers(
    images: dict[str, str], project: ProjectInAccount, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Containers]:
    by_tag = {"latest": images["local"], "spark": images["spark"]}
    with bridge_to(project.account) as port:
        yield Containers(by_tag, project.account, port, tmp_path_factory.mktemp("containers"), SMALL)
