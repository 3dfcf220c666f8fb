"""The regularity of one pair in plain Python, from a text of its slices and a list of its values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

import pytest


def regularity_of(slices: Mapping[int, tuple[int, int]], published: Sequence[bool]) -> dict[str, Any]:
    """Return REGULARITY of a pair.

    Parameters
    ----------
    slices : mapping
        Allowed sessions and bytes, by place in the span.
    published : sequence of bool
        For each place, whether it was published.
    """
    kept = [at for at, is_published in enumerate(published) if is_published]
    pattern = "".join("x" if at in slices and slices[at][0] > 0 else "." for at in kept)
    active = [at for at, mark in zip(kept, pattern, strict=True) if mark == "x"]
    places = [place for place, mark in enumerate(pattern) if mark == "x"]
    best = _best([int(at in active) if of else None for at, of in enumerate(published)]) if places else None
    return {
        "active_slices_share": pytest.approx(len(active) / max(1, len(kept))),
        "sessions_cv": _variation([slices[at][0] for at in active]),
        "bytes_cv": _variation([slices[at][1] for at in active]),
        "best_autocorrelation": best and pytest.approx(best[0], abs=1e-8),
        "best_autocorrelation_lag": best and best[1],
        "longest_run": max(map(len, pattern.split("."))),
        "gaps_cv": _variation([later - before for before, later in pairwise(places)]),
        "active_span_share": pytest.approx(len(pattern.strip(".")) / max(1, len(kept))),
    }


def _variation(values: list[int]) -> Any:
    if len(values) < 2 or sum(values) == 0:
        return None
    return pytest.approx(pstdev(values) / fmean(values), abs=1e-9)


def _best(series: list[int | None]) -> tuple[float, int] | None:
    """Return the best autocorrelation and its lag; None stands for a slice that was not published."""
    seen = [value for value in series if value is not None]
    if len([value for value in seen if value]) < 3 or len(set(seen)) == 1:
        return None
    mean = fmean(seen)
    variance = fmean([(value - mean) ** 2 for value in seen])
    best = None
    for lag in range(1, len(series) // 6 + 1):
        both = [(x, y) for x, y in zip(series, series[lag:], strict=False) if x is not None and y is not None]
        if len(both) * 2 < len(seen):
            continue
        found = sum((x - mean) * (y - mean) for x, y in both) / len(both) / variance
        found = max(-1.0, min(1.0, found))
        if best is None or found > best[0] + 2e-9:
            best = (found, lag)
    return best
