"""Integration files, in any accepted spelling, as one table of flows."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.datasets import INTEGRATION
from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.sources.integration.columns import FLOW_COLUMNS, READ_COLUMNS, REQUIRED
from ndr.sources.integration.convert import convert
from ndr.sources.integration.json_lines import Rows, blocks, keys_of, lines_of, parse_block

JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
PARQUET_SUFFIXES: Final = (".parquet", ".pq")
BATCH_ROWS: Final = 1 << 17
_CANNOT: Final = {
    "int64": "is not a whole number",
    "timestamp": "is not ISO 8601 with a zone, nor epoch seconds",
}
_TYPE: Final = {column.name: column.type for column in INTEGRATION.columns}


class Block(NamedTuple):
    """Rows of a file, in runs; what gives the texts of the rows at positions, and the names of the columns."""

    runs: list[Rows]
    raw: Callable[[Iterable[int]], list[str]]
    found: Callable[[], set[str]]


def read_integration(
    filesystem: fs.FileSystem, paths: Sequence[str], spec: DeltaBuilderSpec, threads: int = 2
) -> pa.Table:
    """Read integration files as one table; rows that can't be read stay in it, with a problem and their text.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        Where the paths are opened.
    paths : sequence of str
        JSON lines (`.json`, `.jsonl`, `.ndjson`, each also `.gz`) or Parquet (`.parquet`, `.pq`); none is an empty
        batch. `spec.input_format` says which where it is not AUTO.
    spec : DeltaBuilderSpec
        `field_mapping` and `input_format` are read.
    threads : int
        Blocks that are parsed at a time.

    Returns
    -------
    pa.Table
        `READ_COLUMNS`: one row for each row of the files, in their order.

    Raises
    ------
    InvalidRequestError
        A file is missing, or its name tells no format.
    SchemaMismatchError
        A file is truncated, damaged or of another format, or has none of the required columns.
    """
    source_names: dict[str, str] = {name: spec.field_mapping.get(name, name) for name in _TYPE}  # type: ignore[call-overload]
    tables = [READ_COLUMNS.empty_table()]
    with ThreadPoolExecutor(threads) as pool:
        for path in paths:
            parsers = _parsers(filesystem, path, format_of(path, spec.input_format), source_names)
            row_number = 0
            for table in _in_order(pool, (partial(_flows_of, path, parse, source_names) for parse in parsers), threads):
                numbers = np.arange(row_number, row_number + table.num_rows, dtype=np.int64)
                row_number += table.num_rows
                place = READ_COLUMNS.get_field_index("row_number")
                tables.append(table.set_column(place, READ_COLUMNS.field(place), [numbers]))
    return pa.concat_tables(tables).unify_dictionaries()


def _in_order(pool: ThreadPoolExecutor, tasks: Iterable[Callable[[], pa.Table]], threads: int) -> Iterator[pa.Table]:
    """Run tasks in the pool, a few ahead of the one whose result is next; so few blocks wait in memory."""
    pending: deque[Future[pa.Table]] = deque()
    for task in tasks:
        pending.append(pool.submit(task))
        if len(pending) > 2 * threads:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def format_of(path: str, input_format: str) -> str:
    """Return JSON or PARQUET: as the JobSpec says, or by the file's name where it says AUTO."""
    if input_format != "AUTO":
        return input_format
    name = path.lower()
    if name.endswith(PARQUET_SUFFIXES):
        return "PARQUET"
    if name.removesuffix(".gz").endswith(JSON_SUFFIXES):
        return "JSON"
    raise InvalidRequestError(
        f"{path}: its name does not tell its format. Name it {', '.join(JSON_SUFFIXES)} (with .gz or not) or "
        f"{' or '.join(PARQUET_SUFFIXES)}, or set input_format of the delta_builder JobSpec to JSON or PARQUET."
    )


def _parsers(
    filesystem: fs.FileSystem, path: str, file_format: str, source_names: Mapping[str, str]
) -> Iterator[Callable[[], Block]]:
    """Open a file and yield, block by block, what parses the block."""
    try:
        if file_format == "PARQUET":
            with filesystem.open_input_file(path) as file:
                yield from _parquet_parsers(file, source_names)
        else:
            compression = "gzip" if path.lower().endswith(".gz") else None
            with filesystem.open_input_stream(path, compression=compression) as stream:
                for block in blocks(stream):
                    yield partial(_json_block, block, source_names)
    except FileNotFoundError:
        raise InvalidRequestError(
            f"{path} does not exist. Check the mini-batch id and the integration prefix of the delta_builder JobSpec."
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise SchemaMismatchError(
            f"{path} can't be read to its end as {file_format}; it is truncated, damaged or of another format "
            f"({error}). Deliver the file again."
        ) from error


def _json_block(block: bytes, source_names: Mapping[str, str]) -> Block:
    def raw(positions: Iterable[int]) -> list[str]:
        lines = lines_of(block)
        return [lines[position].decode(errors="backslashreplace").strip() for position in positions]

    def found() -> set[str]:
        return {key for line in lines_of(block) for key in keys_of(line)}

    return Block(parse_block(block, source_names), raw, found)


def _parquet_parsers(file: pa.NativeFile, source_names: Mapping[str, str]) -> Iterator[Callable[[], Block]]:
    if file.size() == 0:
        return
    schema = pq.read_schema(file)
    names = schema.names
    wanted = [source for source in dict.fromkeys(source_names.values()) if source in names]
    for source in wanted:
        if pa.types.is_nested(found := schema.field(source).type):
            raise pa.ArrowTypeError(f"a flow's columns are text, numbers and times; here is {source}: {found}")
    coded = [source for name, source in source_names.items() if _TYPE[name] == "string" and source in wanted]
    parquet = pq.ParquetFile(file, read_dictionary=coded)
    for batch in parquet.iter_batches(BATCH_ROWS, columns=wanted):
        yield partial(_parquet_block, batch, source_names, set(names))


def _parquet_block(batch: pa.RecordBatch, source_names: Mapping[str, str], names: set[str]) -> Block:
    def raw(positions: Iterable[int]) -> list[str]:
        return [json.dumps(batch.slice(position, 1).to_pylist()[0], default=str) for position in positions]

    columns = {
        name: batch.column(source) if source in batch.schema.names else pa.nulls(batch.num_rows, pa.string())
        for name, source in source_names.items()
    }
    return Block([Rows(columns, pa.nulls(batch.num_rows, pa.string()))], raw, lambda: names)


def _flows_of(path: str, parse: Callable[[], Block], source_names: Mapping[str, str]) -> pa.Table:
    try:
        return _flows_of_block(path, parse, source_names)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise SchemaMismatchError(
            f"{path} has a column whose values can't be read as a flow's: {error}. Columns are text in UTF-8, numbers "
            "and times; deliver the file again."
        ) from error


def _flows_of_block(path: str, parse: Callable[[], Block], source_names: Mapping[str, str]) -> pa.Table:
    """Parse a block and convert its columns; a row that does not convert gets its problem and its text."""
    block = parse()
    table = pa.concat_tables([_converted(rows) for rows in block.runs])
    required = [table[name].null_count == table.num_rows for name in REQUIRED]
    if table.num_rows and all(required):
        _refuse_foreign(path, block.found(), source_names)
    problem = table["problem"].combine_chunks()
    raw: pa.Array = pa.nulls(table.num_rows, pa.string())
    if problem.null_count < table.num_rows:
        mask = problem.is_valid()
        positions = np.flatnonzero(mask.to_numpy(zero_copy_only=False))
        raw = pc.replace_with_mask(raw, mask, pa.array(block.raw(positions), pa.string()))
    source_file = pa.DictionaryArray.from_arrays(np.zeros(table.num_rows, np.int32), pa.array([path]))
    columns = [*table.columns[:-1], source_file, pa.nulls(table.num_rows, pa.int64()), problem, raw]
    return pa.table(columns, schema=READ_COLUMNS)


def _converted(rows: Rows) -> pa.Table:
    problem = rows.problem
    columns = []
    for name in _TYPE:
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
    cannot = "is not an IP address" if name.endswith("_ip") else _CANNOT[_TYPE[name]]
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
