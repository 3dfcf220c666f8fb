"""Checks for optional software of this machine: Java and Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from ndr.contract.errors import InvalidRequestError

OLDEST_JAVA: Final = 17


def java_version() -> int | None:
    """Return the major version of the Java runtime that Spark would use, or None without a working one."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    if shutil.which(java) is None:
        return None
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr)  # Java 8 reports 1.8
    return int(found[1]) if found and said.returncode == 0 else None


def has_docker() -> bool:
    """Tell whether a Docker engine is running."""
    return _runs("docker", "info")


def check_engine(engine: str) -> None:
    """Check that an engine can run on this machine.

    Raises
    ------
    InvalidRequestError
        The engine is unknown, or it is spark and no recent Java is installed.
    """
    if engine not in ("local", "spark"):
        raise InvalidRequestError(f"The engine is {engine!r}: write local or spark.")
    if engine != "spark":
        return
    version = java_version()
    if version is None or version < OLDEST_JAVA:
        found = "`java -version` does not run here" if version is None else f"the one here is Java {version}"
        raise InvalidRequestError(
            f"The engine spark needs Java {OLDEST_JAVA} or newer, and {found}; install it (for instance "
            "apt-get install openjdk-17-jre-headless), or leave --engine out: the same kernels then run without Spark."
        )


def not_run(engine: str) -> list[str]:
    """Return a sentence for each part that this run does not cover, with the reason."""
    sentences = []
    if engine != "spark":
        why = "--engine spark does that" if java_version() else "there is no Java here"
        sentences.append(f"The spark engine: the same kernels ran on the local engine ({why}).")
    if not has_docker():
        sentences.append(
            "The container image of upsert_pipelines: no Docker answers here, so the function ran from the same files."
        )
    return sentences


def _runs(*command: str) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
