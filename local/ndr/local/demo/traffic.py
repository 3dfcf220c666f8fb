"""The demo's traffic: the user's logs, or those of a synthetic network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.delta_builder import AUTO
from ndr.contract.time import DAY, floor_to, format_instant, parse_instant
from ndr.local.ingest.logs import find_logs
from ndr.local.ingest.read import spec_of_logs
from ndr.local.ingest.zones import first_without_zone
from ndr.local.traffic.generate import DEFAULT_END


@dataclass(frozen=True)
class Traffic:
    """A folder of logs, its inventory.csv if present, and the zone of the times that tell none."""

    folder: Path
    inventory: Path | None
    time_zone: str | None = None

    @classmethod
    def of(cls, folder: Path, time_zone: str | None = None) -> Traffic:
        """Return the traffic of a folder.

        Raises
        ------
        InvalidRequestError
            The folder does not exist or has no log, the zone does not exist, or a log tells local times and there is
            no zone.
        """
        spec_of_logs(AUTO, time_zone)
        logs = find_logs(folder).logs
        if time_zone is None and (local := first_without_zone(logs)):
            raise InvalidRequestError(
                f"{local.path} tells local times without their zone, so its rows would be left out. Name the zone, as "
                f"`make demo TRAFFIC={folder} TIME_ZONE=Europe/Berlin` or "
                f"`ndr demo --traffic {folder} --time-zone Europe/Berlin`."
            )
        inventory = folder / "inventory.csv"
        return cls(folder, inventory if inventory.is_file() else None, time_zone)


@contextmanager
def prepared(
    folder: Path | None, out: Path, days: int, seed: int, time_zone: str | None = None
) -> Iterator[Future[Traffic]]:
    """Yield a future of the traffic. A given folder is ready at once, otherwise a background process generates it.

    Raises
    ------
    InvalidRequestError
        The folder has no log, or one with local times without `time_zone`, or `days` is below 1.
    """
    if folder is not None:
        ready: Future[Traffic] = Future()
        ready.set_result(Traffic.of(folder, time_zone))
        yield ready
        return
    if days < 1:
        raise InvalidRequestError(f"--days is {days}: traffic takes at least one day, for instance 35.")
    with ThreadPoolExecutor(1, thread_name_prefix="traffic") as beside:
        yield beside.submit(_generated, out, days, seed)


def _generated(out: Path, days: int, seed: int) -> Traffic:
    """Generate the traffic in a separate process, which frees its memory at its end.

    The process does not use multiprocessing, whose locks need a writable /dev/shm.

    Raises
    ------
    InvalidRequestError
        The generator failed. The message is its error output.
    """
    end = format_instant(min(parse_instant(DEFAULT_END), floor_to(datetime.now(UTC), DAY)))
    command = [sys.executable, "-m", "ndr.local.traffic", "--out", str(out), "--end", end]
    command += ["--days", str(days), "--seed", str(seed)]
    ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if ran.returncode != 0:
        raise InvalidRequestError(f"No traffic was generated: {ran.stderr.strip()}")
    return Traffic.of(out, "UTC")
