"""The directory that stands for `/opt/ml` on one host of a job."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from ministack_sagemaker.sagemaker_pipelines.job_failure import JobFailedError

CONTAINER_ROOT = PurePosixPath("/opt/ml")
ROOT_VARIABLE = "NDR_OPT_ML"
_CONTAINER_PATH = re.compile(r"(?:(?<=://)|(?<![\w.\-/]))/opt/ml(?![\w.\-])(?:/[^\s,:;'\"]*)?")


class OptMl:
    """One host's `/opt/ml`, somewhere else on this machine.

    Parameters
    ----------
    root
        The directory that stands for it; created with the folders that SageMaker provides.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inputs: dict[PurePosixPath, Path] = {}
        for name in ("config", "input", "output", "processing", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def add_input(self, local_path: str, content: Path) -> None:
        """Let a folder of the container show downloaded content.

        Raises
        ------
        JobFailedError
            `local_path` lies outside `/opt/ml`, or inside or around another input's.
        """
        path = PurePosixPath(local_path)
        if CONTAINER_ROOT not in path.parents:
            raise JobFailedError(f"ClientError: input path {local_path} is not below {CONTAINER_ROOT}.")
        for other in self._inputs:
            if other == path or other in path.parents or path in other.parents:
                raise JobFailedError(f"ClientError: input paths {local_path} and {other} overlap.")
        link = self.root / path.relative_to(CONTAINER_ROOT)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(content, target_is_directory=True)
        self._inputs[path] = content

    def path(self, container_path: str) -> Path:
        """Where on this machine a path of the container is.

        An input's path leads to its cached content rather than through this job's own root, because the path of a
        source file must not change from job to job for compiled code to be found again.
        """
        path = PurePosixPath(container_path)
        for local_path, content in self._inputs.items():
            if path == local_path or local_path in path.parents:
                return content / path.relative_to(local_path)
        return self.root / path.relative_to(CONTAINER_ROOT)

    def translate(self, text: str) -> str:
        """Rewrite every path under `/opt/ml` that an argument or a variable mentions."""
        return _CONTAINER_PATH.sub(lambda match: str(self.path(match[0])), text)

    def write_config(self, name: str, document: dict[str, Any]) -> None:
        """Write a file of `/opt/ml/config`."""
        (self.root / "config" / name).write_text(json.dumps(document, default=str))

    def message(self) -> str | None:
        """What the job left in `/opt/ml/output/message`, which SageMaker shows as its last words."""
        path = self.root / "output" / "message"
        return path.read_text(errors="replace").strip() if path.is_file() else None
