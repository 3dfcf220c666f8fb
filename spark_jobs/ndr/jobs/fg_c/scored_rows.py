"""Scored values as rows of FG_C_SCORES."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.datasets import FG_C_SCORES, JUDGES
from ndr.jobs.fg_c.columns import INSTANT, numbers, numbers_or_null, tiled, validity, words
from ndr.jobs.fg_c.discounts import Discounted
from ndr.jobs.fg_c.formulas import RESULT, RESULTS, Floats, Ints
from ndr.jobs.fg_c.nearest import NOBODY
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.store.schema import coded_schema

_SOMETIMES_NULL = ("log_ratio", "median_7d_to_30d_ratio", "median_7d_30d_mads")


@dataclass(frozen=True)
class Hour:
    """What the profiles know of the hours of some rows; None where they know nothing.

    Attributes
    ----------
    expected : float64[rows, metrics], optional
        The share of days on which so large a value came at this hour; NaN is unknown.
    highest : float64[rows, metrics, horizons], optional
        `second_highest`; NaN is unknown.
    """

    expected: Floats | None
    highest: Floats | None

    @property
    def is_known(self) -> bool:
        """Tell whether anything is known."""
        return self.expected is not None or self.highest is not None

    def arrays(self, shape: tuple[int, ...], horizons: int) -> tuple[Floats, Floats]:
        """Return both for rows and metrics of that shape, one NaN for all where nothing is known."""
        expected = np.broadcast_to(np.nan, shape) if self.expected is None else self.expected
        highest = np.broadcast_to(np.nan, (*shape, horizons)) if self.highest is None else self.highest
        return expected, highest


@dataclass(frozen=True)
class ScoredRows:
    """A part of the FG-A rows with what was found of each value.

    Attributes
    ----------
    rows : FeatureRows
    metrics, horizons : tuple of str
        Sorted.
    tiers : int32[rows, metrics, horizons]
        Places in JUDGES.
    support : int64[rows, metrics, horizons]
    results : float64[results, rows, metrics, horizons]
        By RESULTS.
    hour : Hour
    ends : int64[horizons]
        Ends of the baselines, microseconds since the epoch.
    discounted : Discounted
        Of the contributions; those among the results are without it.
    """

    rows: FeatureRows
    metrics: tuple[str, ...]
    horizons: tuple[str, ...]
    values: Floats
    tiers: NDArray[np.int32]
    support: Ints
    results: Floats
    hour: Hour
    ends: Ints
    discounted: Discounted

    def with_discounts(self, discounted: Discounted) -> ScoredRows:
        """Return the same rows with other discounts."""
        return replace(self, discounted=discounted)

    @cached_property
    def contributions(self) -> Floats:
        """The contributions with their discounts, float64[rows, metrics, horizons]."""
        found: Floats = self.of("contribution") * self.discounted.discount[..., np.newaxis]
        return found

    def of(self, name: str) -> Floats:
        """Return a result, float64[rows, metrics, horizons]."""
        return self.results[RESULT[name]]  # type: ignore[no-any-return]

    def table(self) -> pa.Table:
        """Return the rows of FG_C_SCORES, sorted by its key, text as codes. A null value has no row."""
        rows, (count, metrics, horizons) = self.rows, self.tiers.shape
        each, every = metrics * horizons, self.tiers.size
        judged = validity(self.tiers == NOBODY)
        columns = {
            **{name: self._words(name, each) for name in ("host_ip", "role", "window_label")},
            "window_end": numbers(np.repeat(rows.ends, each), of=INSTANT),
            "metric": tiled(self.metrics, horizons, every),
            "baseline_horizon": tiled(self.horizons, 1, every),
            "baseline_end": numbers(np.tile(self.ends, count * metrics), judged, INSTANT),
            "judged_by": words(self.tiers.reshape(-1), pa.array(JUDGES, pa.string())),
            "support_count": numbers(self.support),
            **{name: numbers(self.of(name), judged) for name in RESULTS},
            **{name: numbers_or_null(self.of(name)) for name in _SOMETIMES_NULL},
            "value": numbers(self.of("value")),
            "contribution": numbers(self.contributions),
            "discount": numbers(np.repeat(self.discounted.discount, horizons)),
            "expected": _known(None if self.hour.expected is None else np.repeat(self.hour.expected, horizons), every),
            "second_highest": _known(self.hour.highest, every),
        }
        schema = coded_schema(FG_C_SCORES)
        table = pa.table([columns[name] for name in schema.names], schema=schema)
        is_null = np.isnan(self.values)
        return table.filter(pa.array(np.repeat(~is_null.reshape(-1), horizons))) if is_null.any() else table

    def _words(self, name: str, times: int) -> pa.DictionaryArray:
        """Return a text column of the rows, each text so many times."""
        rows = self.rows
        texts, places = {
            "host_ip": (rows.hosts, rows.host_of),
            "role": (rows.roles, rows.role_of),
            "window_label": (rows.windows, rows.window_of),
        }[name]
        first, last = (int(places.min()), int(places.max())) if len(places) else (0, -1)
        codes = np.repeat((places - first).astype(np.int32), times)
        return words(codes, pa.array(list(texts[first : last + 1]), pa.string()))


def _known(values: Floats | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.float64()) if values is None else numbers_or_null(values)
