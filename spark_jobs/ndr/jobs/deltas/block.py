"""A block of rows out of integration files: parsed, converted, and with the text of rows that can't be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import INTEGRATION
from ndr.contract.errors import SchemaMismatchError
from ndr.sources.integration.columns import FLOW_COLUMNS, READ_COLUMNS, REQUIRED
from ndr.sources.integration.convert import convert
from ndr.sources.integration.json_lines import LongLine, Rows, keys_of, lines_of, parse_block, rejected_line

COLUMN_TYPES: Final = {column.name: column.type for column in INTEGRATION.columns}
_CANNOT: Final = {
    "int64": "is not a whole number",
    "timestamp": "is not ISO 8601 with a zone, nor epoch seconds",
}


class Block(NamedTuple):
    """Rows, in runs, and what tells more of them.

    `rows_of_file` has the number of rows of each file, in their order. `raw` gives the texts of the rows at positions,
    `found` the names of the columns in the file of a number.
    """

    runs: list[Rows]
    rows_of_file: Sequence[int]
    raw: Callable[[Iterable[int]], list[str]]
    found: Callable[[int], set[str]]


def json_block(contents: Sequence[bytes], source_names: Mapping[str, str]) -> Block:
    """Parse the lines of one file or of several small ones at once."""
    lines_of_file = [lines_of(content) for content in contents] if len(contents) > 1 else []
    whole = b"".join(content if content.endswith(b"\n") else content + b"\n" for content in contents)
    runs = parse_block(contents[0] if len(contents) == 1 else whole, source_names)

    def raw(positions: Iterable[int]) -> list[str]:
        lines = lines_of(whole)
        return [lines[position].decode(errors="backslashreplace").strip() for position in positions]

    def found(file: int) -> set[str]:
        return {key for line in lines_of(contents[file]) for key in keys_of(line)}

    rows = [len(lines) for lines in lines_of_file] or [sum(len(run.problem) for run in runs)]
    return Block(runs, rows, raw, found)


def long_line_block(line: LongLine, source_names: Mapping[str, str]) -> Block:
    """Return the one row of a line that is too long; its text is cut."""
    head = line.head.decode(errors="backslashreplace")
    return Block([rejected_line(line, source_names)], [1], lambda positions: [head for _ in positions], lambda _: set())


def parquet_block(batch: pa.RecordBatch, source_names: Mapping[str, str], names: set[str]) -> Block:
    """Take the columns out of a batch of Parquet rows; `names` are those of all columns of the file."""

    def raw(positions: Iterable[int]) -> list[str]:
        return [json.dumps(batch.slice(position, 1).to_pylist()[0], default=str) for position in positions]

    columns = {
        name: batch.column(source) if source in batch.schema.names else pa.nulls(batch.num_rows, pa.string())
        for name, source in source_names.items()
    }
    rows = Rows(columns, pa.nulls(batch.num_rows, pa.string()))
    return Block([rows], [batch.num_rows], raw, lambda _: names)


def flows_of_block(paths: Sequence[str], block: Block, source_names: Mapping[str, str]) -> pa.Table:
    """Convert a block's columns; a row that does not convert gets its problem and its text.

    Returns
    -------
    pa.Table
        `READ_COLUMNS`, with null row numbers.

    Raises
    ------
    SchemaMismatchError
        A file has columns, and none of those that a flow needs.
    """
    table = pa.concat_tables([_converted(rows) for rows in block.runs])
    for file in _files_without_flows(table, block.rows_of_file):
        _refuse_foreign(paths[file], block.found(file), source_names)
    problem = table["problem"].combine_chunks()
    raw: pa.Array = pa.nulls(table.num_rows, pa.string())
    if problem.null_count < table.num_rows:
        mask = problem.is_valid()
        positions = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        raw = pc.replace_with_mask(raw, mask, pa.array(block.raw(positions), pa.string()))
    file_of_row = np.repeat(np.arange(len(paths), dtype=np.int32), block.rows_of_file)
    source_file = pa.DictionaryArray.from_arrays(file_of_row, pa.array(paths, pa.string()))
    columns = [*table.columns[:-1], source_file, pa.nulls(table.num_rows, pa.int64()), problem, raw]
    return pa.table(columns, schema=READ_COLUMNS)


def _files_without_flows(table: pa.Table, rows_of_file: Sequence[int]) -> list[int]:
    """Return the numbers of the files that have rows, and in no row one of the columns that a flow needs."""
    if any(table[name].null_count == 0 for name in REQUIRED):
        return []
    absent = np.ones(table.num_rows, bool)
    for name in REQUIRED:
        absent &= table[name].is_null().to_numpy()
    ends = np.cumsum(rows_of_file)
    return [
        file
        for file, (end, rows) in enumerate(zip(ends.tolist(), rows_of_file, strict=True))
        if rows and absent[end - rows : end].all()
    ]


def _converted(rows: Rows) -> pa.Table:
    problem = rows.problem
    columns = []
    for name in COLUMN_TYPES:
        values, failed = convert(name, rows.columns[name])
        columns.append(values)
        if len(failed):
            problem = _with_problem(problem, name, rows.columns[name], failed)
    return pa.table([*columns, problem], schema=FLOW_COLUMNS.append(READ_COLUMNS.field("problem")))


def _with_problem(problem: pa.Array, name: str, column: pa.Array, failed: np.ndarray) -> pa.Array:
    """Note what does not convert, in rows without an earlier problem."""
    mask = np.zeros(len(problem), bool)
    mask[failed] = True
    found = column.take(pa.array(failed)).to_pylist()
    cannot = "is not an IP address" if name.endswith("_ip") else _CANNOT[COLUMN_TYPES[name]]
    noted = pa.array([f"bad_{name}: {value!r} {cannot}" for value in found], pa.string())
    return pc.coalesce(problem, pc.replace_with_mask(pa.nulls(len(problem), pa.string()), pa.array(mask), noted))


def _refuse_foreign(path: str, found: set[str], source_names: Mapping[str, str]) -> None:
    """Raise when a file has columns, and none of those that a flow needs."""
    needed = {name: source_names[name] for name in REQUIRED}
    if not found or not found.isdisjoint(needed.values()):
        return
    mapping = json.dumps(dict.fromkeys(REQUIRED, "<its column>"))
    raise SchemaMismatchError(
        f"{path} has none of the columns that a flow needs ({', '.join(needed.values())}); it has "
        f"{', '.join(sorted(found)[:40])}. Say in the delta_builder JobSpec what this source calls them: "
        f'"field_mapping": {mapping}.'
    )
