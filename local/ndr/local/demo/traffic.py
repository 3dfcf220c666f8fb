"""The demo's traffic: the user's conn logs, or those of a synthetic network."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import DAY, floor_to, parse_instant
from ndr.local.ingest.logs import find_logs
from ndr.local.traffic.generate import DEFAULT_END, generate


@dataclass(frozen=True)
class Traffic:
    """A folder of conn logs, and its inventory.csv if present."""

    folder: Path
    inventory: Path | None

    @classmethod
    def of(cls, folder: Path) -> Traffic:
        """Return the traffic of a folder.

        Raises
        ------
        InvalidRequestError
            The folder does not exist or has no conn log.
        """
        find_logs(folder)
        inventory = folder / "inventory.csv"
        return cls(folder, inventory if inventory.is_file() else None)


@contextmanager
def prepared(folder: Path | None, out: Path, days: int, seed: int) -> Iterator[Future[Traffic]]:
    """Give the traffic: at once when a folder is named, else generated in a process beside this one.

    Raises
    ------
    InvalidRequestError
        The folder holds no conn log, or `days` is none that the generator takes.
    """
    if folder is not None:
        ready: Future[Traffic] = Future()
        ready.set_result(Traffic.of(folder))
        yield ready
        return
    if days < 1:
        raise InvalidRequestError(f"--days is {days}: traffic takes at least one day, for instance 35.")
    # Its own process: the memory that drawing takes goes back when it is done. Not forked: this process has threads.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as beside:
        yield beside.submit(_generated, out, days, seed)


def _generated(out: Path, days: int, seed: int) -> Traffic:
    end = min(parse_instant(DEFAULT_END), floor_to(datetime.now(UTC), DAY))
    made = generate(out, days=days, seed=seed, end=end)
    return Traffic(out, made.inventory)
