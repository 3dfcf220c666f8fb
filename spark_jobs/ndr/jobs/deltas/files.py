"""Log files as parts that are parsed apart: blocks of a large file, and many small files together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, NamedTuple

from pyarrow import fs

from ndr.contract.errors import NdrError, SchemaMismatchError
from ndr.contract.jobspecs.delta_builder import DeltaBuilderSpec
from ndr.jobs.deltas.bad_files import BadFiles, named_errors
from ndr.jobs.deltas.block import Block, json_block, long_line_block, parquet_block, text_block
from ndr.jobs.deltas.in_order import in_order
from ndr.jobs.deltas.parquet_files import opened_parquet, parquet_batches
from ndr.sources.content import Content
from ndr.sources.json_lines import BLOCK_BYTES, LongLine, Reader, blocks
from ndr.sources.json_objects import are_lines, as_lines, object_blocks, objects_touch
from ndr.sources.registry import Recognised, source_of
from ndr.sources.source import HEAD_BYTES, Sample, Source
from ndr.store.manifest import READERS

PARQUET_SUFFIXES: Final = (".parquet", ".pq")
COMPRESSED_SUFFIXES: Final = (".gz", ".zst", ".bz2")
# Decompressed bytes. Smaller files are read whole, several at a time, and parsed together.
SMALL_FILE_BYTES: Final = 1 << 18
# Splitting text costs by the block as well as by the byte.
TEXT_BLOCK_BYTES: Final = 4 << 20
LONGEST_TEXT_LINE: Final = 4 << 20
JSON: Final = "JSON"
PARQUET: Final = "PARQUET"
TEXT: Final = "TEXT"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Part(NamedTuple):
    """Rows of some files, in their order, and what parses them."""

    paths: Sequence[str]
    parse: Callable[[], Block]


class Opened(NamedTuple):
    """A file: what it is recognised as, its form, and where it is read on.

    A small JSON file is read whole: then `rest` is None and `beginning` its content.
    """

    recognised: Recognised
    form: str
    beginning: bytes = b""
    rest: Content | None = None


def parts_of(
    filesystem: fs.FileSystem,
    paths: Sequence[str],
    spec: DeltaBuilderSpec,
    bad: BadFiles,
    told: Callable[[Recognised], None] = lambda recognised: None,
) -> Iterator[Part]:
    """Read files and yield, in their order, parts of some megabytes to parse.

    A file that can't be read to its end is noted in `bad`; what stands before the damage is read.
    """
    small: list[Opened] = []
    with ThreadPoolExecutor(READERS) as pool:
        tasks = (partial(_opened, filesystem, path, spec) for path in paths)
        for opened in in_order(pool, tasks, READERS):
            if isinstance(opened, NdrError):
                bad.add(opened)
                continue
            told(opened.recognised)
            is_small = opened.form == JSON and opened.rest is None
            others = bool(small) and small[0].recognised.source is not opened.recognised.source
            if small and (not is_small or others or sum(len(each.beginning) for each in small) >= BLOCK_BYTES):
                yield _together(small, spec)
                small = []
            if is_small:
                small.append(opened)
            else:
                yield from _parts_of_large(filesystem, opened, spec, bad)
    if small:
        yield _together(small, spec)


def _opened(filesystem: fs.FileSystem, path: str, spec: DeltaBuilderSpec) -> Opened | NdrError:
    try:
        return open_file(filesystem, path, spec)
    except NdrError as error:
        return error


def open_file(filesystem: fs.FileSystem, path: str, spec: DeltaBuilderSpec) -> Opened:
    """Open a file and find out what it is.

    Raises
    ------
    InvalidRequestError
        It does not exist.
    SchemaMismatchError
        It is damaged from its beginning on, of another format than the JobSpec says, or of none.
    """
    name = path.lower()
    is_parquet = name.endswith(PARQUET_SUFFIXES) if spec.input_format == "AUTO" else spec.input_format == PARQUET
    if is_parquet:
        return _opened_parquet(filesystem, path, spec)
    with named_errors(path, JSON):
        content = Content(filesystem, path)
        if content.is_parquet and spec.input_format == "AUTO":
            content.close()
            return _opened_parquet(filesystem, path, spec)
        if content.is_parquet:
            raise OSError("it is Parquet, and input_format of the JobSpec is JSON")
        beginning = content.read(SMALL_FILE_BYTES)
        if not beginning and content.damage:
            raise OSError(content.damage)
    if beginning.startswith(_BYTE_ORDER_MARK):
        beginning = beginning.removeprefix(_BYTE_ORDER_MARK)
    sample = Sample(path, beginning[:HEAD_BYTES])
    try:
        recognised = source_of(spec.inputs.source, sample)
    except SchemaMismatchError:
        with named_errors(path, TEXT):
            if content.damage:  # too little is left of it to tell its source
                raise OSError(content.damage) from None
        raise
    form = form_of(recognised.source, beginning)
    if form == JSON and name.endswith(COMPRESSED_SUFFIXES) and _is_foreign(content, sample):
        with named_errors(path, JSON):
            raise OSError(f"its first line is {sample.lines[0][:80]!r}")
    more = content.read(1) if len(beginning) >= SMALL_FILE_BYTES - len(_BYTE_ORDER_MARK) else b""
    if form == TEXT or more or content.damage:
        return Opened(recognised, form, beginning + more, content)
    content.close()
    whole = beginning if are_lines(beginning) and not objects_touch(beginning) else as_lines(beginning)
    return Opened(recognised, form, whole)


def _is_foreign(content: Content, sample: Sample) -> bool:
    """Tell whether a file whose name says that it is compressed is neither that nor JSON."""
    return not content.is_compressed and not any(line.lstrip().startswith(("{", "[")) for line in sample.lines)


def sample_of(filesystem: fs.FileSystem, path: str) -> Sample:
    """Return the beginning of a file, by which it is recognised.

    Raises
    ------
    OSError
        It can't be read, or is damaged in its beginning.
    """
    content = Content(filesystem, path)
    try:
        if content.is_parquet:
            with opened_parquet(filesystem, path) as names:
                return Sample(path, names=names)
        head = content.read(HEAD_BYTES)
        if content.damage:
            raise OSError(content.damage)
        return Sample(path, head.removeprefix(_BYTE_ORDER_MARK))
    finally:
        content.close()


def form_of(source: Source, beginning: bytes) -> str:
    """Return whether a text is JSON or other lines."""
    if source.fields is None:
        return TEXT
    return JSON if source.parse is None or beginning.lstrip()[:1] in (b"{", b"[") else TEXT


def _opened_parquet(filesystem: fs.FileSystem, path: str, spec: DeltaBuilderSpec) -> Opened:
    with named_errors(path, PARQUET), opened_parquet(filesystem, path) as names:
        recognised = source_of(spec.inputs.source, Sample(path, names=names))
        if recognised.source.fields is None:
            raise OSError(f"it is Parquet, and logs of {recognised.source.name} are text")
        return Opened(recognised, PARQUET)


def _together(small: Sequence[Opened], spec: DeltaBuilderSpec) -> Part:
    contents = [each.beginning for each in small]
    parse = partial(json_block, contents, small[0].recognised.source, spec)
    return Part([each.recognised.path for each in small], parse)


def _parts_of_large(filesystem: fs.FileSystem, opened: Opened, spec: DeltaBuilderSpec, bad: BadFiles) -> Iterator[Part]:
    source, path = opened.recognised.source, opened.recognised.path
    try:
        with named_errors(path, opened.form):
            if opened.rest is None:
                for batch, names in parquet_batches(filesystem, path, source, spec):
                    yield Part([path], partial(parquet_block, batch, source, names, spec))
                return
            for parse in _parsers(opened, source, spec):
                yield Part([path], parse)
            opened.rest.close()
            if opened.rest.damage:
                raise OSError(opened.rest.damage)
    except NdrError as error:
        bad.add(error)


def _parsers(opened: Opened, source: Source, spec: DeltaBuilderSpec) -> Iterator[Callable[[], Block]]:
    assert opened.rest is not None
    stream = _Continued(opened.beginning, opened.rest)
    header: Any = None
    for block in _blocks(opened, stream):
        if isinstance(block, LongLine):
            yield partial(long_line_block, block)
        elif opened.form == JSON:
            yield partial(json_block, [block], source, spec)
        else:
            yield partial(text_block, block, source, header, spec)
            if source.header:
                header = source.header(header, block)


def _blocks(opened: Opened, stream: Reader) -> Iterator[bytes | LongLine]:
    if opened.form == TEXT:
        return blocks(stream, TEXT_BLOCK_BYTES, LONGEST_TEXT_LINE)
    if not are_lines(opened.beginning):
        return object_blocks(stream)
    return blocks(stream)


class _Continued:
    """A stream of which the beginning has been read."""

    def __init__(self, beginning: bytes, rest: Content) -> None:
        self._beginning, self._rest = beginning, rest

    def read(self, size: int, /) -> bytes:
        if self._beginning:
            found, self._beginning = self._beginning[:size], self._beginning[size:]
            return found
        return self._rest.read(size)
