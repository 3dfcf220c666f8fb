from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.errors import InvalidRequestError
from ndr.contract.fifteen_minutes import BATCH_MINUTES
from ndr.contract.time import DAY, SLICE, Interval, parse_instant
from ndr.planner.requests import MiniBatchRequest, parse_request

NOW = datetime(2026, 3, 10, 13, 37, tzinfo=UTC)
DAY_ONE = parse_instant("2026-03-01")
DEFAULTS = {"project_name": "ndr-prod", "feature_spec_version": "v1"}


def parse(document: Any, now: datetime = NOW) -> MiniBatchRequest:
    return parse_request(MiniBatchRequest, document, now, DEFAULTS)


@pytest.mark.parametrize(
    ("now", "settle_minutes", "start"),
    [
        ("2026-03-10T13:45:00Z", 0, "2026-03-10T13:30:00Z"),
        ("2026-03-10T13:44:59Z", 0, "2026-03-10T13:15:00Z"),
        ("2026-03-10T13:50:00Z", 5, "2026-03-10T13:30:00Z"),
        ("2026-03-10T13:49:59Z", 5, "2026-03-10T13:15:00Z"),
        ("2026-03-01T00:05:00Z", 60, "2026-02-28T22:45:00Z"),
    ],
)
def test_without_a_batch_the_last_settled_slice_is_taken(now: str, settle_minutes: int, start: str) -> None:
    instant = datetime.fromisoformat(now)
    batch = parse({"settle_minutes": settle_minutes}, instant).batch(instant)
    assert batch == Interval(datetime.fromisoformat(start), datetime.fromisoformat(start) + SLICE)


@given(st.datetimes(datetime(2000, 1, 3), datetime(2099, 1, 1)), st.integers(0, 1440))
def test_the_slice_taken_is_over_and_the_next_one_is_not(moment: datetime, settle_minutes: int) -> None:
    now = moment.replace(tzinfo=UTC)
    batch = parse({"settle_minutes": settle_minutes}, now).batch(now)
    settled = now - timedelta(minutes=settle_minutes)
    assert batch.duration == SLICE
    assert batch.end <= settled < batch.end + SLICE


@pytest.mark.parametrize(
    ("now", "minutes", "settle_minutes", "start"),
    [
        ("2026-03-10T13:35:00Z", 30, 0, "2026-03-10T13:00:00Z"),
        ("2026-03-10T13:29:59Z", 30, 0, "2026-03-10T12:30:00Z"),
        ("2026-03-10T13:35:00Z", 30, 10, "2026-03-10T12:30:00Z"),
        ("2026-03-10T14:05:00Z", 60, 0, "2026-03-10T13:00:00Z"),
        ("2026-03-01T00:05:00Z", 60, 10, "2026-02-28T22:00:00Z"),
    ],
)
def test_a_longer_batch_begins_at_a_multiple_of_its_length(
    now: str, minutes: int, settle_minutes: int, start: str
) -> None:
    instant = datetime.fromisoformat(now)
    batch = parse({"batch_minutes": minutes, "settle_minutes": settle_minutes}, instant).batch(instant)
    begins = datetime.fromisoformat(start)
    assert batch == Interval(begins, begins + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", BATCH_MINUTES)
@given(first=st.datetimes(datetime(2000, 1, 3), datetime(2099, 1, 1)), settle_minutes=st.integers(0, 1440))
def test_a_schedule_of_any_length_takes_each_slice_once(minutes: int, first: datetime, settle_minutes: int) -> None:
    starts = [first.replace(tzinfo=UTC) + number * timedelta(minutes=minutes) for number in range(5)]
    asked = {"batch_minutes": minutes, "settle_minutes": settle_minutes}
    batches = [parse(asked, at).batch(at) for at in starts]
    assert all(batch.is_whole(timedelta(minutes=minutes)) for batch in batches)
    assert [batch.start for batch in batches[1:]] == [batch.end for batch in batches[:-1]]


@pytest.mark.parametrize("minutes", BATCH_MINUTES)
@pytest.mark.parametrize("settle_minutes", [0, 5, 6, 10, 14, 15, 20, 50])
def test_scheduled_time_with_jitter_and_retries_takes_each_slice_once(minutes: int, settle_minutes: int) -> None:
    """A thousand invocations start some seconds late, a tenth of them after attempts of up to an hour."""
    draw = random.Random(f"{minutes} {settle_minutes}")
    first = datetime(2026, 3, 10, 0, 5, tzinfo=UTC)
    asked, length = {"batch_minutes": minutes, "settle_minutes": settle_minutes}, timedelta(minutes=minutes)
    batches, of_start_time = [], set()
    for scheduled in (first + number * length for number in range(1000)):
        retried = draw.uniform(0, 3600) if draw.random() < 0.1 else 0
        now = scheduled + timedelta(seconds=draw.uniform(0, 59) + retried)
        batches.append(parse({**asked, "scheduled_time": scheduled.isoformat()}, now).batch(now))
        of_start_time.add(parse(asked, now).batch(now))
    ends = [batch.end for batch in batches]
    assert ends == [ends[0] + number * length for number in range(1000)]
    assert all(batch.duration == length for batch in batches)
    assert len(of_start_time) < 1000  # so without the scheduled time, slices are left out


def test_an_execution_without_a_schedule_takes_the_batch_of_its_start() -> None:
    scheduled = {"scheduled_time": "2026-03-10T13:05:00Z"}
    assert parse(scheduled).batch(NOW).end == parse_instant("2026-03-10T13:00:00Z")
    assert parse({}).batch(NOW).end == parse_instant("2026-03-10T13:30:00Z")
    given = {"batch_start": "2026-03-01", "batch_end": "2026-03-02"}
    assert parse({**scheduled, **given}).batch(NOW) == Interval(DAY_ONE, DAY_ONE + DAY)
    with pytest.raises(InvalidRequestError, match="scheduled_time is '<aws.scheduler.scheduled-time>', which is not"):
        parse({"scheduled_time": "<aws.scheduler.scheduled-time>"})
    with pytest.raises(InvalidRequestError, match="is not over; write one that ended before now"):
        parse({"scheduled_time": "2026-03-10T14:05:00Z"})


def test_another_length_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(InvalidRequestError, match="batch_minutes: Input should be 15, 30 or 60"):
        parse({"batch_minutes": 20})


def test_an_empty_request_replaces_nothing_with_nothing_and_a_slice_settles_for_a_day_at_most() -> None:
    request = parse({})
    assert (request.dry_run, request.replace_with_empty, request.settle_minutes) == (False, False, 0)
    for minutes in (-1, 1441):
        with pytest.raises(InvalidRequestError, match="settle_minutes: Input should be"):
            parse({"settle_minutes": minutes})


def test_a_batch_may_end_now_and_begin_with_the_year_2000() -> None:
    now = parse_instant("2026-03-10T13:45:00Z")
    for document in (
        {"batch_start": "2026-03-10T13:30:00Z", "batch_end": "2026-03-10T13:45:00Z"},
        {"mini_batch_id": "20260310T133000Z-PT15M"},
    ):
        assert parse(document, now).batch(now).end == now
        with pytest.raises(InvalidRequestError, match="in the future|is not over"):
            parse(document, now - timedelta(seconds=1))
    with pytest.raises(InvalidRequestError, match="which is before 2000-01-01T00:00:00Z"):
        parse({"batch_start": "1999-12-31T23:45:00Z", "batch_end": "2000-01-01"})
    with pytest.raises(InvalidRequestError, match="one batch has at most 92; write batch_end 2000-04-02T00:00:00Z"):
        parse({"batch_start": "2000-01-01", "batch_end": "2000-04-02T00:15:00Z"})


def test_a_day_is_a_batch_too() -> None:
    request = parse({"batch_start": "2026-03-01", "batch_end": "2026-03-02", "mini_batch_id": "day-1"})
    assert request.batch(NOW).slice_count() == 96
    assert request.mini_batch_id == "day-1"


@pytest.mark.parametrize("batch_id", ["20260301T000000Z-PT1440M", "rebuild-20260301T000000Z-PT1440M"])
def test_an_id_alone_stands_for_its_interval(batch_id: str) -> None:
    assert parse({"mini_batch_id": batch_id}).batch(NOW) == Interval(DAY_ONE, DAY_ONE + DAY)


def test_the_longest_batch_is_a_quarter_and_the_first_one_starts_with_2000() -> None:
    first = parse({"batch_start": "2000-01-01", "batch_end": "2000-04-02"}).batch(NOW)
    assert first.duration == timedelta(days=92)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"batch_start": "2026-03-01"}, "batch_end is missing; give both batch_start and batch_end, or neither"),
        ({"batch_end": "2026-03-01"}, "batch_start is missing; give both"),
        ({"batch_start": "2026-03-02", "batch_end": "2026-03-01"}, "batch_start must be before batch_end"),
        ({"batch_start": "2026-03-01T00:01:00Z", "batch_end": "2026-03-02"}, "write 2026-03-01T00:00:00Z"),
        ({"batch_start": "2026-03-10", "batch_end": "2026-03-11"}, "the last complete slice ends at 2026-03-10T13:30"),
        (
            {"mini_batch_id": "20260301T000000Z-PT15M", "batch_start": "2026-03-01", "batch_end": "2026-03-02"},
            "names the batch [2026-03-01T00:00:00Z, 2026-03-01T00:15:00Z), and batch_start and batch_end give "
            "[2026-03-01T00:00:00Z, 2026-03-02T00:00:00Z); leave mini_batch_id out, or write 20260301T000000Z-PT1440M",
        ),
        ({"mini_batch_id": "day-1"}, "'day-1', which does not name an interval; add batch_start and batch_end"),
        (
            {"mini_batch_id": "20260301T000100Z-PT15M"},
            "which is not made of whole 15-minute slices; write 20260301T000000Z-PT30M",
        ),
        ({"mini_batch_id": "20260310T134500Z-PT15M"}, "is not over; write one that ended before now"),
        (
            {"batch_start": "1999-12-31", "batch_end": "2000-01-01"},
            "batch_start is 1999-12-31T00:00:00Z, which is before 2000-01-01T00:00:00Z; write the time of the events",
        ),
        (
            {"batch_start": "2025-01-01", "batch_end": "2025-04-04"},
            "93 days long, and one batch has at most 92; write batch_end 2025-04-03T00:00:00Z, and run the rest",
        ),
        ({"mini_batch_id": "20250101T000000Z-PT9999999M"}, "the batch is 6,944 days long"),
        ({"mini_batch_id": "../other"}, "mini_batch_id: String should match pattern"),
        ({"settle_minutes": -1}, "settle_minutes: Input should be greater than or equal to 0 (found -1)"),
        ({"batch_strat": "2026-03-01"}, "batch_strat: no such field, did you mean 'batch_start'?"),
        ({"mode": "REGULAR"}, "mode: no such field. Allowed are project_name, feature_spec_version, dry_run, batch_"),
    ],
)
def test_a_refusal_says_what_was_found_and_what_to_write(document: Any, sentence: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        parse(document)
    assert sentence in str(refused.value)
