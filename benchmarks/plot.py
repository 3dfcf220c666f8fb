"""Time and memory of FG-B against hosts, from the kept result lines."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import median

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

ORDER = ("pyspark_usual", "polars", "duckdb", "chdb", "ours", "floor")


def plot_fg_b(results: Path) -> None:
    """Draw results/fg_b.png from results/fg_b_*.json; nothing happens where fewer than two sizes are kept."""
    measured: dict[str, dict[int, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for path in results.glob("fg_b_[0-9]*.json"):
        for line in json.loads(path.read_text()):
            if "seconds" in line:
                measured[line["engine"]][line["hosts"]].append((line["seconds"], line["peak_mib"]))
    every_size = sorted({hosts for sizes in measured.values() for hosts in sizes})
    if len(every_size) < 2:
        return
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for panel, position, title in zip(panels, (0, 1), ("seconds", "peak memory, MiB"), strict=True):
        for engine in ORDER:
            sizes = sorted(measured.get(engine, {}))
            if not sizes:
                continue
            values = [median(run[position] for run in measured[engine][size]) for size in sizes]
            style = {"linestyle": "--", "color": "grey"} if engine == "floor" else {"marker": "o"}
            panel.plot(sizes, values, label=engine, **style)
        panel.set(xscale="log", yscale="log", xlabel="hosts", title=title)
        panel.minorticks_off()
        panel.set_xticks(every_size, [f"{size:,}" for size in every_size])
    figure.suptitle("FG-B, 30 days, 20 metrics, host and segment statistics with capping")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center")
    figure.savefig(results / "fg_b.png", dpi=110)
    plt.close(figure)
