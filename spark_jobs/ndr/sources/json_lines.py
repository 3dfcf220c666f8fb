"""JSON lines as columns: a whole block at once where its rows are alike, line by line around those that are not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from ndr.sources.json_shapes import Shapes, by_shape
from ndr.sources.source import Field

BLOCK_BYTES: Final = 4 << 20
LONGEST_LINE: Final = BLOCK_BYTES
"""Bytes of the longest line that can be a flow. A log's line has some hundreds."""

HEAD_BYTES: Final = 1024
"""Bytes of a longer line that are kept in quarantine."""

# Below this many bytes reading line by line costs less than another try at the whole.
_LEAST_BLOCK: Final = 4096
_NUMBERS: Final = {"int64": pa.int64(), "float64": pa.float64()}


class Reader(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes: ...


class Objects(NamedTuple):
    """Objects of a file: a column for each field, in any type, and for each object null or why it can't be read."""

    columns: dict[str, pa.Array]
    problem: pa.Array


class LongLine(NamedTuple):
    """A line that is too long to be a flow: its beginning, and how many bytes it has."""

    head: bytes
    length: int


def blocks(
    stream: Reader, block_bytes: int = BLOCK_BYTES, longest_line: int = LONGEST_LINE
) -> Iterator[bytes | LongLine]:
    """Cut a stream into blocks that end with a line. Memory is bounded, whatever the length of a line.

    Parameters
    ----------
    stream : Reader
        Decompressed content.
    block_bytes : int
        Bytes to read at a time, at most `longest_line`: so only a line across two reads can be too long.
    longest_line : int
        Bytes of the longest line that can be a flow.

    Yields
    ------
    bytes or LongLine
        Whole lines, less than `longest_line` + `block_bytes` bytes; or a line that is too long.
    """
    rest = b""  # the line that the last read ended in, or the beginning of one that is too long
    length = 0  # its length
    while chunk := stream.read(block_bytes):
        first, last = chunk.find(b"\n"), chunk.rfind(b"\n") + 1
        length += first if last else len(chunk)
        if length > longest_line:
            rest = (rest + chunk[: first if last else HEAD_BYTES])[:HEAD_BYTES]
            if not last:
                continue
            yield LongLine(rest, length)
            rest = b""
            chunk, last = chunk[first + 1 :], last - first - 1
        elif not last:
            rest += chunk
            continue
        if last:
            yield b"".join((rest, memoryview(chunk)[:last]))
        rest, length = chunk[last:], len(chunk) - last
    if length > longest_line:
        yield LongLine(rest, length)
    elif rest:
        yield rest


def lines_of(block: bytes) -> list[bytes]:
    """Return the block's lines; blank ones are not rows."""
    return [line for line in block.split(b"\n") if line.strip()]


def keys_of(line: bytes) -> set[str]:
    """Return the keys of a line that is a JSON object, else nothing."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return set()
    return set(found) if isinstance(found, dict) else set()


def parse_block(block: bytes, fields: Mapping[str, Field]) -> list[Objects]:
    """Parse a block of JSON lines.

    Parameters
    ----------
    block : bytes
        Whole lines.
    fields : mapping of str to Field
        The columns to return. Other keys are ignored.

    Returns
    -------
    list of Objects
        Runs of rows, in order: together one row a line that is not blank.
    """
    shapes = by_shape(block, fields) if len(block) > _LEAST_BLOCK else None
    if shapes is None or 2 * np.count_nonzero(shapes.rest) > len(shapes.rest):
        return _parse_runs(block, fields)
    others = shapes.lines.texts(np.flatnonzero(shapes.rest))
    rest = _parse_runs("".join(f"{line}\n" for line in others).encode(), fields) if others else []
    return [_in_order(shapes, rest, fields)]


def _parse_runs(block: bytes, fields: Mapping[str, Field]) -> list[Objects]:
    whole = _parse_alike(block, fields)
    if whole is not None:
        return [whole]
    if len(block) > _LEAST_BLOCK:
        cut = block.find(b"\n", len(block) // 2) + 1
        if 0 < cut < len(block):
            return _parse_runs(block[:cut], fields) + _parse_runs(block[cut:], fields)
    return [_parse_lines(lines_of(block), fields)]


def _in_order(shapes: Shapes, rest: list[Objects], fields: Mapping[str, Field]) -> Objects:
    """Put the rows of some shapes, and those of none, into the order of their lines."""
    counts = [len(alike.lines) for alike in shapes.found] + [len(run.problem) for run in rest]
    columns = {}
    for name, field in fields.items():
        parts = [alike.columns.get(name) for alike in shapes.found] + [run.columns[name] for run in rest]
        is_bare = not rest and all(name in alike.bare for alike in shapes.found)
        columns[name] = _joined(parts, counts, is_bare and field.type == "float64")
    problem = pa.concat_arrays(
        [
            pa.nulls(len(shapes.rest) - sum(len(run.problem) for run in rest), pa.string()),
            *(run.problem for run in rest),
        ]
    )
    if len(counts) == 1:
        return Objects(columns, problem)
    places = np.concatenate([*(alike.lines for alike in shapes.found), np.flatnonzero(shapes.rest)])
    order = pa.array(np.argsort(places))
    return Objects({name: column.take(order) for name, column in columns.items()}, problem.take(order))


def _joined(parts: list[pa.Array | None], counts: list[int], are_times: bool) -> pa.Array:
    """Return the parts of a column one after another, null where there is none: text, or int64 where all are that.

    Times are numbers (float64) where all are written as such.
    """
    types = {part.type for part in parts if part is not None}
    type_ = pa.int64() if types == {pa.int64()} else pa.string()
    whole = [
        pa.nulls(count, type_) if part is None else pc.cast(part, type_)
        for part, count in zip(parts, counts, strict=True)
    ]
    column = whole[0] if len(whole) == 1 else pa.concat_arrays(whole)
    return pc.cast(column, pa.float64(), safe=False) if are_times else column


def _parse_alike(block: bytes, fields: Mapping[str, Field]) -> Objects | None:
    """Parse lines whose values have the types that the first line has, else return None."""
    try:
        if not block.isascii():
            block.decode()
        first = json.loads(block[: block.find(b"\n") + 1] or block)
        if not isinstance(first, dict):
            return None
        places = {name: list(_places(field, first)) for name, field in fields.items()}
        tree: dict[str, Any] = {}
        for name, field in fields.items():
            for place in places[name]:
                _grow(tree, place, _type_of(field, _at(first, place)))
        table = pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(_arrow_fields(tree)), unexpected_field_behavior="ignore"
            ),
        )
        if table.num_rows != block.count(b"\n") + (not block.endswith(b"\n")):
            return None
        columns = {name: _first_present(table, places[name]) for name in fields}
    except (pa.ArrowException, ValueError, AttributeError, TypeError, RecursionError):
        return None
    return Objects(columns, pa.nulls(table.num_rows, pa.string()))


def _places(field: Field, first: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield where a field can be: under a key of its name, or below the keys that its name lists."""
    for path in field.paths:
        yield (path,)
        parent, *below = path.split(".")
        if below and path not in first:
            if not isinstance(first.get(parent), dict | None):
                raise ValueError(f"{parent} is not an object in the first line, and may be one in others")
            yield (parent, *below)


def _at(record: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _grow(tree: dict[str, Any], place: tuple[str, ...], type_: pa.DataType) -> None:
    for key in place[:-1]:
        tree = tree.setdefault(key, {})
    tree[place[-1]] = type_


def _arrow_fields(tree: dict[str, Any]) -> list[pa.Field]:
    return [
        pa.field(key, pa.struct(_arrow_fields(value)) if isinstance(value, dict) else value)
        for key, value in tree.items()
    ]


def _first_present(table: pa.Table, places: list[tuple[str, ...]]) -> pa.Array:
    found = []
    for key, *below in places:
        column = table[key].combine_chunks()
        for name in below:
            column = pc.struct_field(column, name)
        found.append(column)
    used = [column for column in found if column.null_count < len(column)] or found[:1]
    if len({column.type for column in used}) > 1:
        used = [pc.cast(column, pa.string()) for column in used]
    column = used[0] if len(used) == 1 else pc.coalesce(*used)
    return pc.cast(column, pa.string()) if pa.types.is_boolean(column.type) else column


def _type_of(field: Field, value: Any) -> pa.DataType:
    if field.type == "bool" and isinstance(value, bool | None):
        return pa.bool_()
    number = _NUMBERS.get(field.type)
    if number is not None and isinstance(value, int | float | None):
        return number
    return pa.string()


def _parse_lines(lines: list[bytes], fields: Mapping[str, Field]) -> Objects:
    values: dict[str, list[str | None]] = {name: [] for name in fields}
    problems = []
    for line in lines:
        record, problem = _parse_line(line, fields)
        problems.append(problem)
        for name, column in values.items():
            column.append(record.get(name))
    columns = {name: pa.array(column, pa.string()) for name, column in values.items()}
    return Objects(columns, pa.array(problems, pa.string()))


def _parse_line(line: bytes, fields: Mapping[str, Field]) -> tuple[dict[str, str | None], str | None]:
    """Return the line's values as text, and null or the reason why it is not a record."""
    try:
        found = json.loads(line.decode(), parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return {}, f"bad_json: {error}"
    if not isinstance(found, dict):
        return {}, f"bad_json: the line is a {type(found).__name__}, not an object"
    record: dict[str, str | None] = {}
    for name, field in fields.items():
        path, value = _value_of(found, field)
        if isinstance(value, bool) and field.type == "bool":
            value = json.dumps(value)
        if value is not None and not isinstance(value, str):
            return {}, f"bad_{name}: {json.dumps(value)[:200]} is neither text nor a number"
        if value is not None and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            return {}, f"bad_json: {path} holds half of a surrogate pair"
        record[name] = value
    return record, None


def _value_of(record: dict[str, Any], field: Field) -> tuple[str, Any]:
    for path in field.paths:
        for place in ((path,), tuple(path.split("."))):
            value = _at(record, place)
            if value is not None:
                return path, value
    return field.paths[0], None


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")
