"""The table of layouts in docs/scale.md."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any


def layout_table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a row for each layout, baseline and delay: medians over the rounds; then the ratios to the day layout."""
    runs: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for line in lines:
        if "horizon" in line:
            runs.setdefault((line["hosts"], line["layout"], line["horizon"], line["delay_ms"]), []).append(line)
    if not runs:
        return
    yield "| hosts | layout | baseline | delay | seconds | core seconds | LIST | HEAD | GET | peak MiB |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for (hosts, layout, horizon, delay), rounds in runs.items():
        seconds, cpu, peak = (
            median(each[name] for each in rounds) for name in ("job_seconds", "job_cpu_seconds", "peak_mib")
        )
        requests = " | ".join(f"{rounds[-1].get(kind, 0):,}" for kind in ("list", "head", "get"))
        times = f"{delay} ms | {seconds:.1f} | {cpu:.1f}"
        yield f"| {hosts:,} | {layout} | {horizon} | {times} | {requests} | {peak:,.0f} |"
    for line in lines:
        if "cpu_ratio" in line:
            yield (
                f"| {line['hosts']:,} | {line['layout']} / days | 30d | | | {line['cpu_ratio']:.2f} × "
                f"| | | {line['request_ratio']:.2f} × requests | |"
            )
