"""The Docker engine of this machine, and the way by which its containers reach an account."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ministack_sagemaker.lifecycle import Account

FORWARD = Path(__file__).parent / "sam" / "forward.py"


def succeeds(*command: str) -> bool:
    """Whether a command ends with 0."""
    return subprocess.run(command, capture_output=True, timeout=600, check=False).returncode == 0


def skip_without_engine(what: str) -> None:
    """Skip what needs an engine where there is none."""
    if shutil.which("docker") is None:
        pytest.skip(f"{what} needs Docker, and there is no docker command; .ci/docker installs it on Debian")
    if not succeeds("docker", "info"):
        pytest.skip(f"{what} needs a Docker engine, and none answers `docker info`; .ci/docker starts one")


def skip_without_image(what: str, image: str) -> None:
    """Skip what needs an image where it is neither here nor can be pulled."""
    if not succeeds("docker", "image", "inspect", image) and not succeeds("docker", "pull", image):
        pytest.skip(f"{what} needs {image}, which can't be pulled here; .ci/docker builds a stand-in")


@contextmanager
def bridge_to(account: Account) -> Iterator[int]:
    """The port at which containers reach the account as host.docker.internal while this context lasts."""
    target = account.endpoint_url.removeprefix("http://")
    if sys.platform != "linux":  # there Docker's own virtual machine leads host.docker.internal to the loopback address
        yield int(target.rpartition(":")[2])
        return
    listen = _free_bridge_address()
    with subprocess.Popen([sys.executable, str(FORWARD), listen, target], stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout is not None
        assert forward.stdout.readline() == "forwarding\n"
        try:
            yield int(listen.rpartition(":")[2])
        finally:
            forward.terminate()


def _free_bridge_address() -> str:
    query = "{{(index .IPAM.Config 0).Gateway}}"
    inspect = ["docker", "network", "inspect", "bridge", "--format", query]
    gateway = subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.strip()
    with socket.socket() as probe:
        probe.bind((gateway, 0))
        return f"{gateway}:{probe.getsockname()[1]}"
