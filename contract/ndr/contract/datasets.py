"""The datasets: their keys and columns. Each column is declared once, here, with all that docs/features.md says of it.

Types are words that every engine knows: `string`, `int64`, `float64`, `bool`, `date` and `timestamp`
(microseconds, UTC); `reasons` is a list of structures with REASON_FIELDS. Source and destination follow the flow;
`host_ip` in role `outbound` is the flow's source, in role `inbound` its destination; the peer is the other end;
`peer_port` is always the destination port.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ndr.contract.columns import Column, Dataset, Unit, family
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import WINDOWS

OUTBOUND: Final = "outbound"
INBOUND: Final = "inbound"
ROLES: Final = (OUTBOUND, INBOUND)
PORT_CLASSES: Final = ("high_risk", "admin", "fileshare", "directory", "db")
PEER_PORT_CLASSES: Final = ("admin", "high_risk")
"""The classes that peer deltas tell of each row, so that FG-A counts the peers on their ports."""
PEER_DIMENSIONS: Final = ("peer_ip", "peer_port", "peer_segment")


def _listed(words: Iterable[str]) -> str:
    """Return words for a sentence: `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}"


_SUM: Final = "sum over the flows"
_ROBUST: Final = "Iglewicz & Hoaglin 1993"

COUNTS: Final = (
    *family(
        "int64",
        [
            ("sessions_cnt", "flows"),
            ("allow_cnt", "flows allowed"),
            ("deny_cnt", "flows denied or dropped"),
            ("alert_cnt", "flows with an alert"),
            ("rst_cnt", "flows that ended with a TCP reset"),
            ("aged_out_cnt", "flows that timed out"),
            ("zero_reply_cnt", "flows to which the destination sent no byte"),
            ("short_session_cnt", "flows no longer than the JobSpec's short_session_seconds"),
            ("threat_cnt", "flows logged as THREAT"),
            ("traffic_cnt", "flows logged as TRAFFIC"),
            ("tcp_cnt", "TCP flows"),
            ("udp_cnt", "UDP flows"),
            ("icmp_cnt", "ICMP flows, v4 and v6"),
            ("syn_only_cnt", "TCP flows to which the destination sent no byte: a SYN without an answer"),
        ],
        unit="flows",
        formula="count",
    ),
    *family(
        "int64",
        [("bytes_sent_sum", "bytes that the host sent"), ("bytes_recv_sum", "bytes that the host received")],
        unit="bytes",
        formula=_SUM,
    ),
    *family(
        "int64",
        [
            (f"{port_class}_port_sessions_cnt", f"flows to a port of the class {port_class}")
            for port_class in PORT_CLASSES
        ],
        unit="flows",
        formula="count",
    ),
)
DURATION_SUM: Final = Column(
    "duration_sum", "float64", "duration of the flows", "seconds", "sum of event_end - event_start over the flows"
)
MAXIMA: Final = (
    Column(
        "max_sessions_per_minute",
        "int64",
        "flows in the busiest minute of a slice",
        "flows",
        "maximum over the minutes",
    ),
    *family(
        "int64",
        [
            ("max_flow_bytes_sent", "bytes that the host sent in the flow in which it sent most"),
            ("max_flow_bytes_recv", "bytes that the host received in the flow in which it received most"),
        ],
        unit="bytes",
        formula="maximum over the flows",
    ),
)
ACTIVITY: Final = (*COUNTS, DURATION_SUM, *MAXIMA)

_HOST: Final = Column("host_ip", "string", "the end of the flow that the row is of; internal in FG-A and FG-B")
_ROLE: Final = Column("role", "string", _listed(ROLES))
_SLICE: Final = Column("slice_start", "timestamp", "start of the 15-minute slice")
_ACTIONS: Final = tuple(column for column in COUNTS if column.name in ("sessions_cnt", "allow_cnt", "deny_cnt"))
_BYTES: Final = tuple(column for column in COUNTS if column.name in ("bytes_sent_sum", "bytes_recv_sum"))
_HOUR: Final = Column("hour_of_day", "int64", "0 to 23, local, of the last slice's start", "hour")
_TIME_BAND: Final = Column(
    "time_band", "string", "band of the JobSpec's calendar that has the window's last slice, local"
)

_UNTOLD: Final = "the source does not tell it"

INTEGRATION: Final = Dataset(
    "integration",
    (),
    (
        Column("source_ip", "string", "who opened the flow, IPv4 or IPv6"),
        Column("source_port", "int64", "0 to 65535; ICMP type where the log gives it", "port number", null=_UNTOLD),
        Column("destination_ip", "string", "who was contacted"),
        Column("destination_port", "int64", "0 to 65535", "port number"),
        Column("source_bytes", "int64", "bytes from source to destination", "bytes", null=_UNTOLD),
        Column("destination_bytes", "int64", "bytes from destination to source", "bytes", null=_UNTOLD),
        Column("event_start", "timestamp", "start of the flow"),
        Column("event_end", "timestamp", "end of the flow"),
        Column("event_action", "string", "allow, deny, drop or alert"),
        Column("event_name", "string", "TRAFFIC or THREAT", null=_UNTOLD),
        Column(
            "event_reason",
            "string",
            "why the flow ended, e.g. tcp-fin, tcp-rst-from-server, aged-out",
            null=_UNTOLD,
        ),
        Column("network_transport", "string", "tcp, udp, icmp, ...", null=_UNTOLD),
    ),
    time_column="event_start",
)

QUARANTINE: Final = Dataset(
    "quarantine",
    (),
    (
        Column("source_file", "string", "the file that holds the row"),
        Column("row_number", "int64", "place of the row in its file, from 0", "rows"),
        Column("reason", "string", "why the row can't be used"),
        Column("raw", "string", "the row as JSON"),
    ),
)

DELTAS: Final = Dataset("deltas", ("host_ip", "role", "slice_start"), (_HOST, _ROLE, _SLICE, *ACTIVITY), "slice_start")

PEER_DELTAS: Final = Dataset(
    "peer_deltas",
    ("host_ip", "role", "peer_ip", "peer_port", "slice_start"),
    (
        _HOST,
        _ROLE,
        Column("peer_ip", "string", "the other end of the flow"),
        Column("peer_port", "int64", "the destination port of the flow, in both roles", "port number"),
        _SLICE,
        *_ACTIONS,
        *_BYTES,
        *(
            Column(f"is_{port_class}_port", "bool", f"a flow of the row is to a port of the class {port_class}")
            for port_class in PEER_PORT_CLASSES
        ),
    ),
    "slice_start",
)

_DESTINATION: Final = (
    Column("dst_ip", "string", "destination of the flows"),
    Column("dst_port", "int64", "destination port", "port number"),
)
_DIRECTED_BYTES: Final = family(
    "int64",
    [
        ("src_bytes_sum", "bytes from source to destination"),
        ("dst_bytes_sum", "bytes from destination to source"),
    ],
    unit="bytes",
    formula=_SUM,
)

PAIR_COUNTS: Final = Dataset(
    "pair_counts",
    ("src_ip", "dst_ip", "dst_port", "slice_start"),
    (Column("src_ip", "string", "source of the flows"), *_DESTINATION, _SLICE, *_ACTIONS, *_DIRECTED_BYTES),
    "slice_start",
)


_PEER_UNITS: Final[dict[str, Unit]] = {"peer_ip": "peers", "peer_port": "ports", "peer_segment": "segments"}


def _peer_metrics() -> tuple[Column, ...]:
    """n_i are the sessions of value i, N those of all; b_i and B the bytes both ways."""
    nunique = Column("nunique", "int64", "distinct values in the window")
    others = (
        Column(
            "entropy",
            "float64",
            "Shannon entropy of the sessions over the values",
            "bits",
            "log2 N - (sum of n_i log2 n_i) / N, for n_i of N sessions with value i",
            source="Shannon 1948",
        ),
        Column(
            "top1_sessions_share",
            "float64",
            "share of the sessions that the value with most sessions has",
            "share",
            "max n_i / N",
        ),
        Column(
            "top1_bytes_share",
            "float64",
            "share of the bytes both ways that the value with most bytes has",
            "share",
            "max b_i / B, for b_i of B bytes with value i",
            null="no byte was sent or received in the window",
        ),
    )
    return tuple(
        replace(each, name=f"{dimension}_{each.name}", meaning=f"{dimension}: {each.meaning}")
        for dimension in PEER_DIMENSIONS
        for each in (replace(nunique, unit=_PEER_UNITS[dimension]), *others)
    )


@dataclass(frozen=True, slots=True)
class Ratio:
    """A metric of FG-A that is one sum over the window divided by another; FG-A computes it from this declaration."""

    name: str
    part: str
    whole: str = "sessions_cnt"

    @property
    def column(self) -> Column:
        return Column(self.name, "float64", f"{self.part} as a share", "share", f"{self.part} / {self.whole}")


COUNT_RATIOS: Final = (
    Ratio("deny_ratio", "deny_cnt"),
    Ratio("tcp_ratio", "tcp_cnt"),
    Ratio("udp_ratio", "udp_cnt"),
    Ratio("icmp_ratio", "icmp_cnt"),
    Ratio("syn_only_ratio", "syn_only_cnt"),
)
RATIOS: Final = (
    Column("duration_mean", "float64", "mean duration of a flow", "seconds", "duration_sum / sessions_cnt"),
    Column(
        "bytes_asymmetry_ratio",
        "float64",
        "1 where the host only sent, -1 where it only received",
        "ratio",
        "(bytes_sent_sum - bytes_recv_sum) / (bytes_sent_sum + bytes_recv_sum)",
        null="no byte was sent or received in the window",
    ),
    *(ratio.column for ratio in COUNT_RATIOS),
)
PEER_CLASSES: Final = (
    *family(
        "int64",
        [
            ("admin_peer_cnt", "distinct peers with a flow to an admin port"),
            ("high_risk_peer_cnt", "distinct peers with a flow to a high-risk port"),
        ],
        unit="peers",
    ),
    Column("high_risk_port_cnt", "int64", "distinct high-risk ports", "ports"),
    Column(
        "high_risk_segment_sessions_cnt",
        "int64",
        "flows with peers in the high-risk networks of the JobSpec `networks`",
        "flows",
    ),
)
_NOVEL: Final[tuple[tuple[str, Unit, str], ...]] = (
    ("peer", "peers", "peers"),
    ("port", "ports", "peer ports"),
    ("pair", "pairs", "(peer, port)"),
    ("peer_segment", "segments", "segments of peers"),
)
NOVELTY: Final = tuple(
    Column(f"{kind}_{name}_cnt", "int64", f"{what} of the window {when}", unit)
    for name, unit, what in _NOVEL
    for kind, when in (
        ("new", "on no day of the lookback"),
        ("rare", "on 1 to rare_max_active_days days of the lookback"),
    )
    if (kind, name) != ("rare", "peer_segment")
)
FG_A_METRICS: Final = (*ACTIVITY, *_peer_metrics(), *PEER_CLASSES, *RATIOS, *NOVELTY)
COUNTS_AND_SUMS: Final = frozenset(
    column.name for column in FG_A_METRICS if column.type == "int64" or column.name == DURATION_SUM.name
)
"""The metrics of FG-A that are 0, and never below, in a window without a session."""
SEEN: Final = (
    Column(
        "window_coverage",
        "float64",
        "how much of the window is published; a slice of which nothing was delivered is not",
        "share",
        "published slices of the window / its slices",
    ),
    Column(
        "lookback_days",
        "int64",
        "days of the lookback, before the day of the window's start, with a published slice",
        "days",
    ),
)
"""What a row of FG-A was computed from."""

FG_A: Final = Dataset(
    "fg_a",
    ("host_ip", "role", "window_label", "window_end"),
    (
        _HOST,
        _ROLE,
        Column("window_label", "string", _listed(WINDOWS)),
        Column("window_end", "timestamp", "end of the window, exclusive"),
        *FG_A_METRICS,
        _HOUR,
        Column("day_of_week", "int64", "0 is Monday, local, of the last slice's start", "weekday"),
        Column(
            "is_weekend",
            "bool",
            "day_of_week is among the weekend days of the JobSpec's calendar, or the date among its holidays",
        ),
        _TIME_BAND,
        *SEEN,
    ),
    "window_end",
    is_window_end=True,
)

MACHINE_INVENTORY: Final = Dataset(
    "machine_inventory",
    ("ip_address",),
    (
        Column("ip_address", "string", "address of the machine"),
        Column("machine_name", "string", "its name; VDI and other short-lived machines are told by its prefix"),
        Column("snapshot_month", "string", "the month of the snapshot, YYYY-MM"),
    ),
)

P95_ALL: Final = "p95_all"
"""The statistic that only counts and sums have."""
_NO_VALUE: Final = "no row of the group has a value: support_count is 0"


def _percentile(name: str, percent: int) -> Column:
    return Column(
        name,
        "float64",
        f"{percent}th percentile of the values that are not capped",
        "of the metric",
        "linear between ranks",
        _NO_VALUE,
        "Hyndman & Fan 1996, type 7",
    )


STATISTICS: Final = (
    _percentile("median", 50),
    _percentile("p25", 25),
    _percentile("p75", 75),
    _percentile("p95", 95),
    _percentile("p99", 99),
    Column("iqr", "float64", "interquartile range", "of the metric", "p75 - p25", _NO_VALUE),
    Column(
        "mad",
        "float64",
        "median absolute deviation",
        "of the metric",
        "median of |x - median|",
        _NO_VALUE,
        "Hampel 1974",
    ),
    Column(
        P95_ALL,
        "float64",
        "95th percentile over all published windows; of counts and sums alone",
        "of the metric",
        "as p95, with 0 where the host had no session",
        _NO_VALUE,
        "Hyndman & Fan 1996, type 7",
    ),
    Column("support_count", "int64", "windows with a value of which no two overlap, capped ones included", "windows"),
    Column("cold_start", "bool", "support too small to judge by", formula="support_count < support_min of the window"),
)
"""The statistics of a metric, named without it."""

_HORIZON_COLUMNS: Final = (
    Column("baseline_horizon", "string", _listed(HORIZONS)),
    Column("baseline_end", "timestamp", "the end that names the baseline; it stops a safety gap earlier"),
)
_SEGMENT: Final = Column("segment_id", "string", "segment of the host: the name of a named one, otherwise its CIDR")


def statistics_of(metric: str) -> tuple[Column, ...]:
    """Return the statistics that a metric has, named without it."""
    return tuple(each for each in STATISTICS if each.name != P95_ALL or metric in COUNTS_AND_SUMS)


def statistics_dataset(name: str, entity: Column, metrics: Iterable[str]) -> Dataset:
    """Return the schema of host or segment baselines over `metrics`."""
    per_metric = tuple(
        replace(each, name=f"{metric}_{each.name}", meaning=f"{metric}: {each.meaning}")
        for metric in metrics
        for each in statistics_of(metric)
    )
    return Dataset(
        name,
        (entity.name, "role", "time_band", "window_label", "baseline_horizon", "baseline_end"),
        (
            entity,
            _ROLE,
            _TIME_BAND,
            Column("window_label", "string", _listed(WINDOWS)),
            *_HORIZON_COLUMNS,
            Column("rows_cnt", "int64", "FG-A rows in the horizon whose whole window is published", "rows"),
            Column(
                "capped_rows_cnt",
                "int64",
                "of them left out of the percentiles as anomalous",
                "rows",
                "|x - median| / MAD of a key metric above the JobSpec's threshold, up to a fifth of the rows",
                source=_ROBUST,
            ),
            Column(
                "active_slices_cnt",
                "int64",
                "slices of the horizon with a session in the role, in any time band",
                "slices",
            ),
            Column("active_days_cnt", "int64", "UTC days of these slices", "days"),
            Column(
                "active_ratio",
                "float64",
                "how much of the published time the group was active",
                "share",
                "observed window ends / published ones of the time band",
            ),
            *per_metric,
        ),
        "baseline_end",
        is_window_end=True,
    )


def fg_b_host(metrics: Iterable[str]) -> Dataset:
    """Return the schema of host baselines over `metrics`."""
    return statistics_dataset("host", _HOST, metrics)


def fg_b_segment(metrics: Iterable[str]) -> Dataset:
    """Return the schema of segment baselines over `metrics`."""
    return statistics_dataset("segment", _SEGMENT, metrics)


_BELOW_TWO: Final = "fewer than two active slices"
_BELOW_THREE: Final = "fewer than three active slices"
_NO_LAG: Final = f"{_BELOW_THREE}, all slices active, or no lag with enough published slices at both its ends"
_VARIATION: Final = "standard deviation / mean"

REGULARITY: Final = (
    Column(
        "active_slices_share",
        "float64",
        "how much of the span the pair is active; an active slice has an allowed flow",
        "share",
        "active slices / published slices",
    ),
    Column(
        "sessions_cv",
        "float64",
        "variation of the allowed flows of active slices; 0 is a machine",
        "ratio",
        _VARIATION,
        _BELOW_TWO,
        "Pearson 1896",
    ),
    Column(
        "bytes_cv",
        "float64",
        "variation of the bytes both ways of active slices",
        "ratio",
        _VARIATION,
        f"{_BELOW_TWO}, or no byte in them",
        "Pearson 1896",
    ),
    Column(
        "best_autocorrelation",
        "float64",
        "largest autocorrelation of being active, in [-1, 1]",
        "ratio",
        "c(k) / c(0), maximum over lags k up to a sixth of the span",
        _NO_LAG,
        "Box & Jenkins 1976; Parzen 1963",
    ),
    Column(
        "best_autocorrelation_lag",
        "int64",
        "the lag of the best autocorrelation; the shortest of equal ones",
        "slices",
        null=_NO_LAG,
    ),
    Column("longest_run", "int64", "most active slices in a row, of the published ones", "slices"),
    Column(
        "gaps_cv",
        "float64",
        "variation of the gaps between active slices, in published slices",
        "ratio",
        _VARIATION,
        _BELOW_THREE,
        "Pearson 1896",
    ),
    Column(
        "active_span_share",
        "float64",
        "how much of the span lies between the first and the last active slice",
        "share",
        "published slices from the first to the last active one / all",
    ),
)
"""Regularity of a pair over a span of published slices."""


def _pair_dataset(name: str, entity: Column, more: tuple[Column, ...] = ()) -> Dataset:
    return Dataset(
        name,
        (entity.name, "dst_ip", "dst_port", "baseline_horizon", "baseline_end"),
        (
            entity,
            *_DESTINATION,
            *_HORIZON_COLUMNS,
            Column("pair_seen_count", "int64", "flows in the horizon", "flows"),
            Column("allow_cnt", "int64", "of them allowed", "flows"),
            Column("deny_cnt", "int64", "of them denied or dropped", "flows"),
            *_DIRECTED_BYTES,
            Column("active_days", "int64", "UTC days with a flow", "days"),
            Column(
                "active_days_mask",
                "int64",
                "bit i: the pair was active i UTC days before the last one summarized",
                "bit mask",
            ),
            Column("published_days", "int64", "UTC days of the horizon with published pair counts", "days"),
            Column("first_seen", "timestamp", "start of the first slice with a flow"),
            Column("last_seen", "timestamp", "start of the last slice with a flow"),
            Column(
                "pair_daily_avg",
                "float64",
                "flows a day of published time",
                "flows a day",
                "96 pair_seen_count / published slices",
            ),
            Column(
                "pair_rarity_score",
                "float64",
                "0 is every day, 1 is one day; 0 where one day is published",
                "share",
                "ln(published_days / active_days) / ln(published_days)",
                source="Spärck Jones 1972",
            ),
            Column(
                "dst_prevalence",
                "float64",
                "how common the destination on the port is among the internal hosts",
                "share",
                "prevalence_hosts_cnt / active_hosts_cnt",
            ),
            Column("prevalence_hosts_cnt", "int64", "internal hosts that contact the destination on the port", "hosts"),
            Column("active_hosts_cnt", "int64", "internal hosts that opened a flow", "hosts"),
            Column(
                "is_rare_pair",
                "bool",
                "few active days, low prevalence and enough hosts to tell",
                formula="active_days, dst_prevalence and active_hosts_cnt against `rarity` of the JobSpec",
            ),
            *more,
        ),
        "baseline_end",
        is_window_end=True,
    )


FG_B_PAIR_HOST: Final = _pair_dataset("pair_host", Column("src_ip", "string", "source of the flows"), REGULARITY)
"""With the regularity of the last seven days of the horizon."""

FG_B_PAIR_SEGMENT: Final = _pair_dataset("pair_segment", _SEGMENT)

FG_B_IP_METADATA: Final = Dataset(
    "ip_metadata",
    ("host_ip", "baseline_horizon", "baseline_end"),
    (
        _HOST,
        *_HORIZON_COLUMNS,
        Column("machine_name", "string", "from the newest inventory", null="the inventory does not know the address"),
        Column("is_full_history", "bool", "seen on the first and on the last UTC day of the horizon"),
        Column("is_non_persistent_machine", "bool", "the name starts with a prefix of non_persistent_prefixes"),
        Column("is_cold_start", "bool", "without full history, or non-persistent: judge by its segment"),
    ),
    "baseline_end",
    is_window_end=True,
)

PROFILE_WINDOWS: Final = ("1h", "8h", "24h")
PROFILE_METRICS: Final = ("sessions_cnt", "bytes_sent_sum", "bytes_recv_sum", "peer_ip_nunique", "deny_cnt")
"""The FG-A metrics whose high values are counted by hour of day; `ndr.jobs.fg_b.profile` says which values are high."""

FG_B_PROFILE: Final = Dataset(
    "profile",
    ("host_ip", "role", "window_label", "hour_of_day", "baseline_horizon", "baseline_end"),
    (
        _HOST,
        _ROLE,
        Column("window_label", "string", _listed(PROFILE_WINDOWS)),
        _HOUR,
        *_HORIZON_COLUMNS,
        Column("days_observed", "int64", "local days on which a window of this hour was published in full", "days"),
        Column(
            "observed_days_mask",
            "int64",
            "bit i is set for the observed day i local days before the last one",
            "bit mask",
        ),
        *(
            replace(each, name=f"{metric}_{each.name}", meaning=each.meaning.format(metric=metric))
            for metric in PROFILE_METRICS
            for each in (
                Column(
                    "high_days_share",
                    "float64",
                    "observed days on which {metric} was high: x >= p95 and x > median",
                    "share",
                    "high days / days_observed",
                ),
                Column(
                    "high_days_mask",
                    "int64",
                    "as observed_days_mask, of the days on which {metric} was high",
                    "bit mask",
                ),
                Column(
                    "second_highest",
                    "float64",
                    "what {metric} reaches at the hour on at least two days",
                    "of the metric",
                    "second largest of the observed days' maxima, not capped",
                    "fewer than two days have a value above 0",
                ),
            )
        ),
    ),
    "baseline_end",
    is_window_end=True,
)

LATE_FOLDER: Final = "_late"
"""Below the deltas' prefix: rows that came with another time's mini-batch, by the slice that they belong to."""

FG_B: Final = "fg_b"
"""The dataset of the baselines: one partition a baseline, with FG_B_PARTS as its tables."""


def fg_b_tables(metrics: Iterable[str]) -> tuple[Dataset, ...]:
    """Return the schemas of a baseline's tables over `metrics`, in the order of FG_B_PARTS."""
    names = tuple(metrics)
    pairs = (FG_B_PAIR_HOST, FG_B_PAIR_SEGMENT)
    return (fg_b_host(names), fg_b_segment(names), *pairs, FG_B_IP_METADATA, FG_B_PROFILE)


FG_B_PARTS: Final = tuple(table.name for table in fg_b_tables(()))

FG_C: Final = "fg_c"
"""The dataset of the scores: partitions of a day or of a part of one, with FG_C_PARTS as their tables."""

FG_C_PARTS: Final = ("scores", "hosts", "pairs")

SCORED_METRICS: Final = (
    "sessions_cnt",
    "max_sessions_per_minute",
    "bytes_sent_sum",
    "bytes_recv_sum",
    "deny_cnt",
    "syn_only_cnt",
    "peer_ip_nunique",
    "peer_port_nunique",
    "peer_segment_nunique",
    "new_peer_cnt",
    "new_pair_cnt",
    "high_risk_port_sessions_cnt",
    "admin_port_sessions_cnt",
    "admin_peer_cnt",
    "high_risk_peer_cnt",
    "fileshare_port_sessions_cnt",
)
"""What FG-C scores unless its JobSpec says otherwise: volume, failures, breadth, novelty, exposed services."""

EXPECTED_BY: Final = {
    **{metric: metric for metric in PROFILE_METRICS},
    "max_sessions_per_minute": "sessions_cnt",
    "fileshare_port_sessions_cnt": "sessions_cnt",
    "peer_port_nunique": "peer_ip_nunique",
    "peer_segment_nunique": "peer_ip_nunique",
    "syn_only_cnt": "deny_cnt",
}
"""The metric of the profile that tells whether a large value of a scored metric is expected at its hour. What is not
here, such as new peers and sessions to exposed ports, is expected at none."""

SCORED_WINDOWS: Final = ("1h", "8h", "24h")
"""The windows that FG-C scores unless its JobSpec says otherwise: those that have a profile."""

SILENCE_WINDOW: Final = "1h"
"""A host is silent when it has no session in this window."""

SILENCE: Final = "silence"
"""The metric of a reason that says that a host had no session."""
MISSED: Final = ("sessions_cnt", "bytes_sent_sum", "bytes_recv_sum")
"""Metrics whose large values are missed when they do not come."""


def missing_name(metric: str) -> str:
    """Return the metric of a reason that says that a large value did not come."""
    return f"missing_{metric}"


REASON_METRICS: Final = (*(column.name for column in FG_A_METRICS), SILENCE, *map(missing_name, MISSED))
"""What a reason of FG-C can be about."""

JUDGES: Final = ("host", "segment", "network", "none")
"""The baselines that can judge a value, the first one with enough support; none says that no one has."""

_JUDGED_BY: Final = Column("judged_by", "string", f"whose baseline judged the value: {_listed(JUDGES)}")
_WINDOW: Final = (
    Column("window_label", "string", _listed(WINDOWS)),
    Column("window_end", "timestamp", "end of the window, exclusive"),
)

_UNJUDGED: Final = "judged_by is none"
_NO_DRIFT: Final = "the host's baselines of the shortest and longest horizon do not both judge the value"

FG_C_SCORES: Final = Dataset(
    "scores",
    ("host_ip", "role", "window_label", "window_end", "metric", "baseline_horizon"),
    (
        _HOST,
        _ROLE,
        *_WINDOW,
        Column("metric", "string", "a metric of FG-A, of the JobSpec's list"),
        Column("baseline_horizon", "string", _listed(HORIZONS)),
        Column("baseline_end", "timestamp", "end of the baseline that was valid", null=_UNJUDGED),
        Column("value", "float64", "the metric in the window; a null value has no row", "of the metric"),
        _JUDGED_BY,
        Column("support_count", "int64", "values behind the baseline; 0 where judged_by is none", "windows"),
        *family(
            "float64",
            [(name, f"{name} of the baseline") for name in ("median", "mad", "p95", "p99")],
            unit="of the metric",
            null=_UNJUDGED,
        ),
        Column(
            "scale",
            "float64",
            "what z divides by; at least the JobSpec's minimum_scale",
            "of the metric",
            "1.4826 mad, or iqr / 1.349 where mad is 0",
            _UNJUDGED,
            f"{_ROBUST}; Rousseeuw & Croux 1993",
        ),
        Column("z", "float64", "robust z score", "ratio", "(value - median) / scale", _UNJUDGED, _ROBUST),
        Column(
            "log_ratio",
            "float64",
            "how many doublings the value is above the median, m the metric's minimum scale",
            "ratio",
            "log2((value + m) / (median + m))",
            f"{_UNJUDGED}, or value + m or median + m is not above 0",
        ),
        Column(
            "excess_over_p95",
            "float64",
            "how far the value is above p95",
            "of the metric",
            "max(value - p95, 0)",
            _UNJUDGED,
        ),
        Column(
            "tail_probability",
            "float64",
            "estimated share of values at least as large, never 0",
            "share",
            "interpolated between percentiles, exponential above p99; at least 1 / (support_count + 1)",
            _UNJUDGED,
            "Pickands 1975; Davison & Hinkley 1997",
        ),
        Column(
            "expected",
            "float64",
            "share of days with so large a value at this hour, of the metric of the profile that stands for it",
            "share",
            "high days / days_observed; with three weeks, the larger one of all days and of the weekday",
            "no metric of the profile stands for it, or no profile tells of the window",
        ),
        Column(
            "second_highest",
            "float64",
            "what the metric reaches at this hour on at least two days, by the profile of the horizon",
            "of the metric",
            "<metric>_second_highest of the profile",
            "the profile has not the metric, has no row for the hour, or has null there",
        ),
        Column(
            "median_7d_to_30d_ratio",
            "float64",
            "drift of the host",
            "ratio",
            "7d median / 30d median",
            f"{_NO_DRIFT}, or the 30d median is 0",
        ),
        Column(
            "median_7d_30d_mads",
            "float64",
            "drift of the host",
            "ratio",
            "(7d median - 30d median) / scale of 30d",
            _NO_DRIFT,
        ),
        Column(
            "contribution",
            "float64",
            "what the value can add to the host's score; 0 up to p99 and second_highest, and where judged_by is none",
            "points",
            "weight log2(1 + max(0, value - max((1 + expected) p99, second_highest)) / s), s = p99 - p95 or least",
            source="Davison & Smith 1990",
        ),
    ),
    "window_end",
    is_window_end=True,
)

REASON_FIELDS: Final = (
    Column("metric", "string", "what was unusual"),
    Column("role", "string", _listed(ROLES)),
    Column("window_label", "string", _listed(WINDOWS)),
    Column("baseline_horizon", "string", _listed(HORIZONS)),
    Column("judged_by", "string", _listed(JUDGES)),
    Column("value", "float64", "the metric in the window", "of the metric"),
    Column("usual", "float64", "the baseline's median", "of the metric"),
    Column("factor", "float64", "how many times the usual", "ratio", "value / usual", "usual is 0"),
    Column("contribution", "float64", "its part of the score", "points"),
)

FG_C_HOSTS: Final = Dataset(
    "hosts",
    ("host_ip", "window_end"),
    (
        _HOST,
        Column("window_end", "timestamp", "end of the windows, exclusive"),
        Column(
            "score", "float64", "how unusual the host is; 0 is usual", "points", "sum of the reasons' contributions"
        ),
        Column(
            "p_value",
            "float64",
            "share of the calibration scores at least as large",
            "share",
            "(1 + those at least as large) / (1 + calibration_count)",
            "calibration_count is below calibration.min_scores of the JobSpec",
            "Vovk, Gammerman & Shafer 2005",
        ),
        Column("calibration_count", "int64", "scores of the calibration days that the p value ranks among", "scores"),
        Column("is_silent", "bool", "the host is usually active and had no session in the last hour"),
        Column("judged_by", "string", f"the nearest baseline that judged any value: {_listed(JUDGES)}"),
        Column("reasons", "reasons", "the largest contributions, at most five, one a metric"),
        Column("sentence", "string", "the same in words"),
    ),
    "window_end",
    is_window_end=True,
)

FG_C_PAIRS: Final = Dataset(
    "pairs",
    ("src_ip", "dst_ip", "dst_port", "window_end"),
    (
        Column("src_ip", "string", "source of the flows"),
        *_DESTINATION,
        Column("window_end", "timestamp", "end of the 24 hours that are judged, exclusive"),
        Column("sessions_cnt", "int64", "flows in the 24 hours", "flows"),
        Column("bytes", "int64", "bytes both ways in the 24 hours", "bytes"),
        Column("is_new", "bool", "in none of the valid baselines", null="no baseline is valid"),
        Column("is_rare", "bool", "the baseline calls it rare, or it is new and few hosts contact the destination"),
        Column("is_regular", "bool", "the pair calls by the clock", formula="regularity >= 0.5"),
        Column("is_well_known", "bool", "a service that hosts call by the clock, such as DNS, at a common destination"),
        Column("active_days", "int64", "days with a flow in the baseline; 0 where the pair is new", "days"),
        Column(
            "dst_prevalence",
            "float64",
            "how common the destination on the port is among the internal hosts",
            "share",
            "prevalence_hosts_cnt / active_hosts_cnt of the baseline",
            "no baseline is valid, or no internal host opened a flow in it",
        ),
        *REGULARITY,
        Column(
            "regularity",
            "float64",
            "the larger one of the 24 hours and of the baseline's seven days",
            "share",
            "ln n / ln P times the better one of even gaps and repeated pattern",
        ),
        Column(
            "spread",
            "float64",
            "1 where no other host contacts the destination, 0 where all do",
            "share",
            "1 - ln(1 + h) / ln(1 + H)",
            source="Spärck Jones 1972",
        ),
        Column("novelty", "float64", "1 where the pair is new or no baseline is valid, else its rarity", "share"),
        Column(
            "volume",
            "float64",
            "how unusual the bytes that the source sent are among the pairs of the 24 hours",
            "share",
            "(z - 2) / 6 of ln of the sent bytes, within [0, 1]",
            source=_ROBUST,
        ),
        Column(
            "score",
            "float64",
            "how much the pair deserves a look",
            "share",
            "spread novelty (1 - (1 - regularity) (1 - volume))",
            source="noisy or, Pearl 1988",
        ),
        Column("sentence", "string", "the finding in words"),
    ),
    "window_end",
    is_window_end=True,
)
