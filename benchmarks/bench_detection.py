"""How high injected attacks rank in generated networks, and how many clean host-days are flagged.

    NETWORKS=20 python benchmarks/bench_detection.py

Network n of the attacked ones is that of seed n; every CLEAN_EVERY-th is also built without attacks. Networks run in
processes of their own, as many at a time as there are processors. JSON lines as benchmarks.detection.evaluate yields
them, and last one for each kind and ranking. docs/detection.md has the definitions.

The lines of each network are kept below build/detection, by what the code says: a run that was broken off, or that is
to have more networks, goes on where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.detection.evaluate import evaluate
from benchmarks.detection.kept import kept_lines
from benchmarks.detection.network import Size, build
from benchmarks.detection.summary import summary
from ndr.local.traffic.attacks.choose import GROWTH_DAYS

CLEAN_EVERY = 4


def one(seed: int, attacks: str) -> None:
    """Build one network and print its lines."""
    # Only clean networks are asked for p values, which need scored days before the evaluated ones.
    size = Size() if attacks == "none" else Size(scored=GROWTH_DAYS)
    with tempfile.TemporaryDirectory() as scratch:
        for line in evaluate(build(Path(scratch), seed, attacks, size)):
            print(json.dumps({"bench": "detection"} | line), flush=True)


def run(network: tuple[int, str]) -> list[str]:
    """Return the lines of a network, which is run where they are not kept."""
    return kept_lines(f"{network[0]}-{network[1]}", lambda: _run(network))


def _run(network: tuple[int, str]) -> list[str]:
    """Run one network as a process of its own; return its lines."""
    command = [sys.executable, __file__, str(network[0]), network[1]]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(f"Network {network} failed:\n{ran.stderr[-3000:]}")
    return [line for line in ran.stdout.splitlines() if line.startswith('{"bench"')]  # the jobs log there, too


def main() -> None:
    count = int(os.environ.get("NETWORKS", "20"))
    networks = [
        (seed, attacks)
        for seed in range(1, count + 1)
        for attacks in (("all", "none") if seed % CLEAN_EVERY == 1 else ("all",))
    ]
    lines = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for printed in pool.map(run, networks):
            for line in printed:
                print(line, flush=True)
                lines.append(json.loads(line))
    for line in summary(lines):
        print(json.dumps({"bench": "detection", "summary": True} | line), flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        one(int(sys.argv[1]), sys.argv[2])
    else:
        main()
