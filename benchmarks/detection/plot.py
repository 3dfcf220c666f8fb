"""The share of networks in which each kind is among the ten, by ranking, as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib

from benchmarks.detection.summary import LABELS

matplotlib.use("Agg")
from matplotlib import pyplot as plt


def plot_detection(results: Path) -> None:
    """Draw results/detection.png from results/detection.json; nothing happens where it is absent."""
    kept = results / "detection.json"
    if not kept.exists():
        return
    lines = [line for line in json.loads(kept.read_text()) if line.get("summary") and "kind" in line]
    kinds = list(dict.fromkeys(line["kind"] for line in lines))
    figure, panel = plt.subplots(figsize=(11, 4.5), layout="constrained")
    for place, (ranking, label) in enumerate(LABELS.items()):
        shares = [line["found"] / line["networks"] for kind in kinds for line in lines
                  if (line["kind"], line["ranking"]) == (kind, ranking)]  # fmt: skip
        panel.bar([number + 0.16 * (place - 2) for number in range(len(shares))], shares, 0.15, label=label)
    targets = [next(line["target"] for line in lines if line["kind"] == kind) for kind in kinds]
    panel.hlines(targets, [n - 0.42 for n in range(len(kinds))], [n + 0.42 for n in range(len(kinds))],
                 colors="black", linestyles=":", label="target")  # fmt: skip
    panel.set_xticks(range(len(kinds)), [kind.replace("_", "\n") for kind in kinds])
    panel.set(ylim=(0, 1.02), ylabel="share of networks, in the top ten of a day")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside right center")
    figure.savefig(results / "detection.png", dpi=110)
    plt.close(figure)
