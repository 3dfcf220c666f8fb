"""FG-A against the plain-Python oracle, and equal however batch, hosts and rows are cut or ordered."""

import math
import random
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.fg_a_oracle import oracle
from tests.jobs.fg_a_traffic import HOSTS, Traffic, at, delta_table, history_table, peer_table, spec_of, traffics

from ndr.contract.datasets import FG_A
from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import SLICE, Interval
from ndr.jobs.fg_a.kernel import build_fg_a
from ndr.jobs.fg_a.published_time import PublishedTime
from ndr.store.schema import arrow_schema

FEW = settings(max_examples=40, deadline=None)
NOTHING = PublishedTime.of([], Interval(at("2026-03-01"), at("2026-04-01")))


def build(traffic: Traffic, **options: object) -> pa.Table:
    return build_fg_a(
        traffic.batch,
        traffic.spec,
        traffic.networks,
        delta_table(traffic.deltas),
        peer_table(traffic.peer_deltas),
        history_table(traffic.history),
        published=traffic.published,
        **options,
    )


@settings(max_examples=150, deadline=None)
@given(traffics())
def test_equals_the_oracle(traffic: Traffic) -> None:
    found = build(traffic)
    rows = (traffic.deltas, traffic.peer_deltas, traffic.history)
    expected = oracle(traffic.batch, traffic.spec, traffic.networks, *rows, traffic.delivered)
    assert found.schema == arrow_schema(FG_A)
    assert found.num_rows == len(expected)
    for row, wanted in zip(found.to_pylist(), expected, strict=True):
        for name in [name for name in row if name.endswith("_entropy")]:
            assert row.pop(name) == pytest.approx(wanted.pop(name), rel=1e-12, abs=1e-14)
        assert row == wanted


@FEW
@given(traffics(max_slices=20))
def test_a_long_batch_equals_its_slices_one_by_one(traffic: Traffic) -> None:
    singles = [build(replace(traffic, batch=piece)) for piece in traffic.batch.steps(SLICE)]
    keys = [(name, "ascending") for name in FG_A.key]
    assert build(traffic).equals(pa.concat_tables(singles).sort_by(keys))


@FEW
@given(traffics(), st.sets(st.sampled_from(HOSTS)))
def test_a_partition_of_hosts_has_the_same_rows(traffic: Traffic, hosts: set[str]) -> None:
    def of(rows: list[dict]) -> list[dict]:
        return [row for row in rows if row["host_ip"] in hosts]

    part = replace(traffic, deltas=of(traffic.deltas), peer_deltas=of(traffic.peer_deltas), history=of(traffic.history))
    whole = build(traffic)
    kept = pa.array([host in hosts for host in whole.column("host_ip").to_pylist()], pa.bool_())
    assert build(part).equals(whole.filter(kept))


@FEW
@given(traffics(), st.randoms(use_true_random=False), st.integers(1, 3))
def test_row_order_chunks_encoding_and_threads_leave_no_trace(
    traffic: Traffic, random_: random.Random, threads: int
) -> None:
    expected = build(traffic)
    tables = []
    for table in (delta_table(traffic.deltas), peer_table(traffic.peer_deltas), history_table(traffic.history)):
        rows = list(range(table.num_rows))
        random_.shuffle(rows)
        half = len(rows) // 2
        chunks = [_dictionary_encoded(table.take(pa.array(part, pa.int64()))) for part in (rows[:half], rows[half:])]
        tables.append(pa.concat_tables(chunks))
    again = build_fg_a(
        traffic.batch, traffic.spec, traffic.networks, *tables, threads=threads, published=traffic.published
    )
    assert again.equals(expected)


def _dictionary_encoded(table: pa.Table) -> pa.Table:
    for number, column in enumerate(table.schema):
        if column.type == pa.string():
            table = table.set_column(number, column.name, table.column(number).dictionary_encode())
    return table


def peer_row(host: str, peer: str, slice_start: str, sessions: int, **other: object) -> dict:
    row = {"host_ip": host, "role": "outbound", "peer_ip": peer, "peer_port": 443, "slice_start": at(slice_start)}
    size = {"bytes_sent_sum": 0, "bytes_recv_sum": 0, "is_admin_port": False, "is_high_risk_port": False}
    return row | size | {"sessions_cnt": sessions} | other


def delta_row(host: str, slice_start: str, sessions: int, **other: object) -> dict:
    names = [
        column.name
        for column in FG_A.columns
        if column.name.endswith(("_cnt", "_sum", "_minute", "_flow_bytes_sent", "_flow_bytes_recv"))
    ]
    zeros = dict.fromkeys(names, 0) | {"duration_sum": 0.0}
    row = {"host_ip": host, "role": "outbound", "slice_start": at(slice_start), "sessions_cnt": sessions}
    return zeros | row | other


def test_figures_of_one_window_by_hand() -> None:
    slice_start = "2026-03-02T10:00"
    found = build_fg_a(
        Interval(at(slice_start), at("2026-03-02T10:15")),
        spec_of(windows=("15m",), zone="UTC"),
        Networks(),
        delta_table([delta_row("10.0.0.5", slice_start, 8, deny_cnt=2, duration_sum=0.3, bytes_sent_sum=300,
                               bytes_recv_sum=100)]),
        peer_table([
            peer_row("10.0.0.5", "192.0.2.1", slice_start, 4, bytes_sent_sum=100),
            peer_row("10.0.0.5", "192.0.2.2", slice_start, 2, bytes_recv_sum=300),
            peer_row("10.0.0.5", "192.0.3.1", slice_start, 1),
            peer_row("10.0.0.5", "192.0.3.2", slice_start, 1),
        ]),
        history_table([peer_row("10.0.0.5", "192.0.2.1", "2026-01-31T00:00", 1),
                       peer_row("10.0.0.5", "192.0.2.2", "2026-01-30T23:45", 1)]),
        published=NOTHING,
    ).to_pylist()  # fmt: skip
    (row,) = found
    assert row["peer_ip_entropy"] == 1.75  # halves, a quarter and two eighths
    assert row["peer_segment_nunique"] == 2
    assert row["peer_segment_top1_sessions_share"] == 0.75
    assert row["peer_ip_top1_bytes_share"] == 0.75
    assert row["peer_port_entropy"] == 0.0
    assert (row["deny_ratio"], row["bytes_asymmetry_ratio"], row["duration_mean"]) == (0.25, 0.5, 0.3 / 8)
    assert (row["new_peer_cnt"], row["rare_peer_cnt"]) == (3, 1)  # 30 January is one day too old
    assert (row["new_port_cnt"], row["rare_port_cnt"]) == (0, 1)
    assert (row["hour_of_day"], row["time_band"], row["day_of_week"]) == (10, "working_hours", 0)


def test_entropy_is_untouched_by_the_thousands_that_left() -> None:
    first, second = "2026-03-02T10:00", "2026-03-02T10:15"
    crowd = [peer_row("10.0.0.5", f"192.0.{n // 250}.{n % 250}", first, 3) for n in range(5000)]
    left = [peer_row("10.0.0.5", "192.0.2.1", second, 3), peer_row("10.0.0.5", "192.0.2.2", second, 1)]
    deltas = delta_table([delta_row("10.0.0.5", first, 15_000), delta_row("10.0.0.5", second, 4)])
    spec = spec_of(windows=("15m",))
    batch = Interval(at(first), at("2026-03-02T10:30"))
    both = build_fg_a(batch, spec, Networks(), deltas, peer_table(crowd + left), published=NOTHING)
    assert both.column("peer_ip_entropy").to_pylist() == pytest.approx(
        [math.log2(5000), 2 - 0.75 * math.log2(3)], rel=1e-12
    )
    assert both.column("peer_ip_nunique").to_pylist() == [5000, 2]


def test_the_lead_in_bytes_passes_on_when_its_holder_leaves() -> None:
    rows = [
        peer_row("10.0.0.5", "192.0.2.1", "2026-03-02T10:00", 1, bytes_recv_sum=1500),
        peer_row("10.0.0.5", "192.0.2.2", "2026-03-02T10:15", 4, bytes_sent_sum=7),
        peer_row("10.0.0.5", "192.0.2.3", "2026-03-02T10:30", 1, bytes_sent_sum=3),
    ]
    deltas = [delta_row("10.0.0.5", f"{row['slice_start']:%Y-%m-%dT%H:%M}", row["sessions_cnt"]) for row in rows]
    batch = Interval(at("2026-03-02T10:15"), at("2026-03-02T10:45"))
    found = build(Traffic(batch, spec_of(windows=("30m",)), deltas, rows))
    assert found.column("peer_ip_top1_bytes_share").to_pylist() == [1500 / 1507, 7 / 10]
    assert found.column("peer_ip_top1_sessions_share").to_pylist() == [4 / 5, 4 / 5]


def test_the_lookback_moves_on_with_the_day_of_the_windows_start() -> None:
    row = peer_row("10.0.0.5", "192.0.2.1", "2026-03-10T00:00", 1)
    deltas = [delta_row("10.0.0.5", "2026-03-10T00:00", 1)]
    batch = Interval(at("2026-03-10T00:00"), at("2026-03-10T00:30"))
    before = [row | {"slice_start": at("2026-03-08T12:00")}]
    found = build(Traffic(batch, spec_of(windows=("30m",), lookback_days=1), deltas, [row], before))
    assert found.column("rare_pair_cnt").to_pylist() == [1, 0]
    assert found.column("new_pair_cnt").to_pylist() == [0, 1]


def test_the_clock_change_moves_the_working_day() -> None:
    bands = {}
    for slice_start in ("2026-03-27T06:45", "2026-03-27T07:00", "2026-03-31T05:45", "2026-03-31T06:00"):
        batch = Interval(at(slice_start), at(slice_start) + SLICE)
        rows = [delta_row("10.0.0.5", slice_start, 1)]
        peers = peer_table([peer_row("10.0.0.5", "192.0.2.1", slice_start, 1)])
        spec, deltas = spec_of(windows=("15m",)), delta_table(rows)
        found = build_fg_a(batch, spec, Networks(), deltas, peers, published=NOTHING).to_pylist()
        bands[slice_start] = found[0]["time_band"], found[0]["hour_of_day"]
    assert list(bands.values()) == [("night", 7), ("working_hours", 8)] * 2


def test_no_traffic_gives_no_rows() -> None:
    empty = Traffic(Interval(at("2026-03-02"), at("2026-03-03")), spec_of())
    assert build(empty).equals(arrow_schema(FG_A).empty_table())


def test_a_batch_off_the_quarter_hour_is_refused() -> None:
    batch = Interval(at("2026-03-02T10:01"), at("2026-03-02T10:16"))
    with pytest.raises(InvalidRequestError, match="quarter hour"):
        build(Traffic(batch, spec_of()))


def test_a_batch_too_long_for_the_masks_is_refused() -> None:
    month = Traffic(Interval(at("2026-03-01"), at("2026-04-01")), spec_of())
    assert build(month).num_rows == 0
    with pytest.raises(InvalidRequestError, match="in pieces"):
        build(replace(month, batch=Interval(at("2026-03-01"), at("2026-04-03"))))


@pytest.mark.parametrize(
    ("other", "sentence"),
    [({"peer_ip": "10.0.0.256"}, "10.0.0.256"), ({"peer_port": 70000}, "70000"), ({"peer_ip": None}, "1 null ")],
)
def test_rows_that_break_the_contract_are_named(other: dict, sentence: str) -> None:
    slice_start = "2026-03-02T10:00"
    batch = Interval(at(slice_start), at("2026-03-02T10:15"))
    rows = [peer_row("10.0.0.5", "192.0.2.1", slice_start, 1) | other]
    with pytest.raises(SchemaMismatchError, match=sentence):
        build(Traffic(batch, spec_of(), [delta_row("10.0.0.5", slice_start, 1)], rows))
