"""Run benchmarks: `python -m benchmarks all`, or one of them by name; HOSTS=1000 chooses a size.

Each prints one JSON line a measurement, ours and its rivals interleaved in one run, and last the ratio. The lines are
kept, as a list, in benchmarks/results/<bench>_<hosts>.json; fg_b's also become a plot of time and memory against
hosts, and the tables of docs/scale.md; plan's become the table of docs/lambdas.md, detection's the plot and the figures
of docs/detection.md, and identity's the table of docs/identity.md. A run that breaks off leaves the last whole one, and
its lines beside it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.detection.page import fill_page
from benchmarks.detection.plot import plot_detection
from benchmarks.identity.page import fill_identity_page
from benchmarks.plan_table import fill_plan_table
from benchmarks.plot import plot_fg_b
from benchmarks.scale_table import fill_tables

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"
BENCHES = (
    "deltas",
    "detection",
    "fg_a",
    "fg_a_files",
    "fg_b",
    "fg_b_backfill",
    "fg_b_job",
    "fg_b_releases",
    "fg_b_stages",
    "fg_c",
    "hostile_traffic",
    "identity",
    "lambda_import",
    "layout",
    "load",
    "mini_batch",
    "plan",
    "sources",
    "tables",
)
HOSTS = {
    "fg_b": ("300", "1000", "3000"),
    "fg_b_stages": ("1000",),
    **dict.fromkeys(("fg_b_backfill", "fg_b_job", "fg_b_releases", "fg_a_files", "layout"), ("300",)),
}


def runs(bench: str, hosts: str | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the script and the environment of each run that a name stands for."""
    if bench not in (*BENCHES, "all"):
        sys.exit(f"There is no benchmark {bench!r}; write BENCH=all or one of {', '.join(BENCHES)}.")
    for name in BENCHES if bench == "all" else [bench]:
        sizes = (hosts,) if hosts else HOSTS.get(name, ())
        yield from ((name, {"HOSTS": size}) for size in sizes)
        if not sizes:
            yield name, {}


def main() -> None:
    """Run what the command line names, print its lines as they come, and keep them."""
    bench = sys.argv[1] if len(sys.argv) > 1 else "all"
    RESULTS.mkdir(exist_ok=True)
    for name, environment in runs(bench, os.environ.get("HOSTS")):
        size = f"_{environment['HOSTS']}" if "HOSTS" in environment else ""
        _run(FOLDER / f"bench_{name}.py", environment, RESULTS / f"{name}{size}.json")
    plot_fg_b(RESULTS)
    fill_tables(RESULTS)
    fill_plan_table(RESULTS)
    plot_detection(RESULTS)
    fill_page(RESULTS)
    fill_identity_page(RESULTS)


def _run(script: Path, environment: dict[str, str], result: Path) -> None:
    beside = result.with_suffix(".partial.jsonl")
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env=os.environ | environment | {"PYTHONPATH": str(FOLDER.parent)},  # load deploys as the tests do
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with beside.open("w") as kept:
        for line in process.stdout:
            print(line, end="", flush=True)
            kept.write(line)
    if process.wait():
        sys.exit(f"{script.name} failed; what it measured before is in {beside}.")
    result.write_text("[\n" + ",\n".join(beside.read_text().splitlines()) + "\n]\n")
    beside.unlink()


if __name__ == "__main__":
    main()
