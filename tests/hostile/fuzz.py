"""The parsers' properties under atheris: examples chosen by the code that they reach.

`python -m tests.hostile.fuzz` runs every parser in a process of its own, two at a time. Printed are the seeds and
what was tried; the last line has the sums, and the exit code is 1 when anything ended in other than success or a named
error, or fewer cases than asked for were tried in the time there is.

A case is an input that hypothesis could make of the bytes that atheris gave; the others are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

# Shares of the cases, by what a case costs and how much there is to get wrong.
SHARES: Final = {
    "baselines_requests": 16,
    "mini_batch_requests": 10,
    "job_arguments": 10,
    "jobspecs": 14,
    "integration_json": 12,
    "integration_parquet": 4,
    "zeek_logs": 6,
    "pan_os_logs": 6,
    "vpc_flow_logs": 5,
    "json_sources": 6,
    "recognised_logs": 3,
    "sql_fragments": 12,
    "resourceconfig": 4,
    "manifests": 6,
    "partition_names": 4,
}
SEED_BYTES: Final = 2048
SEEDS: Final = 64


def main() -> None:
    """Divide the cases among the parsers, run them and say what came of it."""
    options = _options()
    if options.parser:
        fuzz(options.parser, options.cases, options.seed, options.seconds, Path(options.result))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.processes) as pool:
        tried = list(pool.map(lambda name: _run(name, options, Path(folder)), SHARES))
    cases, bad = sum(each["cases"] for each in tried), sum(each["bad"] for each in tried)
    print(
        f"{cases:,} cases of {len(tried)} parsers in {time.monotonic() - began:.0f} s, seed {options.seed}: "
        f"{bad} ended other than in success or a named error"
    )
    sys.exit(bad > 0 or cases < options.cases)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    parser.add_argument("--seconds", type=int, default=600, help="at most, for one parser")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--parser", choices=list(SHARES), help="this one only, in this process")
    parser.add_argument("--result", help="where a single parser's counts are written")
    return parser.parse_args()


def _run(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    result = folder / f"{name}.json"
    cases = -(-options.cases * SHARES[name] // sum(SHARES.values()))
    command = [sys.executable, "-m", "tests.hostile.fuzz", "--parser", name, "--cases", str(cases)]
    command += ["--seed", str(options.seed), "--seconds", str(options.seconds), "--result", str(result)]
    process = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if not result.exists():  # the interpreter itself went down
        result.write_text(json.dumps({"cases": 0, "bad": 1, "said": process.stderr[-3000:]}))
    tried = json.loads(result.read_text())
    print(f"  {name:20} seed {options.seed}  {tried['cases']:>7,} cases  {tried['bad']} bad", flush=True)
    if tried["bad"]:
        print(tried["said"], flush=True)
    return tried


def fuzz(name: str, cases: int, seed: int, seconds: int, result: Path) -> None:
    """Give one parser inputs until there were `cases`, the time is over, or one ends badly; leave the process."""
    import atheris  # in an environment of its own: no test needs it

    with atheris.instrument_imports(include=["ndr"]):
        from tests.hostile.parsers import PARSERS
    from hypothesis import HealthCheck, settings

    parser: Any = settings(database=None, suppress_health_check=list(HealthCheck))(PARSERS[name])
    tried, end = 0, time.monotonic() + seconds

    def leave(bad: int, said: str = "") -> None:
        result.write_text(json.dumps({"cases": tried, "bad": bad, "said": said}))
        sys.stdout.flush()
        os._exit(bad)

    def one(content: bytes) -> None:
        nonlocal tried
        try:
            tried += parser.hypothesis.fuzz_one_input(content) is not None
        except Exception:
            leave(1, traceback.format_exc()[-4000:])
        if tried >= cases or time.monotonic() > end:
            leave(0)

    with tempfile.TemporaryDirectory() as corpus:
        rng = random.Random(f"{seed} {name}")
        for number in range(SEEDS):
            Path(corpus, str(number)).write_bytes(rng.randbytes(SEED_BYTES))
        atheris.Setup([sys.argv[0], corpus, f"-seed={seed}", f"-max_len={SEED_BYTES * 2}", "-len_control=0"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
