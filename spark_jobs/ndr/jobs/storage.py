"""Where data lies: `file:///...` and `s3://...` through one interface, pyarrow.fs. No job knows which it is."""

from __future__ import annotations

import os
import uuid
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from pyarrow import fs

from ndr.contract.errors import InvalidRequestError


@lru_cache(maxsize=1)
def _s3() -> fs.S3FileSystem:
    # Arrow's S3 client reads credentials and region as the AWS SDKs do, but not every release reads the endpoint.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not endpoint:
        return fs.S3FileSystem(region=region)
    parts = urlsplit(endpoint)
    return fs.S3FileSystem(region=region, endpoint_override=parts.netloc, scheme=parts.scheme)


def filesystem(uri: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a URI and the path in it, without a trailing slash.

    Raises
    ------
    InvalidRequestError
        The URI is neither s3:// nor file://.
    """
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        return _s3(), (parts.netloc + parts.path).rstrip("/")
    if parts.scheme == "file" and parts.path:
        return fs.LocalFileSystem(), unquote(parts.path).rstrip("/")
    raise InvalidRequestError(
        f"{uri!r} is no place that a job can read or write; use s3://bucket/path or file:///path."
    )


def join(uri: str, *names: str) -> str:
    """Append path parts to a URI."""
    return "/".join([uri.rstrip("/"), *(name.strip("/") for name in names)])


def list_names(uri: str, *, kind: fs.FileType) -> list[str]:
    """Return the names of the folders or files right below a URI, sorted; none where it does not exist."""
    system, path = filesystem(uri)
    infos = system.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=False))
    return sorted(info.base_name for info in infos if info.type == kind)


def list_files(uri: str) -> list[fs.FileInfo]:
    """Return the files right below a URI by name; none where it does not exist."""
    system, path = filesystem(uri)
    infos = system.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=False))
    return sorted((info for info in infos if info.type == fs.FileType.File), key=lambda info: str(info.base_name))


def read_bytes(uri: str) -> bytes | None:
    """Return a whole file, or None where it does not exist."""
    system, path = filesystem(uri)
    try:
        with system.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())
    except FileNotFoundError:
        return None


def put_bytes(uri: str, content: bytes) -> None:
    """Write a whole file so that a reader sees the old content or the new, never a part.

    An S3 object appears whole when its upload ends. A local file is written beside and renamed.
    """
    system, path = filesystem(uri)
    if isinstance(system, fs.LocalFileSystem):
        system.create_dir(os.path.dirname(path), recursive=True)
        beside = f"{path}.{uuid.uuid4().hex}.tmp"
        with open(beside, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
        return
    # Without compression=None Arrow goes by the name and would gzip the content of a .gz once more.
    with system.open_output_stream(path, compression=None) as stream:
        stream.write(content)


def delete_folder(uri: str) -> None:
    """Delete everything below a URI; nothing happens where it does not exist."""
    system, path = filesystem(uri)
    # Deleting the contents alone would leave the folder listed: on S3 as an empty object that ends with a slash.
    if system.get_file_info(path).type == fs.FileType.Directory:
        system.delete_dir(path)
