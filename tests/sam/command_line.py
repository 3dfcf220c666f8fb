"""Commands in a folder, with the credentials of an account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ministack_sagemaker.deploy import sam_path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class CommandLine:
    """A folder, and the environment of the commands in it."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, words: Sequence[str], check: bool = False, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of SAM to its end."""
        assert words[0] == "sam"
        settings = {"SAM_CLI_TELEMETRY": "0", "PYTHON": sys.executable}
        ran = subprocess.run(
            [str(sam_path(ROOT)), *words[1:]],
            cwd=self.folder,
            env={**os.environ, **self.environment, **settings},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
        assert not check or ran.returncode == 0, ran.stderr
        return ran

    def answer(self, words: Sequence[str], stdin: str = "") -> Any:
        """Run a command that invokes a function, and read the JSON that it prints."""
        ran = self.run(words, stdin=stdin)
        assert ran.returncode == 0, ran.stderr
        try:
            return json.loads(ran.stdout)
        except ValueError:
            raise AssertionError(f"{words} printed {ran.stdout!r}, {ran.stderr[-4000:]!r}") from None
