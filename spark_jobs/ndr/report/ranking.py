"""The scored hosts and pairs of the newest day, each at its largest score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_C, FG_C_HOSTS, FG_C_PAIRS, Dataset
from ndr.contract.time import SLICE, SLICES_PER_DAY, Interval
from ndr.findings.place import FindingsPlace
from ndr.findings.scored import IS_FINDING, scored_pieces, scored_rows
from ndr.findings.suppressing import Suppressor
from ndr.report.published import Published
from ndr.store.scan import Scan

PAIRS_OF_A_HOST: Final = 12
"""How many pairs of a source are kept, by their score."""


@dataclass(frozen=True)
class HostDay:
    """A host on the scored day.

    Attributes
    ----------
    score, window_end, p_value, judged_by, sentence, reasons
        Of its largest score of the day; of a finding, of the largest one that passes the thresholds.
    is_finding : bool
        Whether a score of the day passes the thresholds.
    scores : float64[96]
        By slot: slot i ends 15 (i + 1) minutes after the start of the day; NaN where it has no row.
    silent : bool[96]
        The slots at which it was silent.
    """

    host_ip: str
    score: float
    window_end: datetime
    p_value: float | None
    judged_by: str
    sentence: str
    reasons: Sequence[dict[str, Any]]
    is_finding: bool
    scores: NDArray[np.float64] = field(repr=False)
    silent: NDArray[np.bool_] = field(repr=False)


def scored_hosts(published: Published, day: Interval, suppressor: Suppressor, place: FindingsPlace) -> list[HostDay]:
    """Return the hosts that were scored on a day, the largest score first, without what is suppressed."""
    columns = ["host_ip", "window_end", "score", "p_value", "is_silent", "judged_by", "reasons", "sentence"]
    rows = _not_suppressed(published, FG_C_HOSTS, day, columns, suppressor, place)
    if not rows.num_rows:
        return []
    host = rows["host_ip"].combine_chunks().cast(pa.string()).dictionary_encode()
    number, slot = host.indices.to_numpy(), slots_of(rows["window_end"], day)
    score = rows["score"].to_numpy()
    scores = np.full((len(host.dictionary), SLICES_PER_DAY), np.nan)
    scores[number, slot] = score
    silent = np.zeros(scores.shape, np.bool_)
    silent[number, slot] = rows["is_silent"].to_numpy()
    best = _first_of_each(number, np.lexsort((slot, -score, ~rows[IS_FINDING].to_numpy(), number)))
    found = rows.take(pa.array(best)).to_pylist()
    days = [
        HostDay(
            host_ip=row["host_ip"],
            score=row["score"],
            window_end=row["window_end"],
            p_value=row["p_value"],
            judged_by=row["judged_by"],
            sentence=row["sentence"],
            reasons=row["reasons"],
            is_finding=row[IS_FINDING],
            scores=scores[place],
            silent=silent[place],
        )
        for row, place in zip(found, number[best], strict=True)
    ]
    return sorted(days, key=lambda each: (-each.score, 0 if each.score else -int(each.silent.sum()), each.host_ip))


@dataclass(frozen=True, slots=True)
class PairDay:
    """A pair at its largest score of the day; the columns are those of FG-C's pairs.

    `is_finding` says whether that score passes the threshold.
    """

    src_ip: str
    dst_ip: str
    dst_port: int
    window_end: datetime
    score: float
    sessions_cnt: int
    bytes: int
    is_new: bool | None
    is_rare: bool
    is_regular: bool
    is_well_known: bool
    is_finding: bool
    active_days: int
    dst_prevalence: float | None
    regularity: float
    sentence: str


def scored_pairs(
    published: Published, day: Interval, suppressor: Suppressor, place: FindingsPlace
) -> tuple[list[PairDay], int, int]:
    """Return the pairs of a day, at most PAIRS_OF_A_HOST a source, the largest score first.

    How many there are follows, and how many of these are findings.
    """
    columns = [name for name in PairDay.__dataclass_fields__ if name != IS_FINDING]
    rows = _not_suppressed(published, FG_C_PAIRS, day, columns, suppressor, place)
    rows = rows.cast(pa.schema([(each.name, _plain(each.type)) for each in rows.schema]))
    order = [("src_ip", "ascending"), ("dst_ip", "ascending"), ("dst_port", "ascending")]
    rows = rows.sort_by([*order, ("score", "descending"), ("window_end", "ascending")])
    rows = rows.take(pa.array(_starts([rows[name] for name, _ in order])))
    pairs = rows.num_rows
    rows = rows.sort_by([("src_ip", "ascending"), ("score", "descending"), ("dst_ip", "ascending")])
    starts = _starts([rows["src_ip"]])
    rank = np.arange(pairs) - np.repeat(starts, np.diff([*starts, pairs]))
    kept = rows.filter(pa.array(rank < PAIRS_OF_A_HOST)).sort_by([("score", "descending"), *order])
    return [PairDay(**row) for row in kept.to_pylist()], pairs, pc.sum(rows[IS_FINDING]).as_py() or 0


def _not_suppressed(
    published: Published,
    dataset: Dataset,
    day: Interval,
    columns: list[str],
    suppressor: Suppressor,
    place: FindingsPlace,
) -> pa.Table:
    """Return the rows of a day: those without a score as they are, the others as the suppressions leave them.

    A column IS_FINDING says which of them pass the thresholds.
    """
    usual = Scan.of(published.prefixes[FG_C], dataset, day, columns).read().select(columns)
    usual = usual.filter(pc.less_equal(usual["score"], 0))
    usual = usual.append_column(IS_FINDING, pa.repeat(pa.scalar(False), usual.num_rows))
    left = suppressor.of(scored_rows(scored_pieces(place, day), dataset, place.thresholds)).rows
    return pa.concat_tables([usual, left.select(usual.column_names).cast(usual.schema)])


def slots_of(window_ends: pa.ChunkedArray, day: Interval) -> NDArray[np.int64]:
    """Return the slot of each window end of a day, from 0."""
    start = np.datetime64(day.start.replace(tzinfo=None), "us")
    ends = window_ends.to_numpy().astype("datetime64[us]")
    slots: NDArray[np.int64] = (ends - start) // np.timedelta64(SLICE) - 1
    return slots


def _first_of_each(numbers: NDArray[Any], order: NDArray[np.int64]) -> NDArray[np.int64]:
    ordered = numbers[order]
    return order[np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))]


def _starts(columns: list[pa.ChunkedArray]) -> NDArray[np.int64]:
    """Return where the values of sorted columns change."""
    rows = len(columns[0])
    if rows < 2:
        return np.arange(rows)
    changes = np.zeros(rows - 1, np.bool_)
    for column in columns:
        changes |= pc.not_equal(column[1:], column[:-1]).to_numpy()
    return np.concatenate([[0], np.flatnonzero(changes) + 1])


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_
