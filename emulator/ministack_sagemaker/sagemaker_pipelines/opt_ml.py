"""The directory that replaces `/opt/ml` for one instance of a job."""

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
    """The `/opt/ml` of one instance, in another directory of this machine.

    Parameters
    ----------
    root
        The directory; created with the folders that SageMaker provides.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inputs: dict[PurePosixPath, Path] = {}
        for name in ("config", "input", "output", "processing", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def add_input(self, local_path: str, content: Path) -> None:
        """Link a folder of the container to downloaded content.

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
        """Return the path on this machine of a path in the container.

        An input's path leads to its cached content rather than through this job's own root, because the path of a
        source file must not change from job to job for compiled code to be found again.
        """
        path = PurePosixPath(container_path)
        for local_path, content in self._inputs.items():
            if path == local_path or local_path in path.parents:
                return content / path.relative_to(local_path)
        return self.root / path.relative_to(CONTAINER_ROOT)

    def translate(self, text: str) -> str:
        """Replace each path below `/opt/ml` in an argument or a variable."""
        return _CONTAINER_PATH.sub(lambda match: str(self.path(match[0])), text)

    def write_config(self, name: str, document: dict[str, Any]) -> None:
        """Write a file of `/opt/ml/config`."""
        (self.root / "config" / name).write_text(json.dumps(document, default=str))

    def message(self) -> str | None:
        """Return the content of `/opt/ml/output/message`, which SageMaker shows as the exit message."""
        path = self.root / "output" / "message"
        return path.read_text(errors="replace").strip() if path.is_file() else None
