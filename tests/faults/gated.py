"""Runs a job's script and holds it at gates: `python gated.py <folder> <script> <argument>...`.

A gate is a file `<name>.closed` in the folder: who comes to it leaves `<name>.reached` and waits until it is gone.
`started` stands before every script, and one of a script's own name before that script; `claimed` behind the claim of a
baseline; `unloading` before Redshift is asked to unload.
"""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path
from typing import Any

LONGEST_SECONDS = 300.0


def pass_gate(folder: Path, name: str) -> None:
    """Wait at a gate while it is closed, or as long as a test may take."""
    closed, until = folder / f"{name}.closed", time.monotonic() + LONGEST_SECONDS
    if closed.exists():
        (folder / f"{name}.reached").touch()
    while closed.exists() and time.monotonic() < until:
        time.sleep(0.02)


def main() -> None:
    """Run the script as if it had been called itself."""
    folder, script, *arguments = sys.argv[1:]
    sys.argv, sys.path[0] = [script, *arguments], str(Path(script).parent)
    _put_gates(Path(folder))
    for gate in ("started", Path(script).stem):
        pass_gate(Path(folder), gate)
    runpy.run_path(script, run_name="__main__")


def _put_gates(folder: Path) -> None:
    from ndr.jobs.inventory.redshift_data import Statements
    from ndr.jobs.leases import Leases

    claim, execute = Leases.claim, Statements.execute

    def gated_claim(leases: Leases, target: Any) -> Any:
        held = claim(leases, target)
        if held is None:
            pass_gate(folder, "claimed")
        return held

    def gated_execute(statements: Statements, sql: str, purpose: str) -> str:
        if sql.startswith("UNLOAD"):
            pass_gate(folder, "unloading")
        return execute(statements, sql, purpose)

    Leases.claim, Statements.execute = gated_claim, gated_execute  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
