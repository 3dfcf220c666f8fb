"""A process that publishes a batch of deltas and is killed with SIGKILL at its n-th write.

Run as: publish_victim.py ROOT N. It prints nothing and leaves no time to clean up.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from job_chain import Project  # a script finds what lies beside it

from ndr.contract.time import DAY, Interval, parse_instant
from ndr.store import manifest, publish

DAY_ONE = Interval(parse_instant("2026-01-05"), parse_instant("2026-01-05") + DAY)


def main() -> None:
    """Publish day one of the project at ROOT, to die before write N."""
    root, last = Path(sys.argv[1]), int(sys.argv[2])
    writes = 0

    def mortal(write: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal writes
            writes += 1
            if writes == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments, **options)

        return counted

    pq.ParquetWriter = mortal(pq.ParquetWriter)
    manifest.put_bytes = mortal(manifest.put_bytes)
    manifest.replace_bytes = mortal(manifest.replace_bytes)
    publish.delete_folder = mortal(publish.delete_folder)
    Project(root).deltas(DAY_ONE)


if __name__ == "__main__":
    main()
