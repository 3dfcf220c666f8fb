"""The compilation of the jobs' functions before the first job needs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ndr.pipeline.bundle.code import CodeBundle


def compile_ahead(cache: Path) -> subprocess.Popen[bytes]:
    """Start to compile the functions of the jobs into the folder in which the jobs of an account look for them."""
    version = CodeBundle.of_installed_packages().digest
    return subprocess.Popen(
        [sys.executable, "-m", "ndr.jobs.compiled"],
        env={**os.environ, "NDR_CODE_VERSION": version, "NUMBA_CACHE_DIR": str(cache)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # a job that finds nothing compiles, and says what fails
        start_new_session=True,  # it may outlive the command
    )
