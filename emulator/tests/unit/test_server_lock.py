"""The lock of a directory: held by one process, until that process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ministack_sagemaker import lifecycle, server_lock
from ministack_sagemaker.errors import AccountError

HOLD = (
    "import sys; from pathlib import Path; from ministack_sagemaker.server_lock import hold\n"
    "print(hold(Path(sys.argv[1])), flush=True); sys.stdin.read()"
)


@contextmanager
def process_that_holds(directory: Path) -> Iterator[tuple[int, bool]]:
    """Start a process that tries to take the lock; give its id and whether it holds the lock."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline() == "True\n"
        process.kill()


def test_the_holder_is_known_until_it_is_killed(tmp_path: Path) -> None:
    assert server_lock.holder(tmp_path) is None
    with process_that_holds(tmp_path) as (pid, held):
        assert held
        assert server_lock.holder(tmp_path) == pid
        assert server_lock.holder(tmp_path) == pid  # the question does not release it
        with process_that_holds(tmp_path) as (_, held_twice):
            assert not held_twice
        assert server_lock.holder(tmp_path) == pid
    assert server_lock.holder(tmp_path) is None


@pytest.mark.parametrize("pid", [0, -1])
def test_a_process_of_another_container_gets_no_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: int
) -> None:
    monkeypatch.setattr(lifecycle, "holder", lambda directory: pid)
    monkeypatch.setattr(os, "kill", lambda *arguments: pytest.fail(f"kill{arguments}"))
    with pytest.raises(AccountError, match="runs in another container. Stop it there."):
        lifecycle.down(tmp_path)
