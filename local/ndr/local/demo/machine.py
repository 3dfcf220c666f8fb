"""What this machine has that the demo could use."""

from __future__ import annotations

import shutil
import subprocess

from ndr.contract.errors import InvalidRequestError


def has_java() -> bool:
    """Tell whether a Java runtime starts."""
    return _runs("java", "-version")


def has_docker() -> bool:
    """Tell whether a Docker engine answers."""
    return _runs("docker", "info")


def check_engine(engine: str) -> None:
    """Check that an engine can run here.

    Raises
    ------
    InvalidRequestError
        It is none, or it is spark and there is no Java.
    """
    if engine not in ("local", "spark"):
        raise InvalidRequestError(f"The engine is {engine!r}: write local or spark.")
    if engine == "spark" and not has_java():
        raise InvalidRequestError(
            "The engine spark needs Java 17 or newer, and `java -version` does not run here; install it (for instance "
            "apt-get install openjdk-17-jre-headless), or leave --engine out: the same kernels then run without Spark."
        )


def not_run(engine: str) -> list[str]:
    """Return a sentence for each part that this run left out, and why."""
    sentences = []
    if engine != "spark":
        why = "--engine spark does that" if has_java() else "there is no Java here"
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
