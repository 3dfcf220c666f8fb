"""BENCH=tables: a year of 15-minute commits to one Iceberg table; COMMITS=35040 SHARE=96 for others.

Each line is the mean of SHARE registrations, of the first and of the last ones; the ratios compare these. The table is
once compacted daily, as in production, and once never.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import without_pandas as without_pandas
from tables_year import Cost, register_slices

LIMIT = 3.0


def main() -> int:
    commits, share = int(os.environ.get("COMMITS", "35040")), int(os.environ.get("SHARE", "96"))
    within = True
    for is_compacted in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            costs = list(register_slices(Path(folder), commits, is_compacted))
        first, last = costs[:share], costs[-share:]
        for name, part in (("first", first), ("last", last)):
            print(json.dumps({**_line(commits, is_compacted), "commits_of": name, **_mean(part)}), flush=True)
        ratios = {f"{name}_ratio": round(value / _mean(first)[name], 2) for name, value in _mean(last).items()}
        within &= all(ratio <= LIMIT for ratio in ratios.values())
        print(json.dumps({**_line(commits, is_compacted), **ratios, "limit": LIMIT}), flush=True)
    return int(not within)


def _line(commits: int, is_compacted: bool) -> dict[str, object]:
    return {"bench": "tables", "commits": commits, "compacted_daily": is_compacted}


def _mean(costs: Sequence[Cost]) -> dict[str, float]:
    names = ("requests", "bytes", "cpu_seconds")
    return {name: round(sum(getattr(cost, name) for cost in costs) / len(costs), 4) for name in names}


if __name__ == "__main__":
    raise SystemExit(main())
