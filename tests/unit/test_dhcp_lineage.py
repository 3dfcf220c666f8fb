"""What a late DHCP record makes stale: whatever was built when its slice had no such record, and nothing else."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, SLICE, Interval, microseconds, parse_instant
from ndr.jobs.host_identity.dhcp_lineage import Leases, lease_answers, leases_of, leases_read
from ndr.sources.zeek.dhcp import DHCP_RECORDS

Row = dict[str, Any]
START = parse_instant("2026-01-20")
LOGS = "s3://data/zeek/"


def record(at: datetime, mac: str = "01", name: str | None = None) -> Row:
    instant = microseconds(at)
    return {"address": "10.0.0.1", "mac": mac, "host_name": name, "observed_at": instant, "until": instant + 1}


def table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, DHCP_RECORDS)


def built(rows: list[Row], span: Interval) -> Manifest:
    reads = (leases_read(lease_answers(LOGS, table(rows)), span),)
    return Manifest(
        dataset="fg_a", project_name="p", feature_spec_version="v1", start=span.start, end=span.end, tables={},
        reads=reads, code_version="t", run_id="r", published_at=span.end,
    )  # fmt: skip


RECORDS = st.lists(
    st.builds(
        lambda slices, mac, name: record(START + slices * SLICE, mac, name),
        st.integers(-15 * 96, 3 * 96),
        st.sampled_from(["01", "02"]),
        st.sampled_from([None, "pc"]),
    ),
    max_size=20,
)


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_and_the_repetition_of_records_do_not_matter(rows: list[Row], shuffle: random.Random) -> None:
    again = [*rows, *rows[:4]]
    shuffle.shuffle(again)
    assert lease_answers(LOGS, table(again)).within(leases_of(Interval(START, START + 3 * DAY))) == lease_answers(
        LOGS, table(rows)
    ).within(leases_of(Interval(START, START + 3 * DAY)))


@given(RECORDS, RECORDS, st.integers(1, 2 * 96), st.integers(0, 96))
def test_a_partition_is_stale_where_the_leases_that_it_read_are_others_now(
    before: list[Row], late: list[Row], slices: int, more: int
) -> None:
    """The logs are compared in whole days of what was read, and in the part of a day that it ended with."""
    span = Interval(START, START + slices * SLICE)
    read = leases_of(span)
    now = Leases(lease_answers(LOGS, table([*before, *late])), Interval(read.start, span.end + more * SLICE))

    def of(rows: list[Row]) -> set[tuple[Any, ...]]:
        first, last = microseconds(read.start), microseconds(read.end)
        return {tuple(row.values()) for row in rows if first <= row["observed_at"] < last}

    assert now.makes_stale(built(before, span)) == (of([*before, *late]) != of(before))


def test_what_the_log_no_longer_reaches_is_not_compared() -> None:
    span = Interval(START, START + DAY)
    manifest = built([record(START - 5 * DAY)], span)
    assert Leases(lease_answers(LOGS, table([])), leases_of(span)).makes_stale(manifest)
    assert not Leases(lease_answers(LOGS, table([])), Interval(START - 4 * DAY, span.end)).makes_stale(manifest)


def test_a_partition_of_addresses_is_never_stale_by_leases() -> None:
    span = Interval(START, START + DAY)
    of_addresses = built([], span).model_copy(update={"reads": ()})
    assert not Leases(lease_answers(LOGS, table([record(START)])), leases_of(span)).makes_stale(of_addresses)
