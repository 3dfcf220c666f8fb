"""Instants as whole numbers counted from the epoch."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ndr.contract.time import DAY, EPOCH, SLICE, day_number, floor_to, instant_of, microseconds, slice_number

instants = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))


@given(instants)
def test_numbers_of_an_instant_count_from_the_epoch(instant: datetime) -> None:
    assert instant_of(microseconds(instant)) == instant
    assert EPOCH + slice_number(instant) * SLICE == floor_to(instant, SLICE)
    assert EPOCH + day_number(instant) * DAY == floor_to(instant, DAY)


@given(instants)
def test_microseconds_are_what_arrow_stores(instant: datetime) -> None:
    assert pa.scalar(instant, pa.timestamp("us", "UTC")).value == microseconds(instant)
