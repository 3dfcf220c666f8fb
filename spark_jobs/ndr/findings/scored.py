"""Rows of FG-C that have a score, of the partitions that answer for some time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_C, FG_C_PAIRS, Dataset
from ndr.contract.jobspecs.fg_c_builder import FindingThresholds
from ndr.contract.time import DAY_MICROSECONDS, SLICE_MICROSECONDS, Interval
from ndr.findings.place import FindingsPlace
from ndr.store.catalog import Piece, published_pieces
from ndr.store.scan import Scan
from ndr.store.schema import arrow_schema

DAY_NUMBER: Final = "day_number"
IS_FINDING: Final = "is_finding"


@dataclass(frozen=True)
class ScoredRows:
    """The rows of hosts or of pairs with a score above 0.

    Attributes
    ----------
    dataset : Dataset
        FG_C_HOSTS or FG_C_PAIRS.
    rows : pa.Table
        Its columns; `is_finding`, which says whether the score passes the thresholds; and `day_number`, the UTC day of
        the windows, counted from the epoch.
    entities : int
        Number of hosts or pairs with any row.
    """

    dataset: Dataset
    rows: pa.Table
    entities: int

    @property
    def key(self) -> list[str]:
        """The columns that name a host or a pair."""
        return entity_columns(self.dataset)


def entity_columns(dataset: Dataset) -> list[str]:
    """Return the key without the time."""
    return [name for name in dataset.key if name != dataset.time_column]


def scored_pieces(place: FindingsPlace, interval: Interval) -> tuple[Piece, ...]:
    """Return the partitions of scores that answer for an interval.

    Raises
    ------
    SchemaMismatchError
        A manifest that would answer can't be read, or is of another dataset, project or version.
    """
    return tuple(published_pieces(place.fg_c, interval, FG_C, place.owner, without_reads=True))


def scored_rows(
    pieces: Sequence[Piece], dataset: Dataset, thresholds: FindingThresholds, findings_only: bool = False
) -> ScoredRows:
    """Read the rows with a score above 0, or those alone that are findings."""
    key = entity_columns(dataset)
    seen = [arrow_schema(dataset).empty_table().select(key)]
    kept = []
    for rows in Scan(dataset, tuple(pieces), tuple(dataset.column_names)).bundles():
        seen.append(rows.select(key).group_by(key, use_threads=False).aggregate([]))
        of_findings = are_findings(rows, dataset, thresholds)
        wanted = pa.array(of_findings if findings_only else rows["score"].to_numpy() > 0)
        told = rows.append_column(IS_FINDING, pa.array(of_findings)).append_column(DAY_NUMBER, _day_numbers(rows))
        kept.append(told.filter(wanted))
    entities = pa.concat_tables(seen).group_by(key, use_threads=False).aggregate([]).num_rows
    return ScoredRows(dataset, pa.concat_tables(kept) if kept else _no_rows(dataset), entities)


def are_findings(rows: pa.Table, dataset: Dataset, thresholds: FindingThresholds) -> NDArray[np.bool_]:
    """Tell which rows pass the thresholds.

    A host's does with a p value of at most `max_p_value`. Where the calibration has too few scores to give so small a
    p value, or there is no p value, the score decides.
    """
    scores = rows["score"].to_numpy()
    if dataset is FG_C_PAIRS:
        return np.asarray(scores >= thresholds.min_pair_score)
    p_values = rows["p_value"].to_numpy(zero_copy_only=False).astype(np.float64)  # null is NaN
    least = 1.0 / (1.0 + rows["calibration_count"].to_numpy())
    is_told = ~np.isnan(p_values) & (least <= thresholds.max_p_value)
    return np.where(is_told, p_values <= thresholds.max_p_value, scores >= thresholds.min_score) & (scores > 0)


def _day_numbers(rows: pa.Table) -> pa.Array:
    ends = rows["window_end"].cast(pa.int64()).to_numpy()
    return pa.array((ends - SLICE_MICROSECONDS) // DAY_MICROSECONDS)


def _no_rows(dataset: Dataset) -> pa.Table:
    empty = arrow_schema(dataset).empty_table()
    return empty.append_column(IS_FINDING, pa.array([], pa.bool_())).append_column(DAY_NUMBER, pa.array([], pa.int64()))


def largest(rows: pa.Table, key: Sequence[str]) -> pa.Table:
    """Return the row with the largest score of each key, the earliest of equal ones; the largest score first."""
    ordered = [*((name, "ascending") for name in key), ("score", "descending"), ("window_end", "ascending")]
    sorted_ = rows.take(pc.sort_indices(rows.select([name for name, _ in ordered]), sort_keys=ordered))
    names = sorted_.select(list(key)).combine_chunks()
    is_first = np.ones(sorted_.num_rows, bool)
    if sorted_.num_rows > 1:
        same = [pc.equal(names[name].slice(1), names[name].slice(0, names.num_rows - 1)) for name in key]
        is_first[1:] = ~np.logical_and.reduce([each.to_numpy() for each in same])
    first = sorted_.filter(pa.array(is_first))
    by_score = [("score", "descending"), *((name, "ascending") for name in key)]
    return first.take(pc.sort_indices(first.select([name for name, _ in by_score]), sort_keys=by_score))
