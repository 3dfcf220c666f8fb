"""One score for each host and window end: the largest contributions, one a metric, and what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_C_HOSTS, JUDGES
from ndr.jobs.fg_c.absences import Absence
from ndr.jobs.fg_c.calibration import Calibration
from ndr.jobs.fg_c.formulas import Ints
from ndr.jobs.fg_c.judges import coded_column
from ndr.jobs.fg_c.kernel import ScoredRows
from ndr.jobs.fg_c.reasons import Reasons, places
from ndr.jobs.fg_c.sentences import host_sentences
from ndr.store.publish import in_key_order

_NO_JUDGE = len(JUDGES) - 1


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
        groups, first = _groups(scored)
        largest = np.zeros((len(first), len(scored.metrics)))
        rows, horizons = np.zeros((2, *largest.shape), np.int64)
        nearest = np.full(len(first), _NO_JUDGE, np.int64)
        _fill_largest(groups, scored.tiers, scored.contributions(), largest, rows, horizons, nearest)
        group, metric = np.nonzero(largest > 0)
        reasons = _reasons(scored, group, metric, rows[group, metric], horizons[group, metric]).largest(most)
        hosts = [scored.rows.hosts[place] for place in scored.rows.host_of[first].tolist()]
        return cls(hosts, scored.rows.ends[first], nearest, np.zeros(len(first), bool), reasons)

    @classmethod
    def none(cls) -> HostScores:
        """Return no host."""
        empty = np.zeros(0, np.int64)
        return cls([], empty, empty, np.zeros(0, bool), Reasons.of_absences(empty, []))

    def with_absences(self, absences: Sequence[Absence], most: int) -> HostScores:
        """Add what did not happen; a host that has no window at the time is added with that alone."""
        known = {key: number for number, key in enumerate(zip(self.hosts, self.ends.tolist(), strict=True))}
        for each in absences:
            known.setdefault((each.host_ip, each.end), len(known))
        groups = np.array([known[each.host_ip, each.end] for each in absences], np.int64)
        added = len(known) - len(self.hosts)
        is_silent = np.concatenate([self.is_silent, np.zeros(added, bool)])
        nearest = np.concatenate([self.nearest, np.full(added, _NO_JUDGE)])
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


def _groups(scored: ScoredRows) -> tuple[Ints, Ints]:
    """Return the number of each row's (host, window end), and the first row of each."""
    ends, end_of = np.unique(scored.rows.ends, return_inverse=True)
    key = scored.rows.host_of * max(1, len(ends)) + end_of
    _, first, groups = np.unique(key, return_index=True, return_inverse=True)
    return groups, first


@numba.njit(
    numba.void(
        numba.int64[:], numba.int8[:, :, :], numba.float64[:, :, :], numba.float64[:, :], numba.int64[:, :],
        numba.int64[:, :], numba.int64[:],
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
    def words(name: str) -> Ints:
        coded = coded_column(scored.rows.table[name])
        return places(name, coded.dictionary.to_pylist())[coded.indices.to_numpy()][row]

    of_horizon = places("baseline_horizon", scored.horizons)
    discounted = scored.discounted
    return Reasons(
        group,
        places("metric", scored.metrics)[metric],
        words("role"),
        words("window_label"),
        of_horizon[horizon] if len(of_horizon) else horizon,
        scored.tiers[row, metric, horizon].astype(np.int64) if len(of_horizon) else horizon,
        scored.values[row, metric],
        scored.of("median")[row, metric, horizon] if len(of_horizon) else scored.values[row, metric],
        scored.contributions()[row, metric, horizon] if len(of_horizon) else scored.values[row, metric],
        discounted.discount[row, metric],
        discounted.by[row, metric].astype(np.int64),
        discounted.share[row, metric],
    )
