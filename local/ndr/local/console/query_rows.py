"""The rows of a query: on a terminal, as JSON, as comma-separated values, as a Parquet file."""

from __future__ import annotations

import csv
import json
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from ndr.contract.errors import InvalidRequestError
from ndr.contract.time import format_instant
from ndr.contract.wording import counted
from ndr.local.console.documents import json_value
from ndr.local.console.plain import plain
from ndr.local.console.tables import Number, print_table
from ndr.read import Rows

SHOWN: Final = 100
"""Rows that a table shows: more do not help a reader."""


def print_rows(console: Console, rows: Rows) -> None:
    """Print the first rows as a table, and say so where there are more."""
    first = list(islice(_records(rows), SHOWN + 1))
    numbers = [field.name for field in rows.schema if _is_number(field.type)]
    cells = [[_cell(value) for value in record] for record in first[:SHOWN]]
    is_all = len(first) <= SHOWN
    title = counted(len(cells), "row") if is_all else f"The first {SHOWN} rows; --csv, --json or --parquet FILE has all"
    print_table(console, title, rows.schema.names, cells, right=numbers)


def print_json(rows: Rows) -> None:
    """Print one JSON document, `{"rows": [{...}, ...]}`, a row a line, as the rows are read."""
    names, mark = rows.schema.names, ""
    records = _started(_records(rows))
    sys.stdout.write('{"rows": [')
    for record in records:
        document = dict(zip(names, map(_json, record), strict=True))
        sys.stdout.write(f"{mark}\n{json.dumps(document)}")
        mark = ","
    sys.stdout.write("\n]}\n")


def print_csv(rows: Rows) -> None:
    """Print a header and a line a row: null is empty, instants are in UTC, nested values are JSON."""
    names = rows.schema.names
    records = _started(_records(rows))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    is_terminal = sys.stdout.isatty()
    writer.writerow(names)
    for record in records:
        texts = map(_text, record)
        writer.writerow(map(plain, texts) if is_terminal else texts)


def write_parquet(rows: Rows, path: Path) -> int:
    """Write a file beside, and give it its name when it is whole; return the number of rows.

    Raises
    ------
    InvalidRequestError
        The file can't be written.
    """
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    written = 0
    try:
        with beside.open("wb") as file:
            with pq.ParquetWriter(file, rows.schema) as writer:
                for batch in rows.batches():
                    writer.write_batch(batch)
                    written += batch.num_rows
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise InvalidRequestError(
            f"{path} can't be written: {error.strerror or error}. Name a file in a folder of yours, with space for it."
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink()
    return written


def _records(rows: Rows) -> Iterator[list[Any]]:
    for batch in rows.batches():
        columns = [column.to_pylist() for column in batch.columns]
        yield from map(list, zip(*columns, strict=True))


def _started(records: Iterator[list[Any]]) -> Iterator[list[Any]]:
    """Read the first row now: what is wrong is told before anything is printed."""
    first = list(islice(records, 1))

    def all_of() -> Iterator[list[Any]]:
        yield from first
        yield from records

    return all_of()


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def _cell(value: Any) -> object:
    """Return a value as a table shows it; of a number with a fraction six digits."""
    if isinstance(value, float):
        return Number(value, f"{value:,.6g}")
    return json.dumps(_json(value), ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _json(value: Any) -> Any:
    """Return a value as JSON has it, an instant with its fraction of a second."""
    if isinstance(value, datetime) and value.tzinfo:
        return format_instant(value)
    if isinstance(value, dict):
        return {key: _json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_json(each) for each in value]
    return json_value(value) if not isinstance(value, datetime) else value.isoformat()


def _text(value: Any) -> str:
    if value is None:
        return ""
    found = _json(value)
    return found if isinstance(found, str) else json.dumps(found)
