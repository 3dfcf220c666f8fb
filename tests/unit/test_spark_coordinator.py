"""The coordinator of a first instance, here a process of its own, and its clients."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from ndr.spark.coordinator import DONE, PORT, PORT_VARIABLE, ClusterError, CoordinatorClient

FIRST_INSTANCE = """
import sys, time
from ndr.spark.coordinator import Coordinator
coordinator = Coordinator(sys.argv[1], "spark://first:7077")
print("open", flush=True)
outcome = sys.stdin.readline().strip()
if outcome != "vanish":
    coordinator.announce(outcome)
    print("announced", flush=True)
    sys.stdin.readline()
"""


class FirstInstance:
    def __init__(self) -> None:
        # Other runs of this test on this machine have other addresses, and so the port to themselves.
        self.address = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.{random.randint(2, 254)}"
        self.process = subprocess.Popen(
            [sys.executable, "-c", FIRST_INSTANCE, self.address],
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
def first() -> FirstInstance:
    if sys.platform != "linux":
        pytest.skip("Only Linux has the whole of 127.0.0.0/8 as loopback addresses.")
    return FirstInstance()


def test_a_client_receives_the_master_url_and_the_outcome(first: FirstInstance) -> None:
    client = CoordinatorClient(first.address, seconds=10)
    assert client.master_url == "spark://first:7077"
    first.say("done")
    client.wait(meanwhile=lambda: None)
    first.end()


def test_a_client_that_connects_late_receives_the_outcome_too(first: FirstInstance) -> None:
    first.say("done")
    assert first.heard() == "announced"
    CoordinatorClient(first.address, seconds=10).wait(meanwhile=lambda: None)
    first.end()


def test_a_client_waits_until_a_failed_job_has_written_its_message(first: FirstInstance) -> None:
    client = CoordinatorClient(first.address, seconds=10)
    first.say("SchemaMismatchError: part-0.json is damaged.")
    assert first.heard() == "announced"
    first.say("the message file is written")  # upon which the first instance exits
    with pytest.raises(ClusterError, match=f"failed on {first.address}: SchemaMismatchError: part-0.json is damaged"):
        client.wait(meanwhile=lambda: None)
    assert first.process.wait(timeout=10) == 0
    first.end()


@pytest.mark.parametrize(
    "go_away", [lambda first: first.say("vanish"), lambda first: first.process.kill()], ids=["ends", "is killed"]
)
def test_a_first_instance_that_disconnects_without_an_outcome_has_disappeared(
    first: FirstInstance, go_away: Callable[[FirstInstance], None]
) -> None:
    client = CoordinatorClient(first.address, seconds=10)
    go_away(first)
    with pytest.raises(ClusterError, match=f"{first.address}, which ran the job, disappeared"):
        client.wait(meanwhile=lambda: None)
    first.end()


def test_a_first_instance_that_never_answers_is_named_after_the_deadline() -> None:
    with pytest.raises(ClusterError, match="127.9.9.9 could not be reached at port 7079.*security group"):
        CoordinatorClient("127.9.9.9", seconds=0)


def test_the_worker_is_kept_alive_while_the_job_runs(first: FirstInstance) -> None:
    client = CoordinatorClient(first.address, seconds=10)
    calls = []

    def keep_alive() -> None:
        calls.append(len(calls))
        if len(calls) == 2:
            first.say("done")

    client.wait(meanwhile=keep_alive)
    assert calls[:2] == [0, 1]
    first.end()


def test_the_next_job_of_an_instance_does_not_meet_the_coordinator_of_the_job_before(
    first: FirstInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    first.say(DONE)
    assert first.heard() == "announced"
    CoordinatorClient(first.address, 5).wait(lambda: None)  # it still answers that the job is done
    monkeypatch.setenv(PORT_VARIABLE, str(PORT + 1))
    with pytest.raises(ClusterError, match=f"at port {PORT + 1}"):
        CoordinatorClient(first.address, 0.5)
    first.end()
