"""The README's example is run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_example_runs_and_leaves_no_server(tmp_path: Path) -> None:
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL) if "up(" in block
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", example]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    buckets, endpoint = ran.stdout.splitlines()
    assert buckets == "['example']"
    assert endpoint.startswith("http://127.0.0.1:")
    assert not (tmp_path / "account" / "account.json").exists()
