"""Findings in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_JUDGES: Final = {"host": "its own", "segment": "its segment's", "network": "the network's"}
NO_BASELINE: Final = "No baseline could judge it."
USUAL: Final = "Nothing unusual."


def amount(metric: str, value: float) -> str:
    """Return a value with its unit, in three digits: `1.25 GB`, `340`, `0.42`."""
    if "bytes" in metric and not metric.endswith(("_ratio", "_share")):
        for unit in _UNITS:
            if abs(value) < 1000 or unit == _UNITS[-1]:
                return f"{value:.3g} {unit}" if abs(value) < 1000 else f"{value:,.0f} {unit}"
            value /= 1000
    return f"{value:,.0f}" if value == round(value) else f"{value:.3g}"


def host_sentence(reasons: Sequence[Mapping[str, Any]], judged_by: str) -> str:
    """Return the reasons as one sentence, the largest contribution first."""
    if not reasons:
        return NO_BASELINE if judged_by == "none" else USUAL
    return "; ".join(map(_clause, reasons)) + "."


def _clause(reason: Mapping[str, Any]) -> str:
    metric, usual = str(reason["metric"]), float(reason["usual"])
    of = f"{_JUDGES[str(reason['judged_by'])]} {reason['baseline_horizon']} baseline"
    if metric == "silence":
        return f"no session in {reason['window_label']}, where {amount('sessions_cnt', usual)} are usual by {of}"
    if metric.startswith("missing_"):
        what = metric.removeprefix("missing_")
        told = f"{what} ({reason['role']}, {reason['window_label']}) only {amount(what, float(reason['value']))}"
        return f"{told}, where {amount(what, usual)} comes at this hour by {of}"
    factor = reason["factor"]
    times = f", {factor:.3g} times" if factor is not None else ", where"
    told = f"{metric} ({reason['role']}, {reason['window_label']}) {amount(metric, float(reason['value']))}{times} "
    usually = f"the usual {amount(metric, usual)}" if factor is not None else f"{amount(metric, usual)} is usual"
    return f"{told}{usually} by {of}"
