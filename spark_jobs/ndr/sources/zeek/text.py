"""Log files as blocks of whole lines, gzip or plain."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from ndr.contract.errors import InvalidRequestError

BLOCK_BYTES = 16 * 2**20
_GZIP_MAGIC = b"\x1f\x8b"


def read_blocks(path: Path, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield a log's text in blocks that end with a line's end (the last line of a file may lack its newline).

    Parameters
    ----------
    path : Path
        The file; gzip is recognised by its first two bytes, not by its name.
    block_bytes : int
        Decompressed bytes read at a time, which bounds memory.

    Raises
    ------
    InvalidRequestError
        The file is missing, can't be read, or its gzip stream is truncated or damaged.
    """
    try:
        with _open(path) as stream:
            rest = b""
            while block := stream.read(block_bytes):
                lines, newline, tail = block.rpartition(b"\n")
                if newline:
                    yield rest + lines + newline
                    rest = tail
                else:
                    rest += tail
            if rest:
                yield rest
    except EOFError as error:
        raise InvalidRequestError(
            f"{path} is truncated: its gzip stream ends before its end mark. Copy the file again, or leave it out."
        ) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InvalidRequestError(f"{path} is damaged: {error}. Copy the file again, or leave it out.") from error
    except FileNotFoundError as error:
        raise InvalidRequestError(f"{path} does not exist. Name a Zeek conn log or a folder of them.") from error
    except OSError as error:
        raise InvalidRequestError(f"{path} can't be read: {error.strerror or error}.") from error


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == _GZIP_MAGIC
    return cast(BinaryIO, gzip.open(path, "rb")) if is_gzip else path.open("rb")
