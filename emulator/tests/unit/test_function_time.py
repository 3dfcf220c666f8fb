"""What an invocation is charged, by the Lambda Developer Guide.

"Configure Lambda function memory" (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html): CPU is in
proportion to memory, and 1,769 MB are one vCPU. "Understanding the Lambda execution environment lifecycle"
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html): the init phase has 10 seconds; one that
takes longer is tried again in the first invocation, within the function's timeout.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ministack_sagemaker.function_time import Invocation, charged, invocations, largest, record, share_of_core


@pytest.mark.parametrize(("memory_mb", "share"), [(1_769, 1.0), (128, 128 / 1_769), (512, 512 / 1_769)])
def test_a_function_has_its_share_of_a_core(memory_mb: int, share: float) -> None:
    assert share_of_core(memory_mb) == pytest.approx(share)


def test_a_single_threaded_handler_gains_nothing_from_a_second_core() -> None:
    assert share_of_core(10_240) == 1.0


def test_cpu_counts_by_the_share_and_waits_count_as_they_are() -> None:
    invocation = charged("plan", 512, 60, used=(2.0, 1.5), init=None)
    assert invocation.seconds == pytest.approx(2.0 * 1_769 / 512 + 1.5)
    assert invocation.share == pytest.approx(invocation.seconds / 60)


def test_an_init_phase_within_its_limit_is_not_charged() -> None:
    invocation = charged("plan", 1_769, 3, used=(1.0, 0.0), init=(9.0, 0.9))
    assert (invocation.init_seconds, invocation.seconds) == (pytest.approx(9.9), 1.0)


def test_a_longer_init_phase_is_repeated_in_the_invocation_and_counts_there() -> None:
    invocation = charged("plan", 884, 30, used=(1.0, 0.0), init=(5.0, 0.5))
    assert invocation.init_seconds == pytest.approx(5.0 * 1_769 / 884 + 0.5)
    assert invocation.seconds == pytest.approx(6.0 * 1_769 / 884 + 0.5)


def test_the_largest_share_of_each_function_is_found_again(tmp_path: Path) -> None:
    assert largest(tmp_path) == []
    (tmp_path / "state").mkdir()
    taken = [Invocation("b", 512, 60, cpu, 0.0) for cpu in (1.0, 3.0, 2.0)] + [Invocation("a", 128, 3, 0.1, 0.2)]
    for each in taken:
        record(tmp_path / "state", each)
    assert invocations(tmp_path) == taken
    assert largest(tmp_path) == [taken[3], taken[1]]
