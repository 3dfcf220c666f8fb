"""Integration files as parts that are parsed apart: blocks of a large file, and many small files together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.jobs.deltas.block import COLUMN_TYPES, Block, json_block, long_line_block, parquet_block
from ndr.jobs.deltas.in_order import in_order
from ndr.sources.integration.json_lines import BLOCK_BYTES, LongLine, blocks
from ndr.store.manifest import READERS

JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
PARQUET_SUFFIXES: Final = (".parquet", ".pq")
BATCH_ROWS: Final = 1 << 17
# Decompressed bytes. Smaller files are read whole, several at a time, and parsed together.
SMALL_FILE_BYTES: Final = 1 << 18
JSON: Final = "JSON"
PARQUET: Final = "PARQUET"


class Part(NamedTuple):
    """Rows of some files, in their order, and what parses them."""

    paths: Sequence[str]
    parse: Callable[[], Block]


class _Opened(NamedTuple):
    """A file: its content, or its beginning and the stream that has the rest. A Parquet file has neither."""

    path: str
    content: bytes
    rest: pa.NativeFile | None
    file_format: str


def parts_of(
    filesystem: fs.FileSystem, paths: Sequence[str], input_format: str, source_names: Mapping[str, str]
) -> Iterator[Part]:
    """Read files and yield, in their order, parts of about `BLOCK_BYTES` to parse.

    Raises
    ------
    InvalidRequestError
        A file is missing, or its name tells no format.
    SchemaMismatchError
        A file is truncated, damaged or of another format.
    """
    small: list[_Opened] = []
    with ThreadPoolExecutor(READERS) as pool:
        tasks = (partial(_open, filesystem, path, format_of(path, input_format)) for path in paths)
        for opened in in_order(pool, tasks, READERS):
            is_small = opened.file_format == JSON and opened.rest is None
            if is_small:
                small.append(opened)
            if small and (not is_small or sum(len(each.content) for each in small) >= BLOCK_BYTES):
                yield _together(small, source_names)
                small = []
            if not is_small:
                yield from _parts_of_large(filesystem, opened, source_names)
    if small:
        yield _together(small, source_names)


def format_of(path: str, input_format: str) -> str:
    """Return JSON or PARQUET: as the JobSpec says, or by the file's name where it says AUTO."""
    if input_format != "AUTO":
        return input_format
    name = path.lower()
    if name.endswith(PARQUET_SUFFIXES):
        return PARQUET
    if name.removesuffix(".gz").endswith(JSON_SUFFIXES):
        return JSON
    raise InvalidRequestError(
        f"{path}: its name does not tell its format. Name it {', '.join(JSON_SUFFIXES)} (with .gz or not) or "
        f"{' or '.join(PARQUET_SUFFIXES)}, or set input_format of the delta_builder JobSpec to JSON or PARQUET."
    )


def _open(filesystem: fs.FileSystem, path: str, file_format: str) -> _Opened:
    if file_format == PARQUET:
        return _Opened(path, b"", None, file_format)
    with _named_errors(path, file_format):
        compression = "gzip" if path.lower().endswith(".gz") else None
        stream = filesystem.open_input_stream(path, compression=compression)
        content = stream.read(SMALL_FILE_BYTES)
        more = stream.read(1) if len(content) == SMALL_FILE_BYTES else b""
        if more:
            return _Opened(path, content + more, stream, file_format)
        stream.close()
        return _Opened(path, content, None, file_format)


def _together(small: Sequence[_Opened], source_names: Mapping[str, str]) -> Part:
    contents = [each.content for each in small]
    return Part([each.path for each in small], partial(json_block, contents, source_names))


def _parts_of_large(filesystem: fs.FileSystem, opened: _Opened, source_names: Mapping[str, str]) -> Iterator[Part]:
    with _named_errors(opened.path, opened.file_format):
        if opened.rest is None:
            with filesystem.open_input_file(opened.path) as file:
                for parse in _parquet_parsers(file, source_names):
                    yield Part([opened.path], parse)
            return
        with opened.rest:
            for block in blocks(_Continued(opened.content, opened.rest)):
                parse = partial(_parsed, block, source_names)
                yield Part([opened.path], parse)


class _Continued:
    """A stream of which the beginning has been read."""

    def __init__(self, beginning: bytes, rest: pa.NativeFile) -> None:
        self._beginning, self._rest = beginning, rest

    def read(self, size: int) -> bytes:
        beginning, self._beginning = self._beginning, b""
        return beginning + bytes(self._rest.read(size - len(beginning)))


def _parsed(block: bytes | LongLine, source_names: Mapping[str, str]) -> Block:
    return long_line_block(block, source_names) if isinstance(block, LongLine) else json_block([block], source_names)


def _parquet_parsers(file: pa.NativeFile, source_names: Mapping[str, str]) -> Iterator[Callable[[], Block]]:
    if file.size() == 0:
        return
    schema = pq.read_schema(file)
    names = schema.names
    wanted = [source for source in dict.fromkeys(source_names.values()) if source in names]
    for source in wanted:
        if pa.types.is_nested(found := schema.field(source).type):
            raise pa.ArrowTypeError(f"a flow's columns are text, numbers and times; here is {source}: {found}")
    coded = [source for name, source in source_names.items() if COLUMN_TYPES[name] == "string" and source in wanted]
    parquet = pq.ParquetFile(file, read_dictionary=coded)
    for batch in parquet.iter_batches(BATCH_ROWS, columns=wanted):
        yield partial(parquet_block, batch, source_names, set(names))


@contextmanager
def _named_errors(path: str, file_format: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise InvalidRequestError(
            f"{path} does not exist. Check the mini-batch id and the integration prefix of the delta_builder JobSpec."
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise SchemaMismatchError(
            f"{path} can't be read to its end as {file_format}; it is truncated, damaged or of another format "
            f"({error}). Deliver the file again."
        ) from error
