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

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import DISCOUNTED_BY, INBOUND, OUTBOUND
from ndr.contract.jobspecs.fg_c_builder import Discount
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.host_counts import GROUP, NETWORK, Group, scopes
from ndr.jobs.fg_c.kernel import Discounted, ScoredRows

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
class Discounts:
    """The discounts of the groups that have one.

    Attributes
    ----------
    places : dict of Group to int
        The row of each group below.
    discounts, shares : float64[groups, metrics]
        What is left, and the share of the judged hosts that are unusual.
    """

    places: dict[Group, int]
    discounts: Floats
    shares: Floats

    @classmethod
    def of(cls, counts: pa.Table, metrics: Sequence[str], rules: Discount) -> Discounts:
        """Return the discounts that follow from the counts of all hosts, one row a group."""
        counts = with_discounts(counts, metrics, rules)
        judged, unusual = (_columns(counts, metrics, name) for name in ("judged", "unusual"))
        keys = zip(*(counts[name].to_pylist() for name in GROUP), strict=True)
        shares = unusual / np.maximum(judged, 1.0)
        return cls({key: place for place, key in enumerate(keys)}, discount(unusual, judged, rules), shares)

    def applied(self, scored: ScoredRows, segments: Sequence[str]) -> ScoredRows:
        """Return the rows with their discounts: of the network or of the segment, whichever leaves less.

        Parameters
        ----------
        segments : sequence of str
            The segment of each of the rows' hosts.
        """
        if not self.places or not len(scored.rows):
            return scored
        discounted = scored.discounted
        same, other_end = np.arange(len(scored.metrics)), _other_ends(scored.metrics)
        for groups in scopes(scored.rows, segments):
            if groups.keys[0][0] == NETWORK:
                clients = [(NETWORK, OUTBOUND, *key[2:]) if key[1] == INBOUND else None for key in groups.keys]
                discounted = self._smaller(discounted, groups.of_row, clients, other_end, "clients")
                discounted = self._smaller(discounted, groups.of_row, groups.keys, same, "network")
            else:
                discounted = self._smaller(discounted, groups.of_row, groups.keys, same, "segment")
        return scored.with_discounts(discounted)

    def _smaller(
        self, so_far: Discounted, of_row: Ints, groups: Sequence[Group | None], metrics: Ints, scope: str
    ) -> Discounted:
        """Apply the discounts of groups where they leave less; `metrics` has the place of each metric's in them."""
        place = np.array([self.places.get(key, -1) if key else -1 for key in groups], np.int64)[of_row]
        columns = np.ix_(place, metrics)
        is_known = (place >= 0)[:, np.newaxis] & (metrics >= 0)
        discounts = np.where(is_known, self.discounts[columns], 1.0)
        is_less = discounts < so_far.discount
        return Discounted(
            np.where(is_less, discounts, so_far.discount),
            np.where(is_less, self.shares[columns], so_far.share),
            np.where(is_less, np.int8(DISCOUNTED_BY.index(scope)), so_far.by),
        )


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
