"""Small random traffic for FG-A: few hosts, peers and ports, so that everything ties, leaves and comes back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import strategies as st

from ndr.contract.datasets import DELTAS, FG_B_PAIR_HOST, PEER_DELTAS
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import DAY, SLICE, WINDOWS, Interval
from ndr.jobs.fg_a.days import inputs_of
from ndr.jobs.fg_a.published_time import PublishedTime
from ndr.store.schema import arrow_schema

HOSTS = ("10.0.0.5", "10.0.0.40", "2001:db8::5")
PEERS = ("10.0.0.5", "10.0.0.40", "192.0.2.9", "192.0.2.90", "192.0.3.9", "2001:db8::5", "2001:db8:0:1::7")
PORTS = (0, 443, 65535)
HISTORY_COLUMNS = ["host_ip", "role", "peer_ip", "peer_port", "slice_start"]
PREFIXES = {"deltas": "file:///d", "fg_b": "file:///b"}


@dataclass
class Traffic:
    """A batch, its spec, and rows: those of the windows and those before them."""

    batch: Interval
    spec: FgABuilderSpec
    deltas: list[dict] = field(default_factory=list)
    peer_deltas: list[dict] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)
    delivered: tuple[Interval, ...] = ()
    networks: Networks = field(default_factory=Networks)

    @property
    def earliest(self) -> datetime:
        return self.batch.start + SLICE - max(WINDOWS[label] for label in self.spec.windows)

    @property
    def published(self) -> PublishedTime:
        return PublishedTime.of(self.delivered, inputs_of(self.batch, self.spec))


def spec_of(windows=tuple(WINDOWS), zone="Europe/Berlin", lookback_days=30, rare_days=2):
    return FgABuilderSpec.model_validate(
        {
            "inputs": PREFIXES,
            "outputs": {"fg_a": "file:///a"},
            "windows": windows,
            "calendar": {"time_zone": zone, "holidays": ["2026-03-30"]},
            "novelty": {"lookback_days": lookback_days, "rare_max_active_days": rare_days},
        }
    )


# The clocks of Berlin change on 2026-03-29 and 2026-10-25 at 01:00 UTC.
_STARTS = [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)]


@st.composite
def traffics(draw, max_slices=10):
    windows = draw(st.sampled_from([tuple(WINDOWS), ("24h", "15m"), ("1h",), ("8h", "30m"), ("15m",)]))
    spec = spec_of(
        windows,
        draw(st.sampled_from(["Europe/Berlin", "UTC"])),
        draw(st.sampled_from([1, 2, 7, 30])),
        draw(st.integers(1, 3)),
    )
    networks = Networks(
        high_risk=draw(st.sampled_from([{}, {"vault": ("192.0.2.0/26", "2001:db8::/64"), "lab": ("192.0.3.9/32",)}])),
        segments=draw(st.sampled_from([{}, {"lab": ("192.0.2.0/24", "2001:db8::/63"), "rack": ("192.0.2.64/26",)}])),
        ipv4_segment_prefix_length=draw(st.sampled_from([0, 24, 32])),
        ipv6_segment_prefix_length=draw(st.sampled_from([0, 64, 128])),
    )
    start = draw(st.sampled_from(_STARTS)) + draw(st.one_of(st.integers(-4, 3), st.integers(-4, 95))) * SLICE
    traffic = Traffic(Interval(start, start + draw(st.integers(1, max_slices)) * SLICE), spec, networks=networks)
    # Crowded traffic makes leads change hands; thin traffic reaches far back.
    near = st.integers(1, 14)
    days_back = st.builds(lambda slices, days: slices + 96 * days, near, st.integers(0, 3))
    far = st.one_of(near, st.integers(1, 130), st.integers(1, 96 * 6), st.integers(1, 96 * 34))
    ago, hosts, least = draw(st.sampled_from([(near, 1, 20), (days_back, 1, 20), (far, 3, 0)]))
    ends = st.sampled_from(HOSTS[:hosts]), st.sampled_from(("outbound", "inbound")[:hosts])
    place = st.tuples(*ends, st.sampled_from(PEERS), st.sampled_from(PORTS), ago)
    places = draw(st.lists(place, min_size=least, max_size=40, unique=True))
    for host, role, peer, port, slices_ago in places:
        slice_start = traffic.batch.end - slices_ago * SLICE
        row = {"host_ip": host, "role": role, "peer_ip": peer, "peer_port": port, "slice_start": slice_start}
        if slice_start < traffic.earliest:
            traffic.history.append(row)
        else:
            size, classes = draw(st.sampled_from([0, 7, 7, 20, 1500])), draw(st.integers(0, 3))
            counts = {"sessions_cnt": draw(st.integers(1, 4)), "bytes_sent_sum": size // 3}
            counts |= {"bytes_recv_sum": size - size // 3}
            counts |= {"is_admin_port": bool(classes & 1), "is_high_risk_port": bool(classes & 2)}
            traffic.peer_deltas.append(row | counts)
    spans = st.tuples(st.integers(-5, 96 * 34), st.integers(1, 300))
    ends = [(traffic.batch.end - ago * SLICE, length) for ago, length in draw(st.lists(spans, max_size=4))]
    traffic.delivered = tuple(Interval(end - length * SLICE, end) for end, length in ends)
    traffic.deltas = _deltas_of(traffic.peer_deltas, draw)
    return traffic


def _deltas_of(peer_deltas, draw):
    sessions = defaultdict(int)
    for row in peer_deltas:
        sessions[row["host_ip"], row["role"], row["slice_start"]] += row["sessions_cnt"]
    deltas = []
    for (host, role, slice_start), count in sessions.items():
        row = {"host_ip": host, "role": role, "slice_start": slice_start}
        for column in DELTAS.columns[3:]:
            row[column.name] = draw(st.integers(0, 5))
        row |= {"sessions_cnt": count, "duration_sum": draw(st.integers(0, 10**9)) / 1e6}
        deltas.append(row)
    return deltas


def delta_table(rows):
    return pa.Table.from_pylist(rows, arrow_schema(DELTAS))


def peer_table(rows):
    return pa.Table.from_pylist(rows, arrow_schema(PEER_DELTAS))


def history_table(rows):
    return peer_table(rows).select(HISTORY_COLUMNS)


def baseline_table(rows):
    return pa.Table.from_pylist(rows, arrow_schema(FG_B_PAIR_HOST))


def days(count):
    return count * DAY


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slices(count):
    return timedelta(minutes=15 * count)
