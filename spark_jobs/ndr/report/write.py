"""Writing the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ndr.contract.jobspecs import JobSpecs
from ndr.report.collect import DAYS, collect
from ndr.report.executions import Execution
from ndr.report.page import page
from ndr.store.storage import put_bytes


def write_report(
    jobspecs: JobSpecs,
    executions: Sequence[Execution],
    ledger: Iterable[Mapping[str, Any]],
    destination: str,
    days: int = DAYS,
    now: datetime | None = None,
    note: str | None = None,
) -> int:
    """Write the report of a project to one HTML file, whole or not at all.

    Parameters
    ----------
    jobspecs : mapping
        The checked set of the project.
    executions : sequence of Execution
        The newest first, as `last_executions` returns them.
    ledger : iterable of dict
        Items of the ledger table.
    destination : str
        URI of the file, `s3://...` or `file:///...`.
    days : int
        Number of UTC days that are reported, up to the newest deltas.
    note : str, optional
        Why executions are missing.

    Returns
    -------
    int
        Bytes of the file.

    Raises
    ------
    InsufficientHistoryError
        Nothing is published.
    SchemaMismatchError
        What is published can't be read.
    """
    content = page(collect(jobspecs, executions, ledger, days, now, note)).encode()
    put_bytes(destination, content)
    return len(content)
