"""The demo's table of functions."""

from __future__ import annotations

import io

from rich.console import Console

from ministack_sagemaker.function_time import Invocation
from ndr.local.demo.functions import print_functions


def test_the_largest_share_of_each_function_is_a_line() -> None:
    out = io.StringIO()
    print_functions(Console(file=out, width=120), [Invocation("ndr-Plan", 512, 60, 2.0, 1.5)])
    (line,) = [line.split() for line in out.getvalue().splitlines() if "ndr-Plan" in line]
    assert line == ["ndr-Plan", "512", "60", "2.0", "1.5", "8.4", "14%"]
