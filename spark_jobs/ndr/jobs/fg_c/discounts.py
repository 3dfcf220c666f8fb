"""Discounts of what many hosts do at once: an update of the whole network tells little about one host.

Notes
-----
Let k of n judged hosts be unusual in a metric, role and window: their values would add to their scores. The discount of
these contributions is

    min(1, ln(q) / ln(0.05))

with q the lower bound of the share of such hosts: the surprise -ln(q) at one of them, as a part of that at what one
host in twenty does (Shannon, A Mathematical Theory of Communication, 1948). The bound is Wilson's at 99 %, one-sided,
with z = 2.326,

    q = (k + z^2 / 2 - z sqrt(k (n - k) / n + z^2 / 4)) / (n + z^2)

(Wilson, Probable Inference, JASA 22, 1927). So a few hosts are not discounted, however small the network is: 3 of 20,
10 of 110. Where 62 of 100 are unusual, 23 % of a contribution is left.

n and k are counted among all hosts, and among those of the host's segment. A host that is contacted does not choose
what comes: its sessions and bytes have also the discount of what these are to the hosts that open flows, as the bytes
that an update server sends are those that its clients receive. The other way round there is none, so that a scanner is
not excused by the hosts that it contacts. The smallest discount counts. Fewer than `discount.min_hosts` judged hosts
discount nothing. Only rows of the same window are looked at, so that a slice has the discounts of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
import pyarrow as pa
from numba import types
from numpy.typing import NDArray

from ndr.contract.datasets import DISCOUNTED_BY
from ndr.contract.jobspecs.fg_c_builder import Discount
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.scopes import GROUP, Scopes

OTHER_END: Final = {
    **{
        metric: metric
        for metric in ("sessions_cnt", "max_sessions_per_minute", "deny_cnt", "syn_only_cnt",
                       "high_risk_port_sessions_cnt", "admin_port_sessions_cnt", "fileshare_port_sessions_cnt")
    },
    "bytes_sent_sum": "bytes_recv_sum",
    "bytes_recv_sum": "bytes_sent_sum",
    "max_flow_bytes_sent": "max_flow_bytes_recv",
    "max_flow_bytes_recv": "max_flow_bytes_sent",
}  # fmt: skip
"""What a metric of a contacted host is to the hosts that contact it."""
_Z: Final = 2.3263478740408408


def least_share(unusual: Floats, judged: Floats) -> Floats:
    """Return Wilson's lower bound of a share, one-sided at 99 %; 0 where nothing is unusual or nothing judged."""
    n = np.maximum(judged, 1.0)
    half = _Z * np.sqrt(unusual * (n - unusual) / n + _Z**2 / 4)
    return np.where(unusual > 0, (unusual + _Z**2 / 2 - half) / (n + _Z**2), 0.0)


def discount(unusual: Floats, judged: Floats, rules: Discount) -> Floats:
    """Return what is left of a contribution, in (0, 1], where so many of the judged hosts are unusual."""
    with np.errstate(divide="ignore"):
        surprise = np.log(least_share(unusual, judged)) / np.log(rules.usual_share)
    return np.where(judged >= rules.min_hosts, np.minimum(surprise, 1.0), 1.0)


@dataclass(frozen=True)
class Discounted:
    """What many hosts do at once takes from contributions; arrays of [rows, metrics].

    Attributes
    ----------
    discount : float64
        What is left, in (0, 1].
    share : float64
        Of the judged hosts, those that are unusual in the metric in the same window; NaN where nothing is taken.
    by : int8
        Places in DISCOUNTED_BY.
    """

    discount: Floats
    share: Floats
    by: NDArray[np.int8]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Discounted:
        """Return that nothing is taken."""
        return cls(np.ones(shape), np.full(shape, np.nan), np.zeros(shape, np.int8))


@dataclass(frozen=True)
class Discounts:
    """The discounts of the groups that have one.

    Attributes
    ----------
    metrics : tuple of str
    groups : pa.Table
        GROUP of each.
    discounts, shares : float64[groups, metrics]
        What is left, and the share of the judged hosts that are unusual.
    """

    metrics: tuple[str, ...]
    groups: pa.Table
    discounts: Floats
    shares: Floats

    @classmethod
    def of(cls, counts: pa.Table, metrics: Sequence[str], rules: Discount) -> Discounts:
        """Return the discounts that follow from the counts of all hosts, one row a group."""
        counts = with_discounts(counts, metrics, rules)
        judged, unusual = (_columns(counts, metrics, name) for name in ("judged", "unusual"))
        shares = unusual / np.maximum(judged, 1.0)
        return cls(tuple(metrics), counts.select(GROUP), discount(unusual, judged, rules), shares)

    def of_rows(self, rows: FeatureRows, scopes: Scopes, places: Ints) -> Discounted:
        """Return the discounts of rows: of the clients, the network or the segment, whichever leaves the least.

        Parameters
        ----------
        scopes : Scopes
            The groups of the rows, or of the rows that they are a part of.
        places : int64[groups]
            `scopes.places(self.groups)`.
        """
        found = Discounted.none((len(rows), len(self.metrics)))
        same, other_end = np.arange(len(self.metrics)), _other_ends(self.metrics)
        clients = scopes.of_clients(rows)
        for of_row, metrics, by in (
            (np.where(clients >= 0, places[clients], -1), other_end, "clients"),
            (places[scopes.of_network(rows)], same, "network"),
            (places[scopes.of_segment(rows)], same, "segment"),
        ):
            _fill_smaller(
                of_row, metrics, DISCOUNTED_BY.index(by), self.discounts, self.shares, found.discount, found.share,
                found.by,
            )  # fmt: skip
        return found


@numba.njit(
    types.void(
        types.int64[::1], types.int64[::1], types.int64, types.float64[:, ::1], types.float64[:, ::1],
        types.float64[:, ::1], types.float64[:, ::1], types.int8[:, ::1],
    ),
    nogil=True, cache=True,
)  # fmt: skip
def _fill_smaller(groups, metrics, by, discounts, shares, discount, share, discounted_by):  # type: ignore[no-untyped-def]
    """Apply the discounts of the rows' groups where they leave less; `metrics` has the place of each metric's in them.

    A group of -1 has no discount, and so has a metric of -1.
    """
    for row in range(len(groups)):
        group = groups[row]
        if group < 0:
            continue
        for metric in range(len(metrics)):
            place = metrics[metric]
            if place >= 0 and discounts[group, place] < discount[row, metric]:
                discount[row, metric] = discounts[group, place]
                share[row, metric] = shares[group, place]
                discounted_by[row, metric] = by


def _other_ends(metrics: Sequence[str]) -> Ints:
    """Return the place of the metric that each is to the other end of its flows; -1 where that is not scored."""
    found = [OTHER_END.get(metric) for metric in metrics]
    return np.array([metrics.index(name) if name in metrics else -1 for name in found], np.int64)


def with_discounts(counts: pa.Table, metrics: Sequence[str], rules: Discount) -> pa.Table:
    """Return the counts of the groups that have a discount in any metric: few of all."""
    judged, unusual = (_columns(counts, metrics, name) for name in ("judged", "unusual"))
    return counts.filter(pa.array((discount(unusual, judged, rules) < 1).any(axis=1)))


def _columns(counts: pa.Table, metrics: Sequence[str], name: str) -> Floats:
    columns = [counts[f"{metric}_{name}"].to_numpy().astype(np.float64) for metric in metrics]
    return np.stack(columns, axis=1) if columns else np.zeros((counts.num_rows, 0))
