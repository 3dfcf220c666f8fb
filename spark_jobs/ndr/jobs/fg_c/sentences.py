"""Findings in words, of many hosts at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import SILENCE
from ndr.jobs.fg_c.formulas import Floats
from ndr.jobs.fg_c.reasons import Reasons

_UNITS: Final = pa.array([" B", " kB", " MB", " GB", " TB"])
_NO_UNIT: Final = pa.array([""])
_JUDGES: Final = pa.array(["its own ", "its segment's ", "the network's ", ""])
"""In the order of the contract's JUDGES."""
_OTHERS: Final = pa.array(
    ["", " of its segment's hosts exceeded it", " of hosts exceeded it", " of hosts exceeded it as clients"]
)
"""In the order of the contract's DISCOUNTED_BY."""
_MISSING: Final = "missing_"
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
    metric = reasons.texts("metric")
    is_silent = pc.equal(metric, SILENCE).to_numpy(zero_copy_only=False)
    is_missing = pc.starts_with(metric, _MISSING).to_numpy(zero_copy_only=False)
    kind = np.select([is_silent, is_missing, reasons.usual == 0], [0, 1, 2], 3)
    texts, order = [pa.array([], pa.string())], []
    for number, clause in enumerate((_silent, _short, _more, _times)):
        chosen = np.flatnonzero(kind == number)
        order.append(chosen)
        texts.append(clause(_Words.of(reasons.take(chosen))))
    places = np.empty(len(kind), np.int64)
    places[np.concatenate(order)] = np.arange(len(kind))
    return pa.concat_arrays(texts).take(pa.array(places))


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
        metric, window = reasons.texts("metric"), reasons.texts("window_label")
        is_bytes = pc.match_substring(metric, "bytes").to_numpy(zero_copy_only=False)
        value, usual = (amounts(numbers, is_bytes) for numbers in (reasons.value, reasons.usual))
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(reasons.usual == 0, 0.0, reasons.value / reasons.usual)
        head = _joined(pc.replace_substring(metric, _MISSING, ""), " (", reasons.texts("role"), ", ", window, ") ")
        by = _joined(" by ", _JUDGES.take(pa.array(reasons.judged_by)), reasons.texts("baseline_horizon"), " baseline")
        return cls(head, window, value, usual, factor, by, _others(reasons))


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
    whose = _OTHERS.take(pa.array(reasons.discounted_by))
    told = _joined(", while ", pa.array(percents).cast(pa.string()), " %", whose)
    return pc.if_else(pa.array(reasons.discount < 1), told, "")


def amounts(values: Floats, is_bytes: NDArray[np.bool_]) -> pa.Array:
    """Return values with their units, in three digits: `1.25 GB`, `340`, `0.42`; whole numbers in full."""
    with np.errstate(divide="ignore"):
        thousands = np.floor(np.log10(np.maximum(np.abs(values), 1.0)) / 3 + 1e-12)
    unit = np.where(is_bytes, np.minimum(thousands, len(_UNITS) - 1), 0).astype(np.int64)
    is_whole = ~is_bytes & (values == np.round(values))
    whole = pa.array(np.where(is_whole, values, 0).astype(np.int64)).cast(pa.string())
    digits = pc.if_else(pa.array(is_whole), whole, _three_digits(values / 1000.0**unit))
    units = pa.concat_arrays([_UNITS, _NO_UNIT]).take(pa.array(np.where(is_bytes, unit, len(_UNITS))))
    return _joined(digits, units)


def _three_digits(values: Floats) -> pa.Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        magnitude = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(values)) + 1e-12))
    # Powers of ten below one are not exact, so that large values are divided by a step in place of multiplied by one.
    step, factor = 10.0 ** np.maximum(magnitude - 2, 0), 10.0 ** np.maximum(2 - magnitude, 0)
    rounded = np.round(values / step * factor) * step / factor
    is_whole = (np.abs(rounded) < _WHOLE_BELOW) & (rounded == np.round(rounded))
    whole = pa.array(np.where(is_whole, rounded, 0).astype(np.int64)).cast(pa.string())
    return pc.if_else(pa.array(is_whole), whole, pa.array(rounded).cast(pa.string()))


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")
