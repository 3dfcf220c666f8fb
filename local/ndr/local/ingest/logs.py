"""Search for conn logs."""

from collections.abc import Iterable
from pathlib import Path

from ndr.contract.errors import InvalidRequestError


def find_logs(source: Path | str | Iterable[Path | str]) -> list[Path]:
    """Return the logs to read, sorted by path within a folder.

    A named file is taken as it is. A folder is searched recursively for ``conn*.log*``, except Zeek's ``conn-summary``
    reports, which are not conn logs.

    Raises
    ------
    InvalidRequestError
        A path does not exist, a folder has no conn log, or no path is given.
    """
    named = [Path(source)] if isinstance(source, Path | str) else [Path(path) for path in source]
    logs: list[Path] = []
    for path in named:
        if path.is_dir():
            found = [log for log in sorted(path.rglob("conn*.log*")) if log.is_file() and _is_conn_log(log.name)]
            if not found:
                raise InvalidRequestError(
                    f"{path} holds no conn log. Zeek names them conn.log or conn.*.log.gz. Name the folder that has "
                    "them, or the files themselves."
                )
            logs += found
        elif path.exists():
            logs.append(path)
        else:
            raise InvalidRequestError(f"{path} does not exist. Name a Zeek conn log or a folder of them.")
    if not logs:
        raise InvalidRequestError("No log is named. Name a Zeek conn log or a folder of them.")
    return logs


def _is_conn_log(name: str) -> bool:
    return not name.startswith("conn-summary")
