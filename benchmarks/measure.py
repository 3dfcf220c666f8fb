"""Run an engine as a process of its own and take its wall time and peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil

_SAMPLE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a process cost, from start to exit, imports included.

    Attributes
    ----------
    seconds : float
        Wall time.
    cpu_seconds : float
        Processor time, added up over the process and its children: what stays comparable on a busy machine. A child
        that its parent does not wait for, such as Spark's JVM, counts up to the last sample.
    peak_mib : float
        Peak resident memory, added up over the process and its children.
    output : str
        Its standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


class EngineFailedError(Exception):
    """The engine's process ended with another code than 0."""


class EngineTooSlowError(Exception):
    """The engine was stopped at its time limit."""


def measure(command: Sequence[str], timeout: float = 900) -> Measurement:
    """Run a command to its end. Python may write bytecode: the first round compiles, as installing a package does.

    Raises
    ------
    EngineFailedError
        It exits with a code other than 0.
    EngineTooSlowError
        It is still running after `timeout` seconds; it is stopped then, with its children.
    """
    start, cpu_start = time.perf_counter(), _cpu_of_children()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    ended = Event()
    peaks: dict[int, int] = {}
    processor: dict[int, float] = {}
    sampler = Thread(target=_sample, args=(process.pid, ended, peaks, processor), daemon=True)
    sampler.start()
    try:
        output, errors = process.communicate(timeout=timeout)
        seconds = time.perf_counter() - start
    except subprocess.TimeoutExpired:
        for each in (*psutil.Process(process.pid).children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                each.kill()
        process.communicate()
        raise EngineTooSlowError(f"It was stopped after {timeout:g} s.") from None
    finally:
        ended.set()
        sampler.join()
    if process.returncode:
        raise EngineFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{errors[-2000:]}")
    cpu_seconds = max(_cpu_of_children() - cpu_start, sum(processor.values()))
    return Measurement(seconds, cpu_seconds, sum(peaks.values()) / 2**20, output)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _sample(pid: int, ended: Event, peaks: dict[int, int], processor: dict[int, float]) -> None:
    """Keep the kernel's high-water mark of each process of the tree: a peak between two samples is not missed."""
    while not ended.is_set():
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for each in (process, *process.children(recursive=True)):
                with suppress(psutil.Error, FileNotFoundError, ProcessLookupError):
                    peaks[each.pid] = max(peaks.get(each.pid, 0), _high_water(each.pid))
                    times = each.cpu_times()
                    processor[each.pid] = times.user + times.system
        ended.wait(_SAMPLE_SECONDS)


def _high_water(pid: int) -> int:
    """Return VmHWM of a process in bytes, 0 when it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
