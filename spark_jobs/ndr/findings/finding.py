"""Findings: the day of a host or of a pair whose score is unusual, with all that led to the score."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from ndr.contract.datasets import FG_C_HOSTS, FG_C_PAIRS, FG_C_SCORES
from ndr.contract.manifest import Owner
from ndr.contract.time import Interval
from ndr.findings.identity import Kind, day_of_window, finding_uid
from ndr.findings.levels import Confidence, Severity, confidence, host_severity, pair_severity

_FORMULAS: Final = {column.name: column.formula for dataset in (FG_C_SCORES, FG_C_HOSTS) for column in dataset.columns}
HOST_FORMULA: Final = f"{_FORMULAS['score']}; contribution = {_FORMULAS['contribution']}"
PAIR_FORMULA: Final = next(column.formula for column in FG_C_PAIRS.columns if column.name == "score")


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline that was valid: its horizon, the end that names it, and which version of which partition it was."""

    horizon: str
    as_of: datetime
    uri: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Source:
    """The version of the FG-C partition that has the score, and when it was published."""

    uri: str
    run_id: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """A contribution to a host's score.

    Attributes
    ----------
    metric, role, window_label, judged_by : str
        As in FG-C.
    value, usual, p95 : float
        The value, and the median and p95 of the baseline, in the metric's unit. `p95` is None for what did not happen.
    factor : float or None
        value / usual; None where usual is 0.
    contribution : float
        Points, with the discount.
    discount, unusual_hosts_share, discounted_by
        What is left of the contribution because many hosts are unusual in the same; see FG-C.
    baseline : Baseline or None
        The one that judged the value; None where the partition does not name it.
    """

    metric: str
    role: str
    window_label: str
    baseline_horizon: str
    judged_by: str
    value: float
    usual: float
    factor: float | None
    contribution: float
    discount: float | None = 1.0
    discounted_by: str | None = "none"
    unusual_hosts_share: float | None = None
    p95: float | None = None
    baseline: Baseline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What findings of hosts and pairs share.

    Attributes
    ----------
    owner : Owner
        Project and feature spec version.
    machine_name : str or None
        Of the host, or of the source.
    segment : str
        Of the host, or of the source.
    window_end : datetime
        End of the windows with the largest score of the day.
    seen_at : tuple of datetime
        Window ends of the day at which the score was a finding, in order; `window_end` alone where it never was.
    score : float
        The largest of the day: points of a host, a share of a pair.
    sentence : str
        The reasons in words.
    is_finding : bool
        Whether the score passes the thresholds of the JobSpec.
    source : Source
    baselines : tuple of Baseline
        Those that were valid for the last slice of the windows, by horizon.
    modified : datetime
        When the newest of the day's scores of this finding was published.
    """

    owner: Owner
    machine_name: str | None
    segment: str
    window_end: datetime
    seen_at: tuple[datetime, ...]
    score: float
    sentence: str
    is_finding: bool
    source: Source
    baselines: tuple[Baseline, ...]
    modified: datetime

    @property
    def kind(self) -> Kind:
        raise NotImplementedError

    @property
    def entity(self) -> tuple[str | int, ...]:
        """What the finding is of."""
        raise NotImplementedError

    @property
    def first_seen(self) -> datetime:
        """The first window end at which the score was a finding."""
        return self.seen_at[0]

    @property
    def last_seen(self) -> datetime:
        """The last window end at which the score was a finding."""
        return self.seen_at[-1]

    @property
    def day(self) -> Interval:
        """The UTC day of the finding."""
        return day_of_window(self.window_end)

    @property
    def uid(self) -> str:
        """The same for each state of this finding."""
        return finding_uid(self.owner, self.kind, self.entity, self.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostFinding(Finding):
    """A host on a day; `p_value` is that of its largest score, and None with too few scores of earlier days."""

    host_ip: str
    p_value: float | None
    is_silent: bool
    judged_by: str
    reasons: tuple[Reason, ...]

    @property
    def kind(self) -> Kind:
        return "host"

    @property
    def entity(self) -> tuple[str | int, ...]:
        return (self.host_ip,)

    @property
    def severity(self) -> Severity:
        return host_severity(self.score)

    @property
    def confidence(self) -> Confidence:
        return confidence(self.p_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFinding(Finding):
    """A pair on a day, as FG-C tells of it at its largest score: `sessions_cnt`, `bytes` and shares of 24 hours."""

    src_ip: str
    dst_ip: str
    dst_port: int
    is_outside: bool
    sessions_cnt: int
    bytes: int
    is_new: bool | None
    is_rare: bool
    is_regular: bool
    active_days: int
    dst_prevalence: float | None
    regularity: float
    spread: float
    novelty: float
    volume: float

    @property
    def kind(self) -> Kind:
        return "pair"

    @property
    def entity(self) -> tuple[str | int, ...]:
        return (self.src_ip, self.dst_ip, self.dst_port)

    @property
    def severity(self) -> Severity:
        return pair_severity(self.score)

    @property
    def confidence(self) -> Confidence:
        """Unknown: no p value is known of pairs."""
        return Confidence.UNKNOWN


AnyFinding: TypeAlias = HostFinding | PairFinding


@dataclass(frozen=True, slots=True)
class Suppressed:
    """How many findings an active suppression removed; each counts for the first suppression, by name, that fits."""

    name: str
    owner: str
    reason: str
    expires: datetime
    findings: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings of some time, the largest score first, and the number of hosts and pairs that were scored.

    `suppressed` has a row for each active suppression; `expired` names those that have no effect any more.
    """

    day: Interval
    hosts: tuple[HostFinding, ...]
    pairs: tuple[PairFinding, ...]
    hosts_scored: int
    pairs_scored: int
    suppressed: tuple[Suppressed, ...] = ()
    expired: tuple[str, ...] = field(default=())

    @property
    def all(self) -> tuple[AnyFinding, ...]:
        """Those of hosts, then those of pairs."""
        return (*self.hosts, *self.pairs)
