"""Simulate some days and compare: `python -m tests.fortnight --days 14 --seed 1`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fortnight.comparison import summary
from tests.fortnight.run import simulate


def main() -> None:
    """Print what happens, what differs, and the outcome as the last line; exit with 1 where something differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.fortnight", description=__doc__)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--hours", type=int, help="instead of days")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder that is kept, with the account's files")
    options = parser.parse_args()
    started = time.monotonic()

    def tell(line: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {line}", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        outcome = simulate(folder, options.hours or 24 * options.days, options.seed, tell)
    for line in outcome.failed:
        tell(f"failed: {line}")
    for stack, found in outcome.differences.items():
        for line in summary(found):
            tell(f"{stack}: {line}")
    for stack, told in outcome.events.items():
        tell(f"{stack}: {told}")
    print(outcome)
    is_right = not any(outcome.differences.values()) and all(told.is_right for told in outcome.events.values())
    sys.exit(0 if is_right else 1)


if __name__ == "__main__":
    main()
