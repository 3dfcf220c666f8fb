"""The datasets: their keys, columns, units and types. Each column is declared once, here.

Types are words that every engine knows: `string`, `int64`, `float64`, `bool`, `date` and `timestamp`
(microseconds, UTC); `reasons` is a list of structures with REASON_FIELDS. Source and destination follow the flow;
`host_ip` in role `outbound` is the flow's source, in role `inbound` its destination; the peer is the other end;
`peer_port` is always the destination port.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from ndr.contract.horizons import HORIZONS
from ndr.contract.time import WINDOWS

ColumnType = Literal["string", "int64", "float64", "bool", "date", "timestamp", "reasons"]

OUTBOUND: Final = "outbound"
INBOUND: Final = "inbound"
ROLES: Final = (OUTBOUND, INBOUND)
PORT_CLASSES: Final = ("high_risk", "admin", "fileshare", "directory", "db")
PEER_PORT_CLASSES: Final = ("admin", "high_risk")
"""The classes that peer deltas tell of each row, so that FG-A counts the peers on their ports."""
PEER_DIMENSIONS: Final = ("peer_ip", "peer_port", "peer_segment")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, type and meaning, with the unit where it has one."""

    name: str
    type: ColumnType
    meaning: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: its name, the columns that identify a row, and all columns in file order.

    `time_column` holds the instant that partitions are pruned by; `is_window_end` says that this instant closes
    its slice rather than opening it.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    time_column: str | None = None
    is_window_end: bool = False

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]


def _listed(words: Iterable[str]) -> str:
    """Return words for a sentence: `a, b or c`."""
    *others, last = words
    return f"{', '.join(others)} or {last}"


def _columns(type_: ColumnType, names: Iterable[tuple[str, str]]) -> tuple[Column, ...]:
    return tuple(Column(name, type_, meaning) for name, meaning in names)


COUNTS: Final = _columns(
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
        ("bytes_sent_sum", "bytes that the host sent"),
        ("bytes_recv_sum", "bytes that the host received"),
        *((f"{port_class}_port_sessions_cnt", f"flows to a {port_class} port") for port_class in PORT_CLASSES),
    ],
)
DURATION_SUM: Final = Column("duration_sum", "float64", "seconds, event_end less event_start, summed over flows")
MAXIMA: Final = _columns(
    "int64",
    [
        ("max_sessions_per_minute", "flows in the busiest minute of a slice"),
        ("max_flow_bytes_sent", "bytes that the host sent in the flow in which it sent most"),
        ("max_flow_bytes_recv", "bytes that the host received in the flow in which it received most"),
    ],
)
ACTIVITY: Final = (*COUNTS, DURATION_SUM, *MAXIMA)

_HOST: Final = Column("host_ip", "string", "the end of the flow that the row is of; internal in FG-A and FG-B")
_ROLE: Final = Column("role", "string", _listed(ROLES))
_SLICE: Final = Column("slice_start", "timestamp", "start of the 15-minute slice")
_ACTIONS: Final = tuple(column for column in COUNTS if column.name in ("sessions_cnt", "allow_cnt", "deny_cnt"))
_BYTES: Final = tuple(column for column in COUNTS if column.name in ("bytes_sent_sum", "bytes_recv_sum"))
_TIME_BAND: Final = Column(
    "time_band", "string", "band of the JobSpec's calendar that has the window's last slice, local"
)

INTEGRATION: Final = Dataset(
    "integration",
    (),
    (
        Column("source_ip", "string", "who opened the flow, IPv4 or IPv6"),
        Column("source_port", "int64", "0 to 65535; ICMP type where the log gives it"),
        Column("destination_ip", "string", "who was contacted"),
        Column("destination_port", "int64", "0 to 65535"),
        Column("source_bytes", "int64", "bytes from source to destination"),
        Column("destination_bytes", "int64", "bytes from destination to source"),
        Column("event_start", "timestamp", "start of the flow"),
        Column("event_end", "timestamp", "end of the flow"),
        Column("event_action", "string", "allow, deny, drop or alert"),
        Column("event_name", "string", "TRAFFIC or THREAT"),
        Column("event_reason", "string", "why the flow ended, e.g. tcp-fin, tcp-rst-from-server, aged-out"),
        Column("network_transport", "string", "tcp, udp, icmp, ..."),
    ),
    time_column="event_start",
)

QUARANTINE: Final = Dataset(
    "quarantine",
    (),
    (
        Column("source_file", "string", "the file that holds the row"),
        Column("row_number", "int64", "place of the row in its file, from 0"),
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
        Column("peer_port", "int64", "the destination port of the flow, in both roles"),
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

PAIR_COUNTS: Final = Dataset(
    "pair_counts",
    ("src_ip", "dst_ip", "dst_port", "slice_start"),
    (
        Column("src_ip", "string", "source of the flows"),
        Column("dst_ip", "string", "destination of the flows"),
        Column("dst_port", "int64", "destination port"),
        _SLICE,
        *_ACTIONS,
        Column("src_bytes_sum", "int64", "bytes from source to destination"),
        Column("dst_bytes_sum", "int64", "bytes from destination to source"),
    ),
    "slice_start",
)


def _peer_metrics() -> tuple[Column, ...]:
    per_dimension = (
        ("nunique", "int64", "distinct values in the window"),
        ("entropy", "float64", "Shannon entropy of the sessions over the values, bits"),
        ("top1_sessions_share", "float64", "share of the sessions that the value with most sessions has"),
        ("top1_bytes_share", "float64", "share of the bytes that the value with most bytes has; null without bytes"),
    )
    return tuple(
        Column(f"{dimension}_{suffix}", type_, f"{dimension}: {meaning}")  # type: ignore[arg-type]
        for dimension in PEER_DIMENSIONS
        for suffix, type_, meaning in per_dimension
    )


@dataclass(frozen=True, slots=True)
class Ratio:
    """A metric of FG-A that is one sum over the window divided by another; FG-A computes it from this declaration."""

    name: str
    part: str
    whole: str = "sessions_cnt"

    @property
    def column(self) -> Column:
        return Column(self.name, "float64", f"{self.part} / {self.whole}")


COUNT_RATIOS: Final = (
    Ratio("deny_ratio", "deny_cnt"),
    Ratio("tcp_ratio", "tcp_cnt"),
    Ratio("udp_ratio", "udp_cnt"),
    Ratio("icmp_ratio", "icmp_cnt"),
    Ratio("syn_only_ratio", "syn_only_cnt"),
)
RATIOS: Final = (
    Column("duration_mean", "float64", "seconds a flow"),
    Column("bytes_asymmetry_ratio", "float64", "(sent - received) / (sent + received), in [-1, 1]; null without bytes"),
    *(ratio.column for ratio in COUNT_RATIOS),
)
PEER_CLASSES: Final = _columns(
    "int64",
    [
        ("admin_peer_cnt", "distinct peers on admin ports"),
        ("high_risk_peer_cnt", "distinct peers on high-risk ports"),
        ("high_risk_port_cnt", "distinct high-risk ports"),
        ("high_risk_segment_sessions_cnt", "flows with peers in the high-risk networks of the JobSpec `networks`"),
    ],
)
NOVELTY: Final = _columns(
    "int64",
    [
        ("new_peer_cnt", "peers of the window not contacted in the lookback"),
        ("rare_peer_cnt", "peers of the window contacted on few days of the lookback"),
        ("new_port_cnt", "peer ports of the window not used in the lookback"),
        ("rare_port_cnt", "peer ports of the window used on few days of the lookback"),
        ("new_pair_cnt", "(peer, port) of the window not seen in the lookback"),
        ("rare_pair_cnt", "(peer, port) of the window seen on few days of the lookback"),
        ("new_peer_segment_cnt", "segments of peers of the window not contacted in the lookback"),
    ],
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
        "published slices / slices of the window, in [0, 1]; a slice of which nothing was delivered is not published",
    ),
    Column(
        "lookback_days", "int64", "days of the lookback, before the day of the window's start, with a published slice"
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
        Column("hour_of_day", "int64", "0 to 23, local, of the last slice's start"),
        Column("day_of_week", "int64", "0 is Monday, local"),
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
STATISTICS: Final[tuple[tuple[str, ColumnType, str], ...]] = (
    ("median", "float64", "50th percentile"),
    ("p25", "float64", "25th percentile, linear between ranks"),
    ("p75", "float64", "75th percentile"),
    ("p95", "float64", "95th percentile"),
    ("p99", "float64", "99th percentile"),
    ("iqr", "float64", "p75 - p25"),
    ("mad", "float64", "median of |x - median|"),
    (P95_ALL, "float64", "95th percentile over all published windows, 0 where the host had no session"),
    ("support_count", "int64", "windows with a value of which no two overlap, capped ones included"),
    ("cold_start", "bool", "support below the JobSpec's support_min of the window"),
)

_HORIZON_COLUMNS: Final = (
    Column("baseline_horizon", "string", _listed(HORIZONS)),
    Column("baseline_end", "timestamp", "the end that names the baseline; it stops a safety gap earlier"),
)
_SEGMENT: Final = Column("segment_id", "string", "segment of the host: the name of a named one, otherwise its CIDR")


def statistics_of(metric: str) -> tuple[tuple[str, ColumnType, str], ...]:
    """Return the statistics that a metric has, each with its type and meaning."""
    return tuple(each for each in STATISTICS if each[0] != P95_ALL or metric in COUNTS_AND_SUMS)


def statistics_dataset(name: str, entity: Column, metrics: Iterable[str]) -> Dataset:
    """Return the schema of host or segment baselines over `metrics`."""
    per_metric = tuple(
        Column(f"{metric}_{statistic}", type_, f"{metric}: {meaning}")
        for metric in metrics
        for statistic, type_, meaning in statistics_of(metric)
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
            Column("rows_cnt", "int64", "FG-A rows in the horizon whose whole window is published"),
            Column("capped_rows_cnt", "int64", "of them left out of the percentiles as anomalous"),
            Column("active_slices_cnt", "int64", "slices of the horizon with a session in the role, in any time band"),
            Column("active_days_cnt", "int64", "UTC days of these slices"),
            Column("active_ratio", "float64", "observed window ends / published ones of the time band, in [0, 1]"),
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


REGULARITY: Final = (
    Column("active_slices_share", "float64", "slices with an allowed flow / published slices, in [0, 1]"),
    Column("sessions_cv", "float64", "standard deviation / mean of the allowed flows of active slices; null below two"),
    Column("bytes_cv", "float64", "the same of the bytes both ways; null without bytes"),
    Column(
        "best_autocorrelation",
        "float64",
        "largest autocorrelation of being active over lags up to a sixth of the span; null below three active slices, "
        "and where all slices are active",
    ),
    Column("best_autocorrelation_lag", "int64", "its lag, slices; the shortest of equal ones"),
    Column("longest_run", "int64", "most active slices in a row, of the published ones"),
    Column("gaps_cv", "float64", "the same of the gaps between active slices, in published slices; null below three"),
    Column("active_span_share", "float64", "published slices from the first to the last active one / all, in [0, 1]"),
)
"""Regularity of a pair over a span of published slices."""


def _pair_dataset(name: str, entity: Column, more: tuple[Column, ...] = ()) -> Dataset:
    return Dataset(
        name,
        (entity.name, "dst_ip", "dst_port", "baseline_horizon", "baseline_end"),
        (
            entity,
            Column("dst_ip", "string", "destination of the flows"),
            Column("dst_port", "int64", "destination port"),
            *_HORIZON_COLUMNS,
            Column("pair_seen_count", "int64", "flows in the horizon"),
            Column("allow_cnt", "int64", "of them allowed"),
            Column("deny_cnt", "int64", "of them denied or dropped"),
            Column("src_bytes_sum", "int64", "bytes from source to destination"),
            Column("dst_bytes_sum", "int64", "bytes from destination to source"),
            Column("active_days", "int64", "UTC days with a flow"),
            Column("active_days_mask", "int64", "bit i: the pair was active i UTC days before the last one summarized"),
            Column("published_days", "int64", "UTC days of the horizon with published pair counts"),
            Column("first_seen", "timestamp", "start of the first slice with a flow"),
            Column("last_seen", "timestamp", "start of the last slice with a flow"),
            Column("pair_daily_avg", "float64", "flows a day of published time"),
            Column("pair_rarity_score", "float64", "log(published / active days) / log(published): 0 everyday, 1 rare"),
            Column("dst_prevalence", "float64", "prevalence_hosts_cnt / active_hosts_cnt, in [0, 1]"),
            Column("prevalence_hosts_cnt", "int64", "internal hosts that contact the destination on the port"),
            Column("active_hosts_cnt", "int64", "internal hosts that opened a flow"),
            Column("is_rare_pair", "bool", "few active days, low prevalence and enough hosts to tell, by the JobSpec"),
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
        Column("machine_name", "string", "from the newest inventory; null when unknown to it"),
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
        Column("hour_of_day", "int64", "0 to 23, local, of the last slice's start"),
        *_HORIZON_COLUMNS,
        Column("days_observed", "int64", "local days on which a window of this hour was published in full"),
        Column("observed_days_mask", "int64", "bit i is set for the observed day i local days before the last one"),
        *(
            Column(f"{metric}_{suffix}", type_, meaning)  # type: ignore[arg-type]
            for metric in PROFILE_METRICS
            for suffix, type_, meaning in (
                ("high_days_share", "float64", f"share of the observed days on which {metric} was high, in [0, 1]"),
                ("high_days_mask", "int64", f"as observed_days_mask, of the days on which {metric} was high"),
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

FG_B_PARTS: Final = ("host", "segment", "pair_host", "pair_segment", "ip_metadata", "profile")

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

JUDGES: Final = ("host", "segment", "network", "none")
"""The baselines that can judge a value, the first one with enough support; none says that no one has."""

_JUDGED_BY: Final = Column("judged_by", "string", f"whose baseline judged the value: {_listed(JUDGES)}")
_WINDOW: Final = (
    Column("window_label", "string", _listed(WINDOWS)),
    Column("window_end", "timestamp", "end of the window, exclusive"),
)

FG_C_SCORES: Final = Dataset(
    "scores",
    ("host_ip", "role", "window_label", "window_end", "metric", "baseline_horizon"),
    (
        _HOST,
        _ROLE,
        *_WINDOW,
        Column("metric", "string", "a metric of FG-A, of the JobSpec's list"),
        Column("baseline_horizon", "string", _listed(HORIZONS)),
        Column("baseline_end", "timestamp", "end of the baseline that was valid; null where judged_by is none"),
        Column("value", "float64", "the metric in the window"),
        _JUDGED_BY,
        Column("support_count", "int64", "values behind the baseline; 0 where judged_by is none"),
        Column("median", "float64", "of the baseline"),
        Column("mad", "float64", "of the baseline"),
        Column("p95", "float64", "of the baseline"),
        Column("p99", "float64", "of the baseline"),
        Column("scale", "float64", "what z divides by: 1.4826 MAD, IQR / 1.349 where the MAD is 0, at least a minimum"),
        Column("z", "float64", "(value - median) / scale"),
        Column("log_ratio", "float64", "log2((value + m) / (median + m)), m the metric's minimum scale"),
        Column("excess_over_p95", "float64", "value - p95 where that is above 0, else 0"),
        Column("tail_probability", "float64", "estimated share of values at least as large, in (0, 1]"),
        Column("expected", "float64", "share of days with the value at or above p95 at this hour; null if unknown"),
        Column("median_7d_to_30d_ratio", "float64", "drift: the host's 7d median / its 30d median; null without both"),
        Column("median_7d_30d_mads", "float64", "drift: (7d median - 30d median) / scale of 30d; null without both"),
        Column("contribution", "float64", "what the value can add to the host's score; 0 up to p99"),
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
    Column("value", "float64", "the metric in the window"),
    Column("usual", "float64", "the baseline's median"),
    Column("factor", "float64", "value / usual; null where usual is 0"),
    Column("contribution", "float64", "its part of the score"),
)

FG_C_HOSTS: Final = Dataset(
    "hosts",
    ("host_ip", "window_end"),
    (
        _HOST,
        Column("window_end", "timestamp", "end of the windows, exclusive"),
        Column("score", "float64", "sum of the contributions of the reasons; 0 is usual"),
        Column("p_value", "float64", "share of the calibration scores at least as large; null with too few of them"),
        Column("calibration_count", "int64", "scores of the calibration days that the p value ranks among"),
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
        Column("dst_ip", "string", "destination of the flows"),
        Column("dst_port", "int64", "destination port"),
        Column("window_end", "timestamp", "end of the 24 hours that are judged, exclusive"),
        Column("sessions_cnt", "int64", "flows in the 24 hours"),
        Column("bytes", "int64", "bytes both ways in the 24 hours"),
        Column("is_new", "bool", "in none of the valid baselines; null without one"),
        Column("is_rare", "bool", "the baseline calls it rare, or it is new and few hosts contact the destination"),
        Column("is_regular", "bool", "regularity of at least a half"),
        Column("is_well_known", "bool", "a service that hosts call by the clock, such as DNS, at a common destination"),
        Column("active_days", "int64", "days with a flow in the baseline; 0 where the pair is new"),
        Column("dst_prevalence", "float64", "share of hosts that contact the destination on the port, in [0, 1]"),
        *REGULARITY,
        Column("regularity", "float64", "the larger one of the 24 hours and of the baseline's seven days, in [0, 1]"),
        Column("spread", "float64", "1 where no other host contacts the destination, 0 where all do"),
        Column(
            "novelty",
            "float64",
            "1 where the pair is new or no baseline is valid, else its rarity there, in [0, 1]",
        ),
        Column("volume", "float64", "how unusual the sent bytes are among the pairs of the 24 hours, in [0, 1]"),
        Column("score", "float64", "spread novelty (1 - (1 - regularity) (1 - volume)), in [0, 1]"),
        Column("sentence", "string", "the finding in words"),
    ),
    "window_end",
    is_window_end=True,
)
