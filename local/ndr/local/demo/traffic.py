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

from ndr.contract.errors import InsufficientHistoryError, InvalidRequestError
from ndr.contract.jobspecs.delta_builder import AUTO
from ndr.contract.time import DAY, floor_to, format_instant, parse_instant
from ndr.contract.wording import counted
from ndr.local.ingest.days import all_since
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
            The folder is a file, does not exist or has no log, the zone does not exist, or a log tells local times and
            there is no zone.
        """
        spec_of_logs(AUTO, time_zone)
        if folder.is_file():
            raise InvalidRequestError(f"--traffic {folder} is a file; name the folder that has the logs.")
        logs = find_logs(folder).logs
        if time_zone is None and (local := first_without_zone(logs)):
            raise InvalidRequestError(
                f"{local.path} tells local times without their zone, so its rows would be left out. Name the zone, as "
                f"`make demo TRAFFIC={folder} TIME_ZONE=Europe/Berlin` or "
                f"`ndr demo --traffic {folder} --time-zone Europe/Berlin`."
            )
        inventory = folder / "inventory.csv"
        return cls(folder, inventory if inventory.is_file() else None, time_zone)


def given_traffic(
    folder: Path | None, directory: Path, days: int, time_zone: str | None = None, now: datetime | None = None
) -> Traffic | None:
    """Look at what the demo is asked to take, before anything is stopped, removed or deployed.

    Parameters
    ----------
    folder : Path or None
        The user's logs. None is traffic that is generated.
    directory : Path
        The folder of the account, in which the demo removes the traffic of an earlier one.
    days : int
        Days of generated traffic.
    time_zone : str, optional
    now : datetime, optional

    Returns
    -------
    Traffic or None
        None is traffic that is generated.

    Raises
    ------
    InvalidRequestError
        The folder has no log, or one with local times without `time_zone`, or the demo would remove it; or `days` is
        below 1.
    InsufficientHistoryError
        The logs have no connection before today, UTC.
    """
    if folder is None:
        if days < 1:
            raise InvalidRequestError(f"--days is {days}: traffic takes at least one day, for instance 35.")
        return None
    removed = generated_folder(directory).resolve()
    if folder.resolve().is_relative_to(removed):
        raise InvalidRequestError(
            f"--traffic {folder} would be lost: the demo empties {removed}. Move the logs to another folder, or name "
            "another one for the account with --directory."
        )
    traffic = Traffic.of(folder, time_zone)
    _check_days(folder, time_zone, floor_to(now or datetime.now(UTC), DAY))
    return traffic


def _check_days(folder: Path, time_zone: str | None, today: datetime) -> None:
    if started := all_since(find_logs(folder).logs, today, time_zone):
        connections = counted(started.connections, "connection")
        raise InsufficientHistoryError(
            f"The logs in {folder} hold {connections}, the first at {format_instant(started.first)}, and none of a UTC "
            f"day that is over: the demo takes whole days, of which the last is scored and those before make its "
            f"baselines. Add logs of days before {format_instant(today)[:10]} to the folder, come back tomorrow, or "
            "leave --traffic out for a synthetic network."
        )


def generated_folder(directory: Path) -> Path:
    """Return the folder of generated traffic below the folder of an account."""
    return directory / "traffic"


@contextmanager
def prepared(given: Traffic | None, out: Path, days: int, seed: int) -> Iterator[Future[Traffic]]:
    """Yield a future of the traffic. Given traffic is ready at once, otherwise a background process generates it."""
    if given is not None:
        ready: Future[Traffic] = Future()
        ready.set_result(given)
        yield ready
        return
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
