"""What can be decompressed of a damaged stream."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import pyarrow as pa

_PIECE: Final = 1 << 16
_GZIP: Final = 31  # zlib's number for the gzip format


def salvaged(raw: pa.NativeFile, codec: str, position: int) -> bytes:
    """Return what a compressed stream has behind a position of its content, up to the damage."""
    decompress = {"gzip": _gzip, "bz2": _bz2, "zstd": _zstd}[codec]
    kept: list[bytes] = []
    seen = 0
    for piece in decompress(raw.read):
        begin = max(0, position - seen)
        seen += len(piece)
        kept.append(piece[begin:])
    return b"".join(kept)


def _gzip(read: Callable[[int], bytes]) -> Iterator[bytes]:
    stream = zlib.decompressobj(_GZIP)
    while piece := bytes(read(_PIECE)):
        while piece:
            before = stream.copy()
            try:
                yield stream.decompress(piece)
            except zlib.error:
                yield from _by_byte(before, piece)
                return
            piece = stream.unused_data
            if stream.eof:
                stream = zlib.decompressobj(_GZIP)


def _by_byte(stream: zlib._Decompress, piece: bytes) -> Iterator[bytes]:
    with suppress(zlib.error):
        for place in range(len(piece)):
            yield stream.decompress(piece[place : place + 1])


def _bz2(read: Callable[[int], bytes]) -> Iterator[bytes]:
    stream = bz2.BZ2Decompressor()
    with suppress(OSError, EOFError):
        while piece := bytes(read(1 << 10)):
            yield stream.decompress(piece)
            if stream.eof:
                stream = bz2.BZ2Decompressor()


def _zstd(read: Callable[[int], bytes]) -> Iterator[bytes]:
    stream = pa.CompressedInputStream(pa.PythonFile(_Reader(read), "r"), "zstd")
    with suppress(OSError, pa.ArrowException):
        while piece := bytes(stream.read(1 << 10)):
            yield piece


class _Reader:
    closed = False

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read

    def close(self) -> None:
        pass
