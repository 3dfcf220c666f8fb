"""What an invocation of a function would take on Lambda, from what it took here.

Lambda gives a function of 1,769 MB one core, and less memory less of it in proportion ("Configure Lambda function
memory", Lambda Developer Guide). So CPU seconds count divided by the function's share of a core. Waits count as they
are: they are the wall time here less the CPU time, and less the time in which this machine had no core free.

- More memory than 1,769 MB gives more cores. A handler is taken as single-threaded, so its share is one core at most.
- The init phase may take 10 s. If it would take longer, Lambda repeats it in the first invocation, where it counts
  against the timeout ("Understanding the Lambda execution environment lifecycle"). The documentation promises no other
  share of a core in the init phase, so it has the function's.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ONE_CORE_MB: Final = 1_769
"""Memory of a function with one core."""
INIT_SECONDS: Final = 10.0
"""Limit of the init phase."""
_FILE: Final = "function_time.jsonl"
_writing = threading.Lock()


@dataclass(frozen=True)
class Invocation:
    """One invocation, as it is charged.

    Attributes
    ----------
    function
        Name of the function.
    memory_mb, timeout_seconds
        Its configuration.
    cpu_seconds, waited_seconds
        What the handler took here; with the init phase where Lambda would repeat it.
    init_seconds
        What the init phase before it would take on Lambda. 0 in an environment that was warm.
    """

    function: str
    memory_mb: int
    timeout_seconds: float
    cpu_seconds: float
    waited_seconds: float
    init_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds that it would take on Lambda."""
        return self.waited_seconds + self.cpu_seconds / share_of_core(self.memory_mb)

    @property
    def share(self) -> float:
        """Share of the timeout, above 1 where it times out."""
        return self.seconds / self.timeout_seconds


def share_of_core(memory_mb: int) -> float:
    """Return the share of one core that a single-threaded function of so much memory has, in (0, 1]."""
    return min(1.0, memory_mb / ONE_CORE_MB)


def charged(
    function: str,
    memory_mb: int,
    timeout_seconds: float,
    used: tuple[float, float],
    init: tuple[float, float] | None,
) -> Invocation:
    """Charge an invocation.

    Parameters
    ----------
    function, memory_mb, timeout_seconds
        The function and its configuration.
    used
        CPU seconds and seconds of waiting of the handler.
    init
        The same of the init phase, in the first invocation of an environment.
    """
    cpu, waited = used
    init_seconds = init[1] + init[0] / share_of_core(memory_mb) if init else 0.0
    if init and init_seconds > INIT_SECONDS:
        cpu, waited = cpu + init[0], waited + init[1]
    return Invocation(function, memory_mb, timeout_seconds, cpu, waited, init_seconds)


def record(state: Path, invocation: Invocation) -> None:
    """Keep an invocation in the account's directory of state."""
    with _writing, (state / _FILE).open("a") as log:
        log.write(json.dumps(asdict(invocation)) + "\n")


def invocations(directory: Path) -> list[Invocation]:
    """Return the invocations of the account of a directory since it was started, in the order of their ends."""
    path = directory / "state" / _FILE
    if not path.exists():
        return []
    return [Invocation(**json.loads(line)) for line in path.read_text().splitlines()]


def largest(directory: Path) -> list[Invocation]:
    """Return the invocation of each function that took the largest share of its timeout, by the function's name."""
    by_function: dict[str, Invocation] = {}
    for each in invocations(directory):
        known = by_function.get(each.function)
        if known is None or each.share > known.share:
            by_function[each.function] = each
    return [by_function[name] for name in sorted(by_function)]
