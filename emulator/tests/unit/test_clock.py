"""A stepped clock: who waits for it wakes when it is due, and it is settled when nobody works."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from ministack_sagemaker.clock import SteppedClock

START = datetime(2026, 1, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def started(clock: SteppedClock, *minutes: int) -> tuple[list[tuple[int, datetime]], list[threading.Thread]]:
    """Start a worker for each number, which sleeps so many minutes and notes when it woke."""
    woken: list[tuple[int, datetime]] = []

    def work(number: int) -> None:
        clock.sleep(number * 60, threading.Event())
        woken.append((number, clock.now()))
        clock.count(-1)

    threads = [threading.Thread(target=work, args=(number,)) for number in minutes]
    for thread in threads:
        clock.count(+1)
        thread.start()
    return woken, threads


def test_sleepers_wake_in_the_order_of_their_times_however_far_it_is_advanced() -> None:
    clock = SteppedClock(START)
    woken, threads = started(clock, 30, 5, 15)
    due = []
    while (next_due := clock.settle()) is not None:
        due.append(next_due)
        clock.advance(next_due)
    for thread in threads:
        thread.join()
    assert due == [START + number * MINUTE for number in (5, 15, 30)]
    assert woken == [(number, START + number * MINUTE) for number in (5, 15, 30)]


def test_it_is_not_settled_while_a_woken_sleeper_works() -> None:
    clock = SteppedClock(START)
    woken, _ = started(clock, 1, 2, 3)
    clock.settle()
    clock.advance(START + 10 * MINUTE)
    assert clock.settle() is None
    assert sorted(woken) == [(number, START + 10 * MINUTE) for number in (1, 2, 3)]


def test_an_interrupted_sleeper_wakes_at_once() -> None:
    clock, stop = SteppedClock(START), threading.Event()
    clock.count(+1)
    sleeper = threading.Thread(target=clock.sleep, args=(3600, stop))
    sleeper.start()
    assert clock.settle() == START + 60 * MINUTE
    stop.set()
    clock.interrupt()
    sleeper.join()
    assert clock.now() == START


def test_it_can_not_go_back() -> None:
    clock = SteppedClock(START)
    with pytest.raises(ValueError, match="can't go back"):
        clock.advance(START - MINUTE)
