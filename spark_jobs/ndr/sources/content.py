"""The decompressed content of a file. The first bytes tell its compression, not its name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pyarrow as pa
from pyarrow import fs

from ndr.sources.salvage import salvaged

PARQUET_MAGIC: Final = b"PAR1"
_CODECS: Final = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_FIRST_BYTES: Final = 1 << 18
_BLOCK: Final = 1 << 20


def codec_of(first_bytes: bytes) -> str | None:
    """Return gzip, zstd or bz2, or None for what is not compressed."""
    return next((codec for magic, codec in _CODECS.items() if first_bytes.startswith(magic)), None)


def content_digest(filesystem: fs.FileSystem, path: str) -> str | None:
    """Return the SHA-256 of a file's decompressed content, or None for a damaged file, which is a copy of none.

    Raises
    ------
    FileNotFoundError, OSError
        It can't be opened.
    """
    digest = hashlib.sha256()
    content = Content(filesystem, path)
    while block := content.read(_BLOCK):
        digest.update(block)
    content.close()
    return None if content.damage else digest.hexdigest()


class Content:
    """A file that is read from its beginning to its end, decompressed.

    Raises
    ------
    FileNotFoundError, OSError
        It can't be opened.
    """

    def __init__(self, filesystem: fs.FileSystem, path: str) -> None:
        self._filesystem, self._path = filesystem, path
        self._raw = filesystem.open_input_stream(path, compression=None)
        first = self._raw.read(_FIRST_BYTES)
        self.is_parquet = first.startswith(PARQUET_MAGIC)
        self._codec = codec_of(first)
        self.is_compressed = self._codec is not None
        whole = _Continued(first, self._raw.read)
        self._read: Callable[[int], bytes] = (
            pa.CompressedInputStream(pa.PythonFile(whole, "r"), self._codec).read if self._codec else whole.read
        )
        self._position = 0
        self.damage: str | None = None
        """Why the content ends before its end, once that was met."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; none at the end. What stands before the place of a damage is read."""
        if self.damage is not None:
            return b""
        try:
            found = self._read(size)
        except (OSError, pa.ArrowException) as error:
            self.damage = str(error).splitlines()[0]
            found = self._salvaged() if self._codec else b""
        self._position += len(found)
        return found

    def close(self) -> None:
        """Close the file."""
        with suppress(OSError, pa.ArrowException):
            self._raw.close()

    def _salvaged(self) -> bytes:
        """Return what can be decompressed behind the last position."""
        with self._filesystem.open_input_stream(self._path, compression=None) as raw:
            return salvaged(raw, str(self._codec), self._position)


class _Continued:
    """A stream of which the beginning has been read."""

    closed = False

    def __init__(self, beginning: bytes, read: Callable[[int], bytes]) -> None:
        self._beginning, self._read = beginning, read

    def read(self, size: int = -1) -> bytes:
        if self._beginning:
            found, self._beginning = self._beginning[:size], self._beginning[size:]
            return found
        return self._read(size)

    def close(self) -> None:
        pass
