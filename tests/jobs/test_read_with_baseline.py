"""The point-in-time join: each row with the baseline that was valid then, and never with a later one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.jobs.published_project import DAYS, METRICS

from ndr.contract.datasets import FG_A, FG_B, FG_B_PAIR_HOST, Dataset, fg_b_host
from ndr.contract.horizons import HORIZONS
from ndr.contract.manifest import Owner
from ndr.contract.time import DAY, SLICE, Interval
from ndr.read import Place, read, sql
from ndr.read.by_baseline import TableOfBaselines
from ndr.read.by_time import TableByTime
from ndr.read.source import scanned
from ndr.read.with_baseline import TableWithBaseline
from ndr.store.partition import baseline_partition_uri, time_partition_uri
from ndr.store.publish import PartitionWriter
from ndr.store.schema import arrow_schema

FIRST = datetime(2026, 1, 10, tzinfo=UTC)
OWNER = Owner("ndr-test", "v1")
HOSTS = ("10.0.0.1", "10.0.0.2")
METRIC = "sessions_cnt"
KEY = ("host_ip", "role", "time_band", "window_label")


class Row(NamedTuple):
    """A row of FG-A: which host, and the number of the slice that its window ends with."""

    host: str
    slice_number: int

    @property
    def window_end(self) -> datetime:
        return FIRST + (self.slice_number + 1) * SLICE


class Baseline(NamedTuple):
    """A baseline: its horizon, its end in quarters of a day, and the hosts that it knows."""

    horizon: str
    quarter: int
    hosts: frozenset[str]

    @property
    def end(self) -> datetime:
        return FIRST + self.quarter * timedelta(hours=6)

    @property
    def median(self) -> float:
        return float(self.quarter * 10 + list(HORIZONS).index(self.horizon))


rows = st.lists(st.builds(Row, st.sampled_from(HOSTS), st.integers(0, 3 * 96 - 1)), min_size=1, max_size=8, unique=True)
baselines = st.lists(
    st.builds(
        Baseline,
        st.sampled_from(list(HORIZONS)),
        st.integers(-2, 13),
        st.frozensets(st.sampled_from(HOSTS)),
    ),
    max_size=5,
    unique_by=lambda each: each[:2],
)


def publish(uri: str, dataset: Dataset, committed: str, interval: Interval, found: Sequence[dict[str, Any]]) -> None:
    writer = PartitionWriter(uri)
    table = pa.Table.from_pylist(list(found), arrow_schema(dataset))
    writer.write(table.sort_by([(name, "ascending") for name in dataset.key]), dataset)
    facts = {"project_name": OWNER.project_name, "feature_spec_version": OWNER.feature_spec_version}
    writer.commit(dataset=committed, start=interval.start, end=interval.end, code_version="tests", **facts)


def published(folder: Path, found: Sequence[Row], known: Sequence[Baseline]) -> TableWithBaseline:
    """Publish rows, a partition a day, and baselines; return them joined."""
    fg_a, fg_b, host = (folder / "fg_a").as_uri(), (folder / "fg_b").as_uri(), fg_b_host([METRIC])
    shared = {"role": "outbound", "window_label": "1h", "time_band": "night"}
    for day in {row.slice_number // 96 for row in found}:
        interval = Interval(FIRST + day * DAY, FIRST + (day + 1) * DAY)
        of_day = [row for row in found if row.slice_number // 96 == day]
        values = [{"host_ip": row.host, "window_end": row.window_end, METRIC: 1, **shared} for row in of_day]
        publish(time_partition_uri(fg_a, interval), FG_A, FG_A.name, interval, values)
    for each in known:
        told = {"baseline_horizon": each.horizon, "baseline_end": each.end, f"{METRIC}_median": each.median, **shared}
        interval = Interval(each.end - HORIZONS[each.horizon], each.end)
        values = [{"host_ip": name, **told} for name in each.hosts]
        publish(baseline_partition_uri(fg_b, each.horizon, each.end), host, FG_B, interval, values)
    return TableWithBaseline(TableByTime(FG_A, fg_a, OWNER), TableOfBaselines(host, fg_b, OWNER), KEY)


def expected(found: Sequence[Row], known: Sequence[Baseline]) -> set[tuple[Any, ...]]:
    """The oracle: of each horizon, the last end that is not after the start of the window's last slice."""
    joined = set()
    for row in found:
        for horizon in HORIZONS:
            of_horizon = [each for each in known if each.horizon == horizon and each.end <= row.window_end - SLICE]
            valid = max(of_horizon, key=lambda each: each.end, default=None)
            median = valid.median if valid and row.host in valid.hosts else None
            joined.add((row.host, row.window_end, horizon, valid.end if valid else None, median))
    return joined


@settings(max_examples=25)
@given(rows, baselines)
def test_each_row_has_the_baseline_that_was_valid_and_none_newer(found: list[Row], known: list[Baseline]) -> None:
    with TemporaryDirectory() as folder:
        table = published(Path(folder), found, known)
        columns = ["host_ip", "window_end", "baseline_horizon", "baseline_end", f"{METRIC}_median"]
        joined = [tuple(row.values()) for part in scanned(table, columns, None) for row in part.to_pylist()]
    assert len(joined) == len(found) * len(HORIZONS)
    assert set(joined) == expected(found, known)
    for _, window_end, _, baseline_end, _ in joined:
        assert baseline_end is None or baseline_end < window_end


def test_it_joins_the_baseline_that_scores_were_judged_by(place: Place) -> None:
    query = """
        select distinct s.baseline_end as scored, a.baseline_end as joined
        from fg_c_scores s join fg_a_with_baseline a using (host_ip, role, window_label, window_end, baseline_horizon)
        where s.judged_by != 'none'
    """
    found = sql(query, place).arrow().to_pylist()
    assert {row["scored"] for row in found} == {DAYS.start + DAY, DAYS.start + 2 * DAY}
    assert all(row["scored"] == row["joined"] for row in found)


def test_it_says_of_each_row_what_the_baseline_says(place: Place) -> None:
    """The same as a join by the end that was found, over all columns."""
    query = """
        select count(*) as rows, count(h.host_ip) as found,
               count_if(a.rows_cnt is distinct from h.rows_cnt) as other_rows,
               count_if(a.sessions_cnt_median is distinct from h.sessions_cnt_median) as other_median,
               count_if(a.peer_ip_nunique_p99 is distinct from h.peer_ip_nunique_p99) as other_p99
        from fg_a_with_baseline a left join fg_b_host h
        using (host_ip, role, time_band, window_label, baseline_horizon, baseline_end)
    """
    (found,) = sql(query, place).arrow().to_pylist()
    assert found["rows"] > found["found"] > 0
    assert found["other_rows"] == found["other_median"] == found["other_p99"] == 0


def test_scores_are_joined_with_what_the_baseline_knows_of_host_and_pair(place: Place) -> None:
    hosts = "select distinct machine_name from fg_c_hosts_with_baseline where machine_name is not null"
    assert {name for row in sql(hosts, place).arrow().to_pylist() for name in row.values()} == {"SRV-01", "VDI-02"}
    pairs = sql("from fg_c_pairs_with_baseline where baseline_horizon = '7d'", place).arrow()
    own = {name for name in FG_B_PAIR_HOST.column_names if f"baseline_{name}" in pairs.column_names}
    assert {"active_days", "dst_prevalence", "sessions_cv"} <= own
    known = {row["is_new"]: row["pair_seen_count"] is not None for row in pairs.to_pylist()}
    assert known == {True: False, False: True}
    assert all(row["is_new"] == (row["pair_seen_count"] is None) for row in pairs.to_pylist())


def test_a_row_before_every_baseline_is_there_without_one(place: Place) -> None:
    first = read("fg_a_with_baseline", DAYS.start, DAYS.start + DAY, horizon="7d", place=place).arrow()
    plain = read("fg_a", DAYS.start, DAYS.start + DAY, place=place).arrow()
    assert first.num_rows == plain.num_rows > 0
    assert first["baseline_end"].null_count == first.num_rows
    assert first[f"{METRICS[0]}_median"].null_count == first.num_rows
