"""One score for each host and window end: the largest contributions, one a metric, and what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_C_HOSTS, JUDGES
from ndr.jobs.deltas import grouping
from ndr.jobs.fg_c.absences import Absence
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.nearest import NOBODY
from ndr.jobs.fg_c.reasons import Reasons, places
from ndr.jobs.fg_c.scored_rows import ScoredRows
from ndr.jobs.fg_c.sentences import host_sentences
from ndr.store.publish import in_key_order


@dataclass(frozen=True)
class HostScores:
    """Hosts at window ends, with the nearest baseline that judged any of their values, and why.

    Attributes
    ----------
    hosts : list of str
    ends : int64[groups]
        Microseconds since the epoch.
    nearest : int64[groups]
        Places in JUDGES.
    is_silent : bool[groups]
    reasons : Reasons
        By group, the largest contribution first.
    """

    hosts: list[str]
    ends: Ints
    nearest: Ints
    is_silent: np.ndarray
    reasons: Reasons

    @classmethod
    def of(cls, scored: ScoredRows, most: int) -> HostScores:
        """Combine the values of a part of the hosts, with at most so many reasons each.

        Of a metric only the largest contribution of any role and window counts, since these see the same flows; of a
        value the smallest one of the horizons that the nearest baseline judged, since it is usual where one of them
        knows it.
        """
        its, ends = scored.rows, max(1, len(scored.rows.instants))
        keys, of_row = grouping.group(its.host_of * ends + its.end_of, len(its.hosts) * ends)
        largest = np.zeros((len(keys), len(scored.metrics)))
        rows, horizons = np.zeros((2, *largest.shape), np.int64)
        nearest = np.full(len(keys), NOBODY, np.int64)
        _fill_largest(of_row, scored.tiers, scored.contributions, largest, rows, horizons, nearest)
        groups, metric = _chosen(largest, places("metric", scored.metrics), most)
        reasons = _reasons(scored, groups, metric, rows[groups, metric], horizons[groups, metric])
        hosts = [its.hosts[place] for place in (keys // ends).tolist()]
        return cls(hosts, its.instants[keys % ends], nearest, np.zeros(len(keys), bool), reasons)

    @classmethod
    def none(cls) -> HostScores:
        """Return no host."""
        empty = np.zeros(0, np.int64)
        return cls([], empty, empty, np.zeros(0, bool), Reasons.of_absences(empty, []))

    def with_absences(self, absences: Sequence[Absence], most: int) -> HostScores:
        """Add what did not happen; a host that has no window at the time is added with that alone."""
        if not absences:
            return self
        known = {key: number for number, key in enumerate(zip(self.hosts, self.ends.tolist(), strict=True))}
        for each in absences:
            known.setdefault((each.host_ip, each.end), len(known))
        groups = np.array([known[each.host_ip, each.end] for each in absences], np.int64)
        added = len(known) - len(self.hosts)
        is_silent = np.concatenate([self.is_silent, np.zeros(added, bool)])
        nearest = np.concatenate([self.nearest, np.full(added, NOBODY)])
        is_silent[groups[np.array([each.is_silence for each in absences], bool)]] = True
        nearest[groups] = 0
        keys = list(known)
        reasons = self.reasons.and_those(Reasons.of_absences(groups, absences)).largest(most)
        return HostScores([host for host, _ in keys], np.array([end for _, end in keys]), nearest, is_silent, reasons)

    def table(self, calibration: Calibration) -> pa.Table:
        """Return rows of FG_C_HOSTS, sorted by its key."""
        count = len(self.hosts)
        scores = self.reasons.scores(count)
        judged_by = pa.array(JUDGES, pa.string()).take(pa.array(self.nearest))
        columns = {
            "host_ip": pa.array(self.hosts, pa.string()),
            "window_end": pa.array(self.ends, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            "score": pa.array(scores),
            "p_value": pa.array(calibration.p_values(scores), from_pandas=True),
            "calibration_count": pa.array(np.full(count, len(calibration))),
            "is_silent": pa.array(self.is_silent),
            "judged_by": judged_by,
            "reasons": self.reasons.lists(count),
            "sentence": host_sentences(self.reasons, judged_by),
        }
        names = FG_C_HOSTS.column_names
        return in_key_order(pa.table([columns[name] for name in names], names), FG_C_HOSTS)


def _chosen(largest: Floats, ranks: Ints, most: int) -> tuple[Ints, Ints]:
    """Return groups and metrics of the reasons that are kept, by group and the largest contribution first.

    Of equal ones that of the smaller rank, int64[metrics], comes first.
    """
    order = np.argsort(ranks)
    chosen = np.full((len(largest), most), -1, np.int64)
    _fill_chosen(largest, order, chosen)
    groups, place = np.nonzero(chosen >= 0)
    return groups, chosen[groups, place]


@numba.njit(numba.void(numba.float64[:, ::1], numba.int64[::1], numba.int64[:, ::1]), nogil=True, cache=True)
def _fill_chosen(largest, order, chosen):  # type: ignore[no-untyped-def]
    """Insert each metric with a contribution, in the given order, behind those that are at least as large."""
    for group in range(len(largest)):
        count = 0
        for metric in order:
            value = largest[group, metric]
            if not value > 0:
                continue
            place = count
            while place > 0 and largest[group, chosen[group, place - 1]] < value:
                place -= 1
            if place == chosen.shape[1]:
                continue
            count = min(count + 1, chosen.shape[1])
            for behind in range(count - 1, place, -1):
                chosen[group, behind] = chosen[group, behind - 1]
            chosen[group, place] = metric


@numba.njit(
    numba.void(
        numba.int64[::1], numba.int32[:, :, ::1], numba.float64[:, :, ::1], numba.float64[:, ::1],
        numba.int64[:, ::1], numba.int64[:, ::1], numba.int64[::1],
    ),
    nogil=True, cache=True,
)  # fmt: skip
def _fill_largest(groups, tiers, contributions, largest, rows, horizons, nearest):  # type: ignore[no-untyped-def]
    """Find the largest contribution of each group and metric, and the first row that has it.

    The contribution of a value is the smallest one over the horizons of its nearest judge.
    """
    for row in range(len(groups)):
        group = groups[row]
        for metric in range(tiers.shape[1]):
            tier, least, chosen = 127, np.inf, 0
            for horizon in range(tiers.shape[2]):
                its = tiers[row, metric, horizon]
                contribution = contributions[row, metric, horizon]
                if np.isnan(contribution):
                    contribution = 0.0
                if its < tier or (its == tier and contribution < least):
                    tier, least, chosen = its, contribution, horizon
            if tier < nearest[group]:
                nearest[group] = tier
            if tier < 127 and least > largest[group, metric]:
                largest[group, metric] = least
                rows[group, metric] = row
                horizons[group, metric] = chosen


def _reasons(scored: ScoredRows, group: Ints, metric: Ints, row: Ints, horizon: Ints) -> Reasons:
    rows, discounted, value = scored.rows, scored.discounted, (row, metric, horizon)
    return Reasons(
        group,
        places("metric", scored.metrics)[metric],
        places("role", rows.roles)[rows.role_of[row]],
        places("window_label", rows.windows)[rows.window_of[row]],
        places("baseline_horizon", scored.horizons)[horizon],
        scored.tiers[value].astype(np.int64),
        scored.values[row, metric],
        scored.of("median")[value],
        scored.contributions[value],
        discounted.discount[row, metric],
        discounted.by[row, metric].astype(np.int64),
        discounted.share[row, metric],
    )
