"""Memory that is freed and taken again."""

import platform
import resource

import numpy as np
import pytest

from ndr.jobs.deltas.freed_memory import keep_freed_memory

BYTES = 8 << 20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_that_was_freed_is_taken_again_without_a_fault_for_each_page() -> None:
    keep_freed_memory()
    _taken_and_freed()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    _taken_and_freed()
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert faults < BYTES // resource.getpagesize() // 10


def _taken_and_freed() -> None:
    parts = [np.ones(BYTES // 4, np.uint8) for _ in range(4)]
    del parts
