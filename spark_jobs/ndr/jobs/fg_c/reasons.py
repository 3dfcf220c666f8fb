"""Reasons of scores as columns: which value added how much to the score of which host and window end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ndr.contract.datasets import DISCOUNTED_BY, FG_C_HOSTS, JUDGES, REASON_FIELDS, REASON_METRICS, ROLES
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import WINDOWS
from ndr.jobs.fg_c.absences import Absence
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.store.schema import arrow_schema

VOCABULARY: Final[dict[str, tuple[str, ...]]] = {
    "metric": REASON_METRICS,
    "role": ROLES,
    "window_label": tuple(WINDOWS),
    "baseline_horizon": tuple(HORIZONS),
    "judged_by": JUDGES,
    "discounted_by": DISCOUNTED_BY,
}
"""The words of a reason; a reason has their places."""


def places(name: str, words: Sequence[str]) -> Ints:
    """Return the places of words of a field of VOCABULARY."""
    of_word = {word: place for place, word in enumerate(VOCABULARY[name])}
    return np.array([of_word[word] for word in words], np.int64)


@dataclass(frozen=True)
class Reasons:
    """Reasons by the number of their group, a host and window end; texts are places in VOCABULARY."""

    group: Ints
    metric: Ints
    role: Ints
    window_label: Ints
    baseline_horizon: Ints
    judged_by: Ints
    value: Floats
    usual: Floats
    contribution: Floats
    discount: Floats
    discounted_by: Ints
    unusual_hosts_share: Floats

    @classmethod
    def of_absences(cls, groups: Ints, absences: Sequence[Absence]) -> Reasons:
        """Return what absences add to groups, one each."""
        return cls(
            groups,
            places("metric", [each.metric for each in absences]),
            places("role", [each.role for each in absences]),
            places("window_label", [each.window_label for each in absences]),
            places("baseline_horizon", [each.horizon for each in absences]),
            places("judged_by", ["host"] * len(absences)),
            np.array([each.value for each in absences], np.float64),
            np.array([each.usual for each in absences], np.float64),
            np.array([each.contribution for each in absences], np.float64),
            np.ones(len(absences)),
            places("discounted_by", ["none"] * len(absences)),
            np.full(len(absences), np.nan),
        )

    def and_those(self, others: Reasons) -> Reasons:
        """Return both."""
        return Reasons(*(np.concatenate([getattr(self, f.name), getattr(others, f.name)]) for f in fields(self)))

    def largest(self, most: int) -> Reasons:
        """Return at most so many of each group, by group and the largest contribution first."""
        order = np.lexsort((self.metric, -self.contribution, self.group))
        group = self.group[order]
        first = np.searchsorted(group, group)
        return self.take(order[np.arange(len(order)) - first < most])

    def take(self, rows: Ints) -> Reasons:
        """Return some of the reasons."""
        return Reasons(*(getattr(self, field.name)[rows] for field in fields(self)))

    def scores(self, groups: int) -> Floats:
        """Return the sum of the contributions of each group."""
        return np.bincount(self.group, self.contribution, groups).astype(np.float64)

    def texts(self, name: str) -> pa.Array:
        """Return the words of a field of VOCABULARY."""
        return pa.array(VOCABULARY[name], pa.string()).take(pa.array(getattr(self, name)))

    def offsets(self, groups: int) -> NDArray[np.int32]:
        """Return where the reasons of each group start, and where those of the last one end."""
        counts = np.bincount(self.group, minlength=groups)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def lists(self, groups: int) -> pa.ListArray:
        """Return the list of each group; the reasons are in the order of `largest`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(self.usual == 0, np.nan, self.value / self.usual)
        columns = {
            **{name: self.texts(name) for name in VOCABULARY},
            **{name: pa.array(getattr(self, name)) for name in ("value", "usual", "contribution", "discount")},
            "factor": pa.array(factor, from_pandas=True),
            "unusual_hosts_share": pa.array(self.unusual_hosts_share, from_pandas=True),
        }
        names = [field.name for field in REASON_FIELDS]
        structs = pa.StructArray.from_arrays([columns[name] for name in names], names)
        return pa.ListArray.from_arrays(pa.array(self.offsets(groups)), structs).cast(
            arrow_schema(FG_C_HOSTS).field("reasons").type
        )
