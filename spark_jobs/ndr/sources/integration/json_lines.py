"""JSON lines as columns: a whole block at once where its rows are alike, line by line around those that are not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.json

from ndr.contract.datasets import INTEGRATION

BLOCK_BYTES: Final = 2 << 20
LONGEST_LINE: Final = BLOCK_BYTES
"""Bytes of the longest line that can be a flow. A log's line has some hundreds."""

HEAD_BYTES: Final = 1024
"""Bytes of a longer line that are kept in quarantine."""

# Below this many bytes reading line by line costs less than another try at the whole.
_LEAST_BLOCK: Final = 4096
_NUMBERS: Final = {
    column.name: pa.float64() if column.type == "timestamp" else pa.int64()
    for column in INTEGRATION.columns
    if column.type != "string"
}


class Rows(NamedTuple):
    """Rows of a file under the integration names, in any type, and for each row the reason of its rejection or null."""

    columns: dict[str, pa.Array]
    problem: pa.Array


class LongLine(NamedTuple):
    """A line that is too long to be a flow: its beginning, and how many bytes it has."""

    head: bytes
    length: int


def blocks(
    stream: pa.NativeFile, block_bytes: int = BLOCK_BYTES, longest_line: int = LONGEST_LINE
) -> Iterator[bytes | LongLine]:
    """Cut a stream into blocks that end with a line. Memory is bounded, whatever the length of a line.

    Parameters
    ----------
    stream : pa.NativeFile
        Decompressed content; only `read` is called.
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
            yield rest + chunk[:last]
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


def parse_block(block: bytes, source_names: Mapping[str, str]) -> list[Rows]:
    """Parse a block of JSON lines.

    Parameters
    ----------
    block : bytes
        Whole lines.
    source_names : mapping of str to str
        Integration column → the key that the lines have for it. Other keys are ignored.

    Returns
    -------
    list of Rows
        Runs of rows, in order: together one row a line that is not blank.
    """
    whole = _parse_alike(block, source_names)
    if whole is not None:
        return [whole]
    if len(block) > _LEAST_BLOCK:
        cut = block.find(b"\n", len(block) // 2) + 1
        if 0 < cut < len(block):
            return parse_block(block[:cut], source_names) + parse_block(block[cut:], source_names)
    return [_parse_lines(lines_of(block), source_names)]


def rejected_line(line: LongLine, source_names: Mapping[str, str]) -> Rows:
    """Return the one row of a line that is too long."""
    problem = f"long_line: the line has {line.length} bytes, and a flow has at most {LONGEST_LINE}"
    return Rows({name: pa.nulls(1, pa.string()) for name in source_names}, pa.array([problem]))


def _parse_alike(block: bytes, source_names: Mapping[str, str]) -> Rows | None:
    """Parse lines whose values have the types that the first line has, else return None."""
    try:
        if not block.isascii():
            block.decode()
        first = json.loads(block[: block.find(b"\n") + 1] or block)
        types = {source: _type_of(name, first.get(source)) for name, source in source_names.items()}
        table = pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="ignore"
            ),
        )
    except (pa.ArrowInvalid, ValueError, AttributeError, RecursionError):
        return None
    if table.num_rows != block.count(b"\n") + (not block.endswith(b"\n")):
        return None
    columns = {name: table[source].combine_chunks() for name, source in source_names.items()}
    return Rows(columns, pa.nulls(table.num_rows, pa.string()))


def _type_of(name: str, value: Any) -> pa.DataType:
    number = _NUMBERS.get(name)
    if number is not None and (isinstance(value, (int, float)) or (value is None and number == pa.int64())):
        return number
    return pa.string()


def _parse_lines(lines: list[bytes], source_names: Mapping[str, str]) -> Rows:
    values: dict[str, list[str | None]] = {name: [] for name in source_names}
    problems = []
    for line in lines:
        record, problem = _parse_line(line, source_names)
        problems.append(problem)
        for name, column in values.items():
            column.append(record.get(name))
    return Rows(
        {name: pa.array(column, pa.string()) for name, column in values.items()}, pa.array(problems, pa.string())
    )


def _parse_line(line: bytes, source_names: Mapping[str, str]) -> tuple[dict[str, str | None], str | None]:
    """Return the line's values as text, and null or the reason why it is not a record."""
    try:
        found = json.loads(line.decode(), parse_int=str, parse_float=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return {}, f"bad_json: {error}"
    if not isinstance(found, dict):
        return {}, f"bad_json: the line is a {type(found).__name__}, not an object"
    record: dict[str, str | None] = {}
    for name, source in source_names.items():
        value = found.get(source)
        if value is not None and not isinstance(value, str):
            return {}, f"bad_{name}: {json.dumps(value)} is neither text nor a number"
        if value is not None and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            return {}, f"bad_json: {source} holds half of a surrogate pair"
        record[name] = value
    return record, None


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")
