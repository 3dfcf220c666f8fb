"""Findings in words, of many hosts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import JUDGES, REASON_METRICS, ROLES, SILENCE
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import WINDOWS
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.reasons import Reasons

_UNITS: Final = pa.array([" B", " kB", " MB", " GB", " TB"])
_WHOSE: Final = ("its own ", "its segment's ", "the network's ", "")
"""In the order of the contract's JUDGES."""
_OTHERS: Final = ("its segment's hosts exceeded it", "hosts exceeded it", "hosts exceeded it as clients")
"""In the order of the contract's DISCOUNTED_BY, without none."""
_MISSING: Final = "missing_"
_IS_BYTES: Final = np.array(["bytes" in metric for metric in REASON_METRICS])
_SILENT, _SHORT, _MORE, _TIMES = range(4)
_KINDS: Final = np.array(
    [_SILENT if name == SILENCE else _SHORT if name.startswith(_MISSING) else _TIMES for name in REASON_METRICS]
)
"""By the metric, which clause tells of it."""
_HEADS: Final = pa.array(
    [
        f"{metric.removeprefix(_MISSING)} ({role}, {window}) "
        for metric in REASON_METRICS
        for role in ROLES
        for window in WINDOWS
    ]
)
_PERCENTS: Final = range(101)
_SAID_OF_OTHERS: Final = pa.array(
    ["" for _ in _PERCENTS] + [f", while {percent} % of {whose}" for whose in _OTHERS for percent in _PERCENTS]
)
_BY: Final = pa.array([f" by {_WHOSE[judge]}{name} baseline" for judge in range(len(JUDGES)) for name in HORIZONS])
_WHOLE_BELOW: Final = 1e15
NO_BASELINE: Final = "No baseline could judge it."
USUAL: Final = "Nothing unusual."


def host_sentences(reasons: Reasons, judged_by: pa.Array) -> pa.Array:
    """Return a sentence for each host and window end: its reasons, the largest contribution first.

    Parameters
    ----------
    reasons : Reasons
        In the order of `Reasons.largest`.
    judged_by : string[groups]
        The nearest baseline that judged anything.
    """
    clauses = pa.ListArray.from_arrays(pa.array(reasons.offsets(len(judged_by))), _clauses(reasons))
    told = pc.binary_join(clauses, pa.scalar("; "))
    none = pc.if_else(pc.equal(judged_by, "none"), NO_BASELINE, USUAL)
    return pc.if_else(pc.equal(pc.list_value_length(clauses), 0), none, _joined(told, "."))


def _clauses(reasons: Reasons) -> pa.Array:
    kind = np.where((_KINDS[reasons.metric] == _TIMES) & (reasons.usual == 0), _MORE, _KINDS[reasons.metric])
    clauses = {_SILENT: _silent, _SHORT: _short, _MORE: _more, _TIMES: _times}
    chosen = [(np.flatnonzero(kind == number), clause) for number, clause in clauses.items()]
    return _in_order([(rows, clause(_Words.of(reasons.take(rows)))) for rows, clause in chosen if len(rows)])


@dataclass(frozen=True)
class _Words:
    """Of reasons: what it is about, the window, the value and the usual one in words, their ratio, and the baseline."""

    head: pa.Array
    window: pa.Array
    value: pa.Array
    usual: pa.Array
    factor: Floats
    by: pa.Array
    others: pa.Array

    @classmethod
    def of(cls, reasons: Reasons) -> _Words:
        is_bytes = _IS_BYTES[reasons.metric]
        value, usual = (amounts(numbers, is_bytes) for numbers in (reasons.value, reasons.usual))
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(reasons.usual == 0, 0.0, reasons.value / reasons.usual)
        head = (reasons.metric * len(ROLES) + reasons.role) * len(WINDOWS) + reasons.window_label
        by = reasons.judged_by * len(HORIZONS) + reasons.baseline_horizon
        window = reasons.texts("window_label")
        return cls(_taken(_HEADS, head), window, value, usual, factor, _taken(_BY, by), _others(reasons))


def _times(of: _Words) -> pa.Array:
    return _joined(of.head, of.value, ", ", _three_digits(of.factor), " times the usual ", of.usual, of.by, of.others)


def _more(of: _Words) -> pa.Array:
    return _joined(of.head, of.value, ", where ", of.usual, " is usual", of.by, of.others)


def _short(of: _Words) -> pa.Array:
    return _joined(of.head, "only ", of.value, ", where ", of.usual, " comes at this hour", of.by)


def _silent(of: _Words) -> pa.Array:
    return _joined("no session in ", of.window, ", where ", of.usual, " are usual", of.by)


def _others(reasons: Reasons) -> pa.Array:
    """Say how many hosts are unusual in the same, where that takes from the contribution."""
    percents = np.nan_to_num(np.round(100 * reasons.unusual_hosts_share)).astype(np.int64)
    number = np.where(reasons.discount < 1, reasons.discounted_by * len(_PERCENTS) + percents, 0)
    return _taken(_SAID_OF_OTHERS, number)


def amounts(values: Floats, is_bytes: NDArray[np.bool_]) -> pa.Array:
    """Return values with their units, in three digits: `1.25 GB`, `340`, `0.42`; whole numbers in full."""
    rows = [np.flatnonzero(is_bytes), np.flatnonzero(~is_bytes)]
    return _in_order([(rows[0], _bytes(values[rows[0]])), (rows[1], _numbers(values[rows[1]]))])


def _bytes(values: Floats) -> pa.Array:
    with np.errstate(divide="ignore"):
        thousands = np.floor(np.log10(np.maximum(np.abs(values), 1.0)) / 3 + 1e-12)
    unit = np.minimum(thousands, len(_UNITS) - 1).astype(np.int64)
    return _joined(_three_digits(values / 1000.0**unit), _taken(_UNITS, unit))


def _numbers(values: Floats) -> pa.Array:
    is_whole = values == np.round(values)
    return _texts(np.where(is_whole, values, _rounded(values)))


def _three_digits(values: Floats) -> pa.Array:
    return _texts(_rounded(values))


def _rounded(values: Floats) -> Floats:
    """Return values in three digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values)) + 1e-12))
    # Powers of ten below one are not exact, so that large values are divided by a step in place of multiplied by one.
    step, factor = 10.0 ** np.maximum(magnitude - 2, 0), 10.0 ** np.maximum(2 - magnitude, 0)
    rounded: Floats = np.round(values / step * factor) * step / factor
    return rounded


def _texts(values: Floats) -> pa.Array:
    """Return numbers as text, whole ones without a point; each distinct one is written once."""
    coded = pc.dictionary_encode(pa.array(values))
    distinct = coded.dictionary.to_numpy()
    is_whole = (np.abs(distinct) < _WHOLE_BELOW) & (distinct == np.round(distinct))
    rows = [np.flatnonzero(is_whole), np.flatnonzero(~is_whole)]
    whole, others = pa.array(distinct[rows[0]].astype(np.int64)), pa.array(distinct[rows[1]])
    texts = _in_order([(rows[0], whole.cast(pa.string())), (rows[1], others.cast(pa.string()))])
    return texts.take(coded.indices)


def _in_order(parts: Sequence[tuple[Ints, pa.Array]]) -> pa.Array:
    """Return the texts of several parts of the rows in the order of these; each part has the places of its texts."""
    full = [texts for rows, texts in parts if len(rows)]
    if len(full) < 2:
        return full[0] if full else pa.array([], pa.string())
    order = np.concatenate([rows for rows, _ in parts])
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    return _taken(pa.concat_arrays(full), places)


def _taken(texts: pa.Array, places: Ints) -> pa.Array:
    return texts.take(pa.array(places))


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")
