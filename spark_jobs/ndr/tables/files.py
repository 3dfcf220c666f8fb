"""Files of a table: where rows lie, and what a file's place says of them."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Final

from ndr.contract.tables import TABLES_FOLDER
from ndr.contract.time import Interval, interval_of, mini_batch_id
from ndr.store.storage import join
from ndr.tables.published import Rows

_CUT: Final = "data"
"""Below a table's location: copies of the rows of a file for which its partition still answers."""


def table_location(prefix: str, database: str, table: str) -> str:
    """Return `<prefix>/_tables/<database>/<table>`, below which a table's metadata and cut files lie."""
    return join(prefix, TABLES_FOLDER, database, table)


def cut_folder(location: str) -> str:
    """Return the folder of a table's cut files."""
    return join(location, _CUT)


def cut_uri(location: str, rows: Rows, part: Interval) -> str:
    """Return a new URI for a file that has the rows of a part of a partition's time."""
    name = f"{mini_batch_id(part)}-{uuid.uuid4().hex[:12]}.parquet"
    return join(cut_folder(location), rows.partition, rows.file, name)


def rows_at(prefix: str, location: str, levels: int, day: date, uri: str) -> Rows | None:
    """Return which rows a file of a table has, by its place; None of a file that no registration wrote.

    Parameters
    ----------
    prefix, location : str
        The dataset's prefix, and the table's location below it.
    levels : int
        Folders between the prefix and the files of a partition.
    """
    cut = f"{cut_folder(location)}/"
    if uri.startswith(cut):
        path, _, name = uri.removeprefix(cut).rpartition("/")
        part = interval_of(name.rpartition("-")[0])
        return _rows(path, levels, day, part) if part else None
    if not uri.startswith(prefix.rstrip("/") + "/") or uri.startswith(join(prefix, TABLES_FOLDER)):
        return None
    return _rows(uri.removeprefix(prefix.rstrip("/") + "/"), levels, day, None)


def _rows(path: str, levels: int, day: date, part: Interval | None) -> Rows | None:
    parts = path.split("/")
    if len(parts) <= levels:
        return None
    return Rows(day, "/".join(parts[:levels]), "/".join(parts[levels:]), part)
