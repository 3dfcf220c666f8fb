"""The gate between a first host, here a process of its own, and the others."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from ndr.spark.gate import ClusterError, Guest

FIRST_HOST = """
import sys, time
from ndr.spark.gate import Gate
gate = Gate(sys.argv[1], "spark://first:7077")
print("open", flush=True)
outcome = sys.stdin.readline().strip()
if outcome != "vanish":
    gate.announce(outcome)
    print("announced", flush=True)
    sys.stdin.readline()
"""


class FirstHost:
    def __init__(self) -> None:
        # Other runs of this test on this machine have other addresses, and so the port to themselves.
        self.address = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{random.randint(2, 254)}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", FIRST_HOST, self.address],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "open\n"

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def first() -> FirstHost:
    if sys.platform != "linux":
        pytest.skip("Only Linux has the whole of 127.0.0.0/8 as loopback addresses.")
    return FirstHost()


def test_a_guest_hears_where_the_master_is_and_that_the_job_is_done(first: FirstHost) -> None:
    guest = Guest(first.address, seconds=10)
    assert guest.master_url == "spark://first:7077"
    first.say("done")
    guest.wait(meanwhile=lambda: None)
    first.end()


def test_a_guest_that_comes_late_hears_the_outcome_too(first: FirstHost) -> None:
    first.say("done")
    assert first.heard() == "announced"
    Guest(first.address, seconds=10).wait(meanwhile=lambda: None)
    first.end()


def test_a_guest_waits_for_the_last_words_of_a_failed_job(first: FirstHost) -> None:
    guest = Guest(first.address, seconds=10)
    first.say("SchemaMismatchError: part-0.json is damaged.")
    assert first.heard() == "announced"
    first.say("the message file is written")  # upon which the first host ends
    with pytest.raises(ClusterError, match=f"failed on {first.address}: SchemaMismatchError: part-0.json is damaged"):
        guest.wait(meanwhile=lambda: None)
    assert first.process.wait(timeout=10) == 0
    first.end()


@pytest.mark.parametrize(
    "go_away", [lambda first: first.say("vanish"), lambda first: first.process.kill()], ids=["ends", "is killed"]
)
def test_a_first_host_that_goes_without_a_word_has_vanished(
    first: FirstHost, go_away: Callable[[FirstHost], None]
) -> None:
    guest = Guest(first.address, seconds=10)
    go_away(first)
    with pytest.raises(ClusterError, match=f"{first.address}, which ran the job, vanished"):
        guest.wait(meanwhile=lambda: None)
    first.end()


def test_a_first_host_that_never_comes_is_named_after_the_deadline() -> None:
    with pytest.raises(ClusterError, match="127.9.9.9 could not be reached at port 7079.*security group"):
        Guest("127.9.9.9", seconds=0)


def test_the_worker_is_looked_after_while_the_job_runs(first: FirstHost) -> None:
    guest = Guest(first.address, seconds=10)
    calls = []

    def look_after() -> None:
        calls.append(len(calls))
        if len(calls) == 2:
            first.say("done")

    guest.wait(meanwhile=look_after)
    assert calls[:2] == [0, 1]
    first.end()
