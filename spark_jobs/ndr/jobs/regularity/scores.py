"""A score of pairs: new or rare ones that are regular or send much, to a destination that few hosts contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BASELINE_SUFFIX: Final = "_7d"
"""Of the columns REGULARITY as the baseline has them, beside those of the day."""

PERIODIC_PORTS: Final = (53, 67, 68, 123, 137, 138, 161, 162, 514, 546, 547, 1900, 5353, 5355)
"""Ports of services that hosts call by the clock: DNS, DHCP, NTP, NetBIOS, SNMP, syslog, DHCPv6, SSDP, mDNS, LLMNR."""

_NORMAL_MAD: Final = 1.4826  # standard deviation / MAD of a normal distribution
_VOLUME_FROM, _VOLUME_TO = 2.0, 8.0
_MIN_SCALE: Final = 0.5  # of the logarithm of bytes, so that pairs of equal volume do not make the next one extreme


@dataclass(frozen=True, slots=True)
class PairScoreRules:
    """The thresholds of the pairs' score.

    Attributes
    ----------
    periodic_ports : tuple of int
        A pair on one of them is a well-known service unless its destination is rare.
    max_prevalence : float
        Share of the active internal hosts up to which a (destination, port) is rare.
    min_hosts : int
        Active internal hosts from which on prevalence says something.
    regular_min : float
        Regularity from which on a pair is called regular.
    """

    periodic_ports: tuple[int, ...] = PERIODIC_PORTS
    max_prevalence: float = 0.1
    min_hosts: int = 5
    regular_min: float = 0.5


def pair_scores(
    pairs: pa.Table, day_slices: int, baseline_slices: int, rules: PairScoreRules | None = None
) -> pa.Table:
    """Score the pairs of a day.

    Parameters
    ----------
    pairs : pa.Table
        One row for each pair of the day. dst_port; bytes_sent (by the source, in the day); the columns REGULARITY of
        the day; the same with the suffix `_7d` as the newest baseline has them; from that baseline pair_rarity_score
        and is_rare_pair, and prevalence_hosts_cnt and active_hosts_cnt of (destination, port). What a baseline does
        not have is null: of a pair that it lacks, all but the last two.
    day_slices, baseline_slices : int
        Published slices of the day, and of the seven days of the baseline; 0 without a baseline.
    rules : PairScoreRules, optional

    Returns
    -------
    pa.Table
        For each row of `pairs`, in order: is_new, is_rare, is_well_known, is_regular (bool), regularity, spread,
        novelty, volume and score (float64, in [0, 1]). is_new is null without a baseline.

    Notes
    -----
    score = spread novelty (1 - (1 - regularity) (1 - volume)), the noisy or of two reasons (Pearl 1988, section 4.3)
    for a pair of which there is little history, where

    - regularity is the larger of the day's and of the baseline's. Of n active slices out of P published ones it is
      ln n / ln P times the larger of active_span_share (1 - gaps_cv) (1 - sessions_cv), for equal gaps and equal
      counts, and best_autocorrelation min(1, active_slices_share best_autocorrelation_lag), for a pattern that repeats
      as often as its lag would have it. It is 0 for a well-known service: a port of `periodic_ports` whose
      (destination, port) is not rare, or whose prevalence is not known because fewer than min_hosts hosts are active.
    - spread is 1 - ln(1 + h) / ln(1 + H), the inverse document frequency (Spärck Jones 1972) of the (destination,
      port) that h of H active internal hosts contact, in units of its largest value; 1 below min_hosts.
    - novelty is 1 for a pair that the baseline lacks, and 1 for every pair without a baseline, otherwise its
      pair_rarity_score: a clock or a monitor that calls each day is regular, known, and no finding.
    - volume is (z - 2) / 6, within [0, 1], of the robust z-score z (Iglewicz and Hoaglin 1993) of ln bytes_sent among
      the pairs of the day that sent any: the deviation from their median over 1.4826 MAD or 0.5, whichever is larger.
      What the source receives is not in it: a download is not a leak. It is 0 without a baseline, and below min_hosts.
    """
    rules = rules or PairScoreRules()
    hosts, active = (_numbers(pairs, name, 0) for name in ("prevalence_hosts_cnt", "active_hosts_cnt"))
    is_known = active >= rules.min_hosts
    is_common = ~is_known | (hosts > rules.max_prevalence * active)
    is_periodic = np.isin(pairs["dst_port"].to_numpy(), rules.periodic_ports)
    by_the_clock = np.maximum(_regularity(pairs, day_slices), _regularity(pairs, baseline_slices, BASELINE_SUFFIX))
    regularity = np.where(is_periodic & is_common, 0.0, by_the_clock)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.where(is_known, np.maximum(0.0, 1 - np.log1p(hosts) / np.log1p(active)), 1.0)
    has_baseline = baseline_slices > 0
    is_new = pc.is_null(pairs["pair_rarity_score"]).to_numpy() & has_baseline
    novelty = _numbers(pairs, "pair_rarity_score", 1) if has_baseline else np.ones(len(pairs))
    volume = np.where(is_known & has_baseline, _volume(_numbers(pairs, "bytes_sent", 0)), 0.0)
    columns = {
        "is_new": pa.array(is_new, mask=np.full(len(is_new), not has_baseline)),
        "is_rare": pc.fill_null(pairs["is_rare_pair"], False).to_numpy() | (is_new & is_known & ~is_common),
        "is_well_known": is_periodic & is_common,
        "is_regular": regularity >= rules.regular_min,
        "regularity": regularity,
        "spread": spread,
        "novelty": novelty,
        "volume": volume,
        "score": spread * novelty * (1 - (1 - regularity) * (1 - volume)),
    }
    return pa.table(columns)


def _regularity(pairs: pa.Table, slices: int, suffix: str = "") -> Floats:
    """Return the regularity over one span, in [0, 1]."""

    def column(name: str, if_null: float) -> Floats:
        return _numbers(pairs, f"{name}{suffix}", if_null)

    share = column("active_slices_share", 0)
    even_gaps = column("active_span_share", 0) * _left_of(column("gaps_cv", 1)) * _left_of(column("sessions_cv", 1))
    repeats = np.minimum(1.0, share * column("best_autocorrelation_lag", 0))
    periodic = np.maximum(0.0, column("best_autocorrelation", 0)) * repeats
    evidence = np.log(np.maximum(share * slices, 1)) / np.log(max(slices, 2))
    regularity: Floats = np.minimum(1.0, evidence * np.maximum(even_gaps, periodic))
    return regularity


def _left_of(variation: Floats) -> Floats:
    return np.maximum(0.0, 1 - variation)


def _volume(total: Floats) -> Floats:
    logs = np.log(np.maximum(total, 1))
    some = logs[total > 0]
    median = float(np.median(some)) if len(some) else 0.0
    spread = _NORMAL_MAD * float(np.median(np.abs(some - median))) if len(some) else 0.0
    z = (logs - median) / max(spread, _MIN_SCALE)
    return np.clip((z - _VOLUME_FROM) / (_VOLUME_TO - _VOLUME_FROM), 0, 1)


def _numbers(table: pa.Table, name: str, if_null: float) -> Floats:
    numbers: Floats = pc.fill_null(table[name].cast(pa.float64()), float(if_null)).to_numpy()
    return numbers
