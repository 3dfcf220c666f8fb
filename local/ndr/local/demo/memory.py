"""Peak memory of this process and its descendants."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path


class PeakMemory:
    """Samples the proportional set size of a process tree every second, which counts shared pages once.

    `peak_bytes` is None on a system without /proc.
    """

    def __init__(self, interval_seconds: float = 1.0) -> None:
        self.peak_bytes: int | None = None
        self._interval = interval_seconds
        if Path("/proc/self/smaps_rollup").exists():
            threading.Thread(target=self._sample, name="memory", daemon=True).start()

    def _sample(self) -> None:
        while True:
            used = sum(_proportional_bytes(pid) for pid in process_tree(os.getpid()))
            self.peak_bytes = max(self.peak_bytes or 0, used)
            time.sleep(self._interval)


def process_tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The command's name, in parentheses, may contain spaces, so only the text after it is split.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    tree, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        tree.append(pid)
        waiting += children.get(pid, [])
    return tree


def _proportional_bytes(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # the process has ended, or belongs to another user
    return 0
