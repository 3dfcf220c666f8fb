"""Fill the tables of docs/scale.md from benchmarks/results: python -m benchmarks.scale_table

The doc keeps the words, the results keep the figures; between `<!-- name -->` and `<!-- /name -->` the doc is written
anew each time, so that no figure in it is typed by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.layout_table import layout_table

FOLDER = Path(__file__).parent
DOC = FOLDER.parent / "docs" / "scale.md"

HOSTS = 100_000
ROWS_A_HOST = 30 * 96
INSTANCE, VCPUS, GIBIBYTES, DOLLARS_AN_HOUR = "ml.m5.4xlarge", 16, 64, 0.922
EFFICIENCY = 0.6  # of a core, with all others of its instance at work and rows shuffled between instances
START_MINUTES = 5  # billed before the first row is read
LONGEST_MINUTES = 60  # instances are added until a nightly or weekly run takes less, a year's backfill a day
Lines = list[dict[str, Any]]


def fill_tables(results: Path = FOLDER / "results", doc: Path = DOC) -> None:
    """Write every table whose results are kept; the others stay as they are."""
    measured = {path.stem: json.loads(path.read_text()) for path in sorted(results.glob("*.json"))}
    curve = sorted(
        (line for name, lines in measured.items() if re.fullmatch(r"fg_b_\d+", name) for line in lines),
        key=lambda line: line["hosts"],
    )
    backfills = [
        line
        for name, lines in measured.items()
        if name.startswith(("fg_b_backfill", "fg_b_job"))
        for line in lines
        if "engine" in line
    ]
    layouts = [line for name, lines in measured.items() if re.fullmatch(r"layout_\d+", name) for line in lines]
    text = doc.read_text()
    for name, rows in (
        ("curve", curve_table(curve)),
        ("stages", stages_table(measured.get("fg_b_stages_1000", []))),
        ("fg_a_files", fg_a_files_table(measured.get("fg_a_files_300", []))),
        ("fg_c", fg_c_table(measured.get("fg_c", []))),
        ("backfill", backfill_table(backfills)),
        ("layout", layout_table(layouts)),
        ("projection", projection_table(curve, backfills, layouts)),
        ("hostile", hostile_table(measured.get("hostile_traffic", []))),
    ):
        table = "\n".join(rows)
        if table:
            mark = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
            text = mark.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
    doc.write_text(text)


def hostile_table(lines: Lines) -> list[str]:
    """Return the costs of each case and job, and the ratios of out-of-batch rows to the same rows in their batch."""
    if not lines:
        return []
    rows = [
        f"| {line['case']} | {line['size']:,} | {line['job']} | {line['cpu_seconds']:.1f} | {line['peak_mib']:,.0f} |"
        for line in lines
        if "case" in line
    ]
    ratios = [
        f"| {name} / the same rows in their batch | | | | {ratio:.2f} × |"
        for line in lines
        for name, ratio in line.get("ratio", {}).items()
    ]
    return ["| case | size | job | core seconds | peak MiB |", "|---|---|---|---|---|", *rows, *ratios]


def medians(lines: Lines, engine: str, figure: str) -> dict[int, float]:
    """Return the median over the rounds, by hosts."""
    by_hosts: dict[int, list[float]] = {}
    for line in lines:
        if line.get("engine") == engine and figure in line:
            by_hosts.setdefault(line["hosts"], []).append(line[figure])
    return {hosts: median(values) for hosts, values in by_hosts.items()}


def curve_table(lines: Lines) -> Iterator[str]:
    """Yield a row for each size and engine: medians of wall time, processor time and peak memory."""
    if not lines:
        return
    yield "| hosts | rows | engine | seconds | core seconds | peak MiB |"
    yield "|---|---|---|---|---|---|"
    for hosts in sorted({line["hosts"] for line in lines}):
        for engine in dict.fromkeys(line["engine"] for line in lines if "seconds" in line and line["hosts"] == hosts):
            seconds, cpu, peak = (
                medians(lines, engine, name)[hosts] for name in ("seconds", "cpu_seconds", "peak_mib")
            )
            yield f"| {hosts:,} | {hosts * ROWS_A_HOST:,} | {engine} | {seconds:.1f} | {cpu:.1f} | {peak:,.0f} |"
    for line in lines:
        if "ratio_to_best_rival" in line:
            core = f"{line['cpu_ratio_to_best_rival']:.1f} ×" if "cpu_ratio_to_best_rival" in line else ""
            yield f"| {line['hosts']:,} | | best rival / ours | {line['ratio_to_best_rival']:.1f} × | {core} | |"
        if "cpu_ratio_to_floor" in line:
            shares = f"{line['ratio_to_floor']:.1f} × | {line['cpu_ratio_to_floor']:.1f} ×"
            yield f"| {line['hosts']:,} | | ours / floor | {shares} | |"


def stages_table(lines: Lines) -> Iterator[str]:
    """Yield a row for each stage of FG-B, and one for all of them."""
    if not lines:
        return
    hosts, whole = lines[0]["hosts"], sum(line["cpu_seconds"] for line in lines)
    yield f"| {hosts:,} hosts, one thread | core seconds | share |"
    yield "|---|---|---|"
    for line in lines:
        yield f"| {line['stage']} | {line['cpu_seconds']:.2f} | {line['cpu_seconds'] / whole:.0%} |"
    yield f"| all | {whole:.2f} | |"


def fg_a_files_table(lines: Lines) -> Iterator[str]:
    """Yield a row for each engine of FG-A: medians of wall time, processor time and peak memory."""
    if not lines:
        return
    yield "| hosts | engine | seconds | core seconds | peak MiB |"
    yield "|---|---|---|---|---|"
    for engine in dict.fromkeys(line["engine"] for line in lines if "engine" in line):
        ((hosts, seconds),) = medians(lines, engine, "seconds").items()
        cpu, peak = (medians(lines, engine, name)[hosts] for name in ("cpu_seconds", "peak_mib"))
        yield f"| {hosts:,} | {engine} | {seconds:.1f} | {cpu:.1f} | {peak:,.0f} |"
    for line in lines:
        if "ratio_to_rival" in line:
            ratios = f"{line['ratio_to_rival']:.1f} × | {line['cpu_ratio_to_rival']:.1f} ×"
            yield f"| {line['hosts']:,} | duckdb / ours | {ratios} | |"


def fg_c_table(lines: Lines) -> Iterator[str]:
    """Yield a row for each engine of FG-C: medians of wall time and processor time; then ours as a share of each."""
    if not lines:
        return
    yield "| FG-A rows | engine | rows made | seconds | core seconds |"
    yield "|---|---|---|---|---|"
    for engine in dict.fromkeys(line["engine"] for line in lines if "engine" in line):
        of = [line for line in lines if line.get("engine") == engine]
        seconds, core = (median(line[name] for line in of) for name in ("seconds", "cpu_seconds"))
        yield f"| {of[0]['fg_a_rows']:,} | {engine} | {of[0]['rows_made']:,} | {seconds:.1f} | {core:.1f} |"
    for line in lines:
        if "rival" in line:
            yield f"| | ours / {line['rival']} | | {line['ratio']:.2f} × | {line['cpu_ratio']:.2f} × |"


def backfill_table(lines: Lines) -> Iterator[str]:
    """Yield a row for each backfill and the REGULAR runs beside it."""
    if not lines:
        return
    yield "| measured | hosts | run | seconds | core seconds | share of REGULAR (wall) | share (core) | peak MiB |"
    yield "|---|---|---|---|---|---|---|---|"
    for line in lines:
        what = "kernel" if line["bench"] == "fg_b_backfill" else "whole job"
        wall, core = (
            line.get(name, line.get(f"{figure}_share_of_regular"))
            for name, figure in (("share_of_regular", "seconds"), ("cpu_share_of_regular", "cpu_seconds"))
        )
        yield (
            f"| {what} | {line['hosts']:,} | {line['engine']} | {line['seconds']:.1f} | {line['cpu_seconds']:.1f} "
            f"| {wall:.3f} | {core:.3f} | {line['peak_mib']:,.0f} |"
        )


def slope(by_hosts: dict[int, float]) -> float:
    """Return what a further host costs, between the smallest and the largest size."""
    least, most = min(by_hosts), max(by_hosts)
    return (by_hosts[most] - by_hosts[least]) / (most - least)


def projection_table(curve: Lines, backfills: Lines, layouts: Lines) -> Iterator[str]:
    """Yield what HOSTS hosts need: core seconds and memory by the slope of the curve, then instances and dollars.

    Core seconds are those of the production layout: the curve is measured on days, and multiplied by the ratio.
    """
    ratios = [each["cpu_ratio"] for each in layouts if each["layout"] == "production" and "cpu_ratio" in each]
    of_production = max(ratios, default=1.0)
    cpu, peak = (medians(curve, "ours", name) for name in ("cpu_seconds", "peak_mib"))
    shares = [
        line["job_cpu_seconds_share_of_regular"]
        for line in backfills
        if line["bench"] == "fg_b_job" and line["engine"] == "backfill"
    ]
    if len(cpu) < 2 or not shares:
        return
    month = slope(cpu) * HOSTS * of_production
    memory = slope(peak) * HOSTS / 1024
    week = month * 7 / 30
    runs = (
        ("nightly 7d", week, memory * 7 / 30, LONGEST_MINUTES),
        ("weekly 30d", month, memory, LONGEST_MINUTES),
        ("a year's backfill, both horizons", shares[-1] * 365 * (week + month), 2 * memory, 24 * 60),
    )
    yield f"| run | rows | core seconds | GiB held | {INSTANCE} | minutes | dollars |"
    yield "|---|---|---|---|---|---|---|"
    for kinds, factor in (("one role, 15m window, 20 metrics", 1.0), ("both roles, 5 windows, 52 metrics", 26.0)):
        yield f"| **{kinds}** | | | | | | |"
        for name, core_seconds, gibibytes, longest in runs:
            days = 7 if "7d" in name else 30 if "30d" in name else 395
            rows = HOSTS * 96 * days * (10 if factor > 1 else 1)
            yield _run_row(name, rows, core_seconds * factor, gibibytes * (10 if factor > 1 else 1), longest)


def _run_row(name: str, rows: int, core_seconds: float, gibibytes: float, longest: float) -> str:
    """Size one run: enough instances for its time and, at two thirds of their memory, for its rows."""
    instance_minutes = core_seconds / (VCPUS * EFFICIENCY) / 60
    count = max(1, -int(-instance_minutes // longest), -int(-gibibytes // (GIBIBYTES * 2 / 3)))
    minutes = instance_minutes / count + START_MINUTES
    dollars = count * minutes / 60 * DOLLARS_AN_HOUR
    return (
        f"| {name} | {rows / 1e6:,.0f} M | {core_seconds:,.0f} | {gibibytes:,.0f} | {count} | {minutes:,.0f} "
        f"| {dollars:,.2f} |"
    )


if __name__ == "__main__":
    fill_tables()
