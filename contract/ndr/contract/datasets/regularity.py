"""How regularly a pair is active."""

from __future__ import annotations

from typing import Final

from ndr.contract.columns import Column

_BELOW_TWO: Final = "fewer than two active slices"
_BELOW_THREE: Final = "fewer than three active slices"
_NO_LAG: Final = f"{_BELOW_THREE}, all slices active, or no lag with enough published slices at both its ends"
_VARIATION: Final = "standard deviation / mean"

REGULARITY: Final = (
    Column(
        "active_slices_share",
        "float64",
        "how much of the span the pair is active; an active slice has an allowed flow",
        "share",
        "active slices / published slices",
    ),
    Column(
        "sessions_cv",
        "float64",
        "variation of the allowed flows of active slices; 0 is a machine",
        "ratio",
        _VARIATION,
        _BELOW_TWO,
        "Pearson 1896",
    ),
    Column(
        "bytes_cv",
        "float64",
        "variation of the bytes both ways of active slices",
        "ratio",
        _VARIATION,
        f"{_BELOW_TWO}, or no byte in them",
        "Pearson 1896",
    ),
    Column(
        "best_autocorrelation",
        "float64",
        "largest autocorrelation of being active, in [-1, 1]",
        "ratio",
        "c(k) / c(0), maximum over lags k up to a sixth of the span",
        _NO_LAG,
        "Box & Jenkins 1976; Parzen 1963",
    ),
    Column(
        "best_autocorrelation_lag",
        "int64",
        "the lag of the best autocorrelation; the shortest of equal ones",
        "slices",
        null=_NO_LAG,
    ),
    Column("longest_run", "int64", "most active slices in a row, of the published ones", "slices"),
    Column(
        "gaps_cv",
        "float64",
        "variation of the gaps between active slices, in published slices",
        "ratio",
        _VARIATION,
        _BELOW_THREE,
        "Pearson 1896",
    ),
    Column(
        "active_span_share",
        "float64",
        "how much of the span lies between the first and the last active slice",
        "share",
        "published slices from the first to the last active one / all",
    ),
)
"""Regularity of a pair over a span of published slices."""
