"""The job sources under one content-addressed S3 prefix: same sources, same prefix, same pipeline definition."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

# The packages that a job imports. They are located but not imported: the definitions need none of their libraries.
JOB_PACKAGES = (
    "ndr.contract",
    "ndr.net",
    "ndr.store",
    "ndr.read",
    "ndr.tables",
    "ndr.sources",
    "ndr.spark",
    "ndr.findings",
    "ndr.report",
    "ndr.jobs",
)
ENTRY_SCRIPT_PACKAGE = "ndr.jobs"
# Uploaded last. A prefix without it is an incomplete upload, which is repeated.
COMPLETE_MARKER = "_SUCCESS"


@dataclass(frozen=True)
class CodeBundle:
    """The files a Processing job runs from.

    Attributes
    ----------
    files : mapping of str to bytes
        Path inside the bundle (POSIX, relative) to content. Entry scripts ``run_*.py`` and the packages are at the top
        level, so that ``import ndr.jobs`` works from the script's own folder with nothing installed.
    """

    files: Mapping[str, bytes]

    @classmethod
    def of_installed_packages(cls) -> CodeBundle:
        """Collect the job packages from the import path.

        Raises
        ------
        ModuleNotFoundError
            A job package is not on the import path.
        """
        return cls.of_folders({package: package_folder(package) for package in JOB_PACKAGES})

    @classmethod
    def of_folders(cls, folders: Mapping[str, Path]) -> CodeBundle:
        """Collect packages from given folders.

        Parameters
        ----------
        folders : mapping of str to Path
            Dotted package name to its folder.
        """
        files: dict[str, bytes] = {}
        for package, folder in folders.items():
            for path in source_files(folder):
                inside = path.relative_to(folder).as_posix()
                files[f"{package.replace('.', '/')}/{inside}"] = path.read_bytes()
                if package == ENTRY_SCRIPT_PACKAGE and is_entry_script(inside):
                    files[inside] = path.read_bytes()
        return cls(files)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the sorted relative paths and contents."""
        whole = hashlib.sha256()
        for path in sorted(self.files):
            whole.update(f"{hashlib.sha256(self.files[path]).hexdigest()}  {path}\n".encode())
        return whole.hexdigest()

    def prefix(self, bucket: str) -> str:
        """Return the bundle's S3 URI in a bucket, ending in a slash."""
        return f"s3://{bucket}/{self._key('')}"

    def script_uri(self, bucket: str, script: str) -> str:
        """Return the S3 URI of an entry script.

        Raises
        ------
        FileNotFoundError
            The bundle has no such script. The message names the scripts it has.
        """
        if script not in self.files:
            present = ", ".join(sorted(path for path in self.files if is_entry_script(path))) or "none"
            raise FileNotFoundError(
                f"The package {ENTRY_SCRIPT_PACKAGE} has no entry script {script}, so no pipeline step can run it. "
                f"Entry scripts found: {present}."
            )
        return f"{self.prefix(bucket)}{script}"

    def upload(self, s3: Any, bucket: str) -> bool:
        """Upload the bundle to its prefix, unless it is complete there.

        Parameters
        ----------
        s3 : boto3 S3 client
        bucket : str
            Bucket name.

        Returns
        -------
        bool
            True when files were uploaded, False when a complete upload was found.
        """
        if self._is_uploaded(s3, bucket):
            return False
        for path in sorted(self.files):
            s3.put_object(Bucket=bucket, Key=self._key(path), Body=self.files[path])
        s3.put_object(Bucket=bucket, Key=self._key(COMPLETE_MARKER), Body=b"")
        return True

    def _is_uploaded(self, s3: Any, bucket: str) -> bool:
        try:
            s3.head_object(Bucket=bucket, Key=self._key(COMPLETE_MARKER))
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise
        return True

    def _key(self, path: str) -> str:
        return f"code/{self.digest}/{path}"


def package_folder(package: str) -> Path:
    """Return the folder of a package without importing it.

    Raises
    ------
    ModuleNotFoundError
        The package is not on the import path.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"The package {package} is not on the import path, and the pipelines' jobs run from its sources. "
            "Install this project whole (pip install -e .), or put its folder on PYTHONPATH."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a package except caches, hidden files and tests."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        unwanted = any(part.startswith(".") or part in {"__pycache__", "tests"} for part in parts)
        if path.is_file() and not unwanted and path.suffix != ".pyc":
            yield path


def is_entry_script(path: str) -> bool:
    """Tell whether a path inside the bundle or its package is a top-level entry script."""
    return "/" not in path and path.startswith("run_") and path.endswith(".py")
