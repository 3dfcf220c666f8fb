"""A block of rows out of log files: parsed, mapped, converted, and with the text of rows that can't be used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.contract.wording import counted
from ndr.sources.integration.columns import EXTRA_COLUMNS, FLOW_COLUMNS, READ_COLUMNS, REQUIRED
from ndr.sources.integration.convert import converted
from ndr.sources.integration.source import INTEGRATION_FILES
from ndr.sources.json_lines import LONGEST_LINE, LongLine, keys_of, lines_of, parse_block
from ndr.sources.json_objects import as_lines, objects_touch
from ndr.sources.source import Columns, Rows, Source


class Block(NamedTuple):
    """Rows, in runs, and what tells more of them.

    `rows_of_file` has the number of rows of each file, in their order. `raw` gives the texts of the rows at positions,
    `found` the names of the columns in the file of a number, where that is worth telling.
    """

    runs: list[Rows]
    rows_of_file: Sequence[int]
    raw: Callable[[Iterable[int]], list[str]]
    found: Callable[[int], set[str]] = lambda file: set()


class Read(NamedTuple):
    """Rows that are flows or can't be used (`READ_COLUMNS`, and those of `EXTRA_COLUMNS` that there are), how many rows
    are not flows by their kind, and how many rows each file has in all."""

    table: pa.Table
    not_flows: dict[str, int]
    paths: Sequence[str]
    rows_of_file: Sequence[int]


def json_block(contents: Sequence[bytes], source: Source, spec: DeltaBuilderSpec) -> Block:
    """Parse the lines of one file or of several small ones at once."""
    lines_of_file = [lines_of(content) for content in contents] if len(contents) > 1 else []
    whole = contents[0] if len(contents) == 1 else b"".join(content.removesuffix(b"\n") + b"\n" for content in contents)
    fields = source.fields_of(spec)
    objects = parse_block(whole, fields)
    if len(contents) == 1 and any(problem.null_count < len(problem) for _, problem in objects) and objects_touch(whole):
        whole = as_lines(whole)
        objects = parse_block(whole, fields)
    runs = [_mapped(source, columns, problem, spec) for columns, problem in objects]

    def raw(positions: Iterable[int]) -> list[str]:
        lines = lines_of(whole)
        return [lines[position].decode(errors="backslashreplace").strip() for position in positions]

    def found(file: int) -> set[str]:
        return {key for line in lines_of(contents[file]) for key in keys_of(line)}

    rows = [len(lines) for lines in lines_of_file] or [sum(len(run.problem) for run in runs)]
    return Block(runs, rows, raw, found if source is INTEGRATION_FILES else lambda file: set())


def text_block(content: bytes, source: Source, header: Any, spec: DeltaBuilderSpec) -> Block:
    """Split the lines of one file that are not JSON."""
    assert source.parse is not None
    lines = source.parse(content, header, spec)
    rows = _mapped(source, lines.columns, lines.problem, spec)
    return Block([rows], [len(lines.problem)], lines.texts)


def long_line_block(line: LongLine) -> Block:
    """Return the one row of a line that is too long; its text is cut."""
    head = line.head.decode(errors="backslashreplace")
    problem = f"long_line: the line has {counted(line.length, 'byte')}, and a flow has at most {LONGEST_LINE}"
    return Block([_filled(Rows({}, pa.array([problem])))], [1], lambda positions: [head for _ in positions])


def parquet_block(batch: pa.RecordBatch, source: Source, names: set[str], spec: DeltaBuilderSpec) -> Block:
    """Take the columns out of a batch of Parquet rows; `names` are those of all columns of the file."""

    def raw(positions: Iterable[int]) -> list[str]:
        return [json.dumps(batch.slice(position, 1).to_pylist()[0], default=str) for position in positions]

    absent = pa.nulls(batch.num_rows, pa.string())
    columns = {}
    for name, field in source.fields_of(spec).items():
        found = (_column_at(batch, path) for path in field.paths)
        columns[name] = next((column for column in found if column is not None), absent)
    rows = _mapped(source, columns, absent, spec)
    return Block([rows], [batch.num_rows], raw, lambda _: names if source is INTEGRATION_FILES else set())


def _column_at(batch: pa.RecordBatch, path: str) -> pa.Array | None:
    if path in batch.schema.names:
        return batch.column(path)
    parent, _, below = path.partition(".")
    if not below or parent not in batch.schema.names:
        return None
    column = batch.column(parent)
    for name in below.split("."):
        if not pa.types.is_struct(column.type) or column.type.get_field_index(name) < 0:
            return None
        column = pc.struct_field(column, name)
    return column


def _mapped(source: Source, columns: Columns, problem: pa.Array, spec: DeltaBuilderSpec) -> Rows:
    rows = source.map(columns, spec)
    problem = pc.coalesce(problem, rows.problem)
    not_flow = rows.not_flow
    if not_flow is not None:
        not_flow = pc.if_else(pc.is_null(problem), not_flow, pa.scalar(None, pa.string()))
    return _filled(Rows(rows.columns, problem, not_flow))


def _filled(rows: Rows) -> Rows:
    absent = pa.nulls(len(rows.problem), pa.string())
    return rows._replace(columns={**dict.fromkeys(FLOW_COLUMNS.names, absent), **rows.columns})


def flows_of_block(paths: Sequence[str], block: Block, spec: DeltaBuilderSpec) -> Read:
    """Convert a block's columns; a row that does not convert gets its problem and its text.

    Row numbers are those within the block, from 0 for each file.

    Raises
    ------
    SchemaMismatchError
        A file has columns, and none of those that a flow needs.
    """
    table = pa.concat_tables([converted(rows, spec) for rows in block.runs], promote_options="default")
    for file in _files_without_flows(table, block.rows_of_file):
        _refuse_foreign(paths[file], block.found(file), spec.field_mapping)
    not_flow = pa.chunked_array([_kinds(rows) for rows in block.runs], pa.string()).combine_chunks()
    problem = pc.if_else(pc.is_null(not_flow), table["problem"].combine_chunks(), pa.scalar(None, pa.string()))
    raw: pa.Array = pa.nulls(table.num_rows, pa.string())
    if problem.null_count < table.num_rows:
        mask = problem.is_valid()
        positions = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        raw = pc.replace_with_mask(raw, mask, pa.array(block.raw(positions), pa.string()))
    file_of_row = np.repeat(np.arange(len(paths), dtype=np.int32), block.rows_of_file)
    begins = np.concatenate(([0], np.cumsum(block.rows_of_file)))[:-1]
    row_number = np.arange(table.num_rows) - np.repeat(begins, block.rows_of_file)
    source_file = pa.DictionaryArray.from_arrays(file_of_row, pa.array(paths, pa.string()))
    columns = [*table.select(FLOW_COLUMNS.names).columns, source_file, pa.array(row_number, pa.int64()), problem, raw]
    extra = [field for field in EXTRA_COLUMNS if field.name in table.schema.names]
    columns += [table[field.name] for field in extra]
    whole = pa.table(columns, schema=pa.schema([*READ_COLUMNS, *extra]))
    if not_flow.null_count == len(not_flow):
        return Read(whole, {}, paths, block.rows_of_file)
    kinds = {each["values"]: each["counts"] for each in not_flow.drop_null().value_counts().to_pylist()}
    return Read(whole.filter(pc.is_null(not_flow)), kinds, paths, block.rows_of_file)


def _kinds(rows: Rows) -> pa.Array:
    return pa.nulls(len(rows.problem), pa.string()) if rows.not_flow is None else rows.not_flow


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


def _refuse_foreign(path: str, found: set[str], field_mapping: Mapping[Any, str]) -> None:
    """Raise when a file has columns, and none of those that a flow needs."""
    needed = {name: field_mapping.get(name, name) for name in REQUIRED}
    if not found or not found.isdisjoint(name.partition(".")[0] for name in needed.values()):
        return
    mapping = json.dumps(dict.fromkeys(REQUIRED, "<its column>"))
    raise SchemaMismatchError(
        f"{path} has none of the columns that a flow needs ({', '.join(needed.values())}); it has "
        f"{', '.join(sorted(found)[:40])}. Say in the delta_builder JobSpec what this source calls them: "
        f'"field_mapping": {mapping}, or which log format it is: "inputs": {{"source": "auto", …}}.'
    )
