"""What this machine has of what the commands need or can use."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ministack_sagemaker.deploy import sam_path
from ministack_sagemaker.errors import AccountError
from ndr.contract.errors import NdrError
from ndr.local.check.finding import Finding, broken, ok, warning
from ndr.local.demo.machine import OLDEST_JAVA, has_docker, java_version
from ndr.local.deployment.create import find_template
from ndr.local.deployment.deployment import Deployment

OLDEST_PYTHON: Final = (3, 11)
DEMO_MEMORY_GIB: Final = 3.0
"""Memory that `ndr demo` with 35 days needs: its peak, 1.7 GiB, and room for the system."""
DEMO_DISK_GIB: Final = 2.0
_GIB: Final = 2**30
_PACKAGES: Final = ("ministack", "boto3", "pyarrow", "duckdb", "sagemaker")
_LOCAL: Final = ("127.0.0.1", "localhost")


def look(directory: Path) -> Iterator[Finding]:
    """Yield what is there and what is missing, each with what to do.

    Parameters
    ----------
    directory : Path
        Folder of the account on this machine.

    Yields
    ------
    Finding
        `broken` where no account can run here, `warning` where a part of the commands cannot.
    """
    yield _python()
    yield _packages()
    yield _sam()
    yield _java()
    yield _docker()
    yield _memory()
    yield from _disk(directory)
    yield _ports()
    yield from _proxy()
    yield _account(directory)


def _python() -> Finding:
    found = f"Python {sys.version.split()[0]}, {sys.executable}."
    if sys.version_info >= OLDEST_PYTHON:
        return ok("python", found)
    return broken("python", found, "Install Python 3.11 or newer, then: make PYTHON=python3.12 setup")


def _packages() -> Finding:
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        return broken("packages", f"Not installed: {', '.join(missing)}.", "make setup")
    return ok("packages", "The packages of the account and the jobs are installed.")


def _sam() -> Finding:
    try:
        template = find_template()
        return ok("sam", f"{sam_path(template.parent)} deploys {template}.")
    except (AccountError, NdrError) as error:
        return broken("sam", str(error), "make setup, in the project's folder")


def _java() -> Finding:
    version = java_version()
    install = f"For --engine spark: apt-get install openjdk-{OLDEST_JAVA}-jre-headless"
    if version is None:
        return warning("java", "`java -version` does not run: no Spark here, the local engine needs none.", install)
    if version < OLDEST_JAVA:
        return warning("java", f"Java {version}; Spark needs {OLDEST_JAVA} or newer.", install)
    return ok("java", f"Java {version}.")


def _docker() -> Finding:
    if has_docker():
        return ok("docker", "A Docker engine answers.")
    install = "To build the images for AWS, and for `sam local invoke`: install Docker, or start it"
    return warning("docker", "No Docker engine answers; the account on this machine needs none.", install)


def _memory() -> Finding:
    available = available_bytes(Path("/proc/meminfo"))
    if available is None:
        return ok("memory", "Not known on this system.")
    found = f"{available / _GIB:.1f} GiB are available."
    if available >= DEMO_MEMORY_GIB * _GIB:
        return ok("memory", found)
    return warning("memory", f"{found} The demo needs {DEMO_MEMORY_GIB:g}.", "Close programs, or: ndr demo --days 9")


def available_bytes(meminfo: Path) -> int | None:
    """Return the memory that programs can still take, in bytes; None where the system does not tell."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _disk(directory: Path) -> Iterator[Finding]:
    folder = existing(directory.resolve())
    if not folder.is_dir():
        yield broken("disk", f"{folder} is a file, and the account needs a folder.", "Name a folder with --directory")
        return
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        yield broken("disk", f"{folder} cannot be written: {error.strerror}.", "Name a folder with --directory")
        return
    found = f"{free / _GIB:.1f} GiB are free in {folder}."
    if free >= DEMO_DISK_GIB * _GIB:
        yield ok("disk", found)
    else:
        yield warning("disk", f"{found} The demo needs {DEMO_DISK_GIB:g}.", "Free some, or name a folder: --directory")


def existing(path: Path) -> Path:
    """Return the path, or the nearest one above that exists."""
    return next(each for each in (path, *path.parents) if os.path.lexists(each))


def _ports() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                return ok(
                    "ports", "Programs on this machine reach each other on 127.0.0.1; the account takes a free port."
                )
    except OSError as error:
        mend = "Allow connections to 127.0.0.1 in the firewall or the sandbox"
        return broken("ports", f"127.0.0.1 cannot be reached: {error.strerror or error}.", mend)


def _proxy() -> Iterator[Finding]:
    """Yield a warning where HTTP goes through a proxy that the account on this machine is not exempt from."""
    proxies = [name for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy") if os.environ.get(name)]
    exempt = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if proxies and not any(host in exempt or exempt == "*" for host in _LOCAL):
        found = f"{proxies[0]} sends calls of the account on this machine to a proxy."
        yield warning("proxy", found, "export NO_PROXY=127.0.0.1,localhost")


def _account(directory: Path) -> Finding:
    try:
        deployment = Deployment.load(directory)
    except (AccountError, NdrError, OSError) as error:
        return warning("account", str(error), "ndr up, or ndr demo")
    found = f"{deployment.account.endpoint_url} runs in {directory}, with {deployment.project_name} deployed."
    return ok("account", found)
