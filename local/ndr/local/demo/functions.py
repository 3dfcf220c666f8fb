"""How much of its timeout each function would take on Lambda."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console

from ministack_sagemaker.function_time import Invocation
from ndr.local.console.tables import print_table

COLUMNS: Final = ("function", "memory (MB)", "timeout (s)", "CPU (s)", "waited (s)", "on Lambda (s)", "of timeout")


def print_functions(console: Console, invocations: Sequence[Invocation]) -> None:
    """Print the invocation of each function that took the largest share of its timeout."""
    rows = [
        (
            each.function,
            str(each.memory_mb),
            str(round(each.timeout_seconds)),
            each.cpu_seconds,
            each.waited_seconds,
            each.seconds,
            f"{each.share:.0%}",
        )
        for each in invocations
    ]
    print_table(console, "Functions: the largest share of a timeout on Lambda", COLUMNS, rows, right=COLUMNS[1:])
