"""Where inventory snapshots lie below their prefix, and what a snapshot's file holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa
from pyarrow import fs

from ndr.contract.datasets import MACHINE_INVENTORY
from ndr.contract.jobspecs.machine_inventory_unload import InventoryOutput
from ndr.contract.time import Interval
from ndr.jobs.inventory.query import MONTH_COLUMN
from ndr.store.schema import arrow_schema
from ndr.store.storage import join, list_names

STAGING: Final = "_staging"
_FOLDER: Final = re.compile(rf"{MONTH_COLUMN}=(\d{{4}}-(?:0[1-9]|1[0-2]))")
_FILE: Final = re.compile(r"machines-(?P<run_id>\d{8}T\d{6}Z-[0-9a-f]+)-.*")


def snapshot_uri(prefix: str, month: str) -> str:
    """Return `<prefix>/snapshot_month=2026-01`."""
    return join(prefix, f"{MONTH_COLUMN}={month}")


def staging_uri(prefix: str, month: str, run_id: str) -> str:
    """Return `<prefix>/_staging/snapshot_month=2026-01/<run id>`; engines pass over names that begin with `_`."""
    return join(prefix, STAGING, f"{MONTH_COLUMN}={month}", run_id)


def file_prefix(run_id: str) -> str:
    """Return how a run's file names begin, so that two snapshots of a month never share one."""
    return f"machines-{run_id}-"


def run_id_of(file_name: str) -> str | None:
    """Read the run id back from a file's name; None where another tool named it."""
    found = _FILE.fullmatch(file_name)
    return found["run_id"] if found else None


def snapshot_months(prefix: str) -> list[str]:
    """Return the months that have a folder below the prefix, newest first."""
    folders = (_FOLDER.fullmatch(name) for name in list_names(prefix, kind=fs.FileType.Directory))
    return sorted((folder[1] for folder in folders if folder), reverse=True)


def month_interval(month: str) -> Interval:
    """Return the UTC month as [start, end)."""
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return Interval(start, (start + timedelta(days=32)).replace(day=1))


def snapshot_schema(output: InventoryOutput) -> pa.Schema:
    """Return the schema of a snapshot's files: the contract's, under the JobSpec's column names."""
    return (
        arrow_schema(MACHINE_INVENTORY)
        .set(0, pa.field(output.ip_output_column, pa.string()))
        .set(1, pa.field(output.name_output_column, pa.string()))
    )
