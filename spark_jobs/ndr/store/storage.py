"""Where data lies: `file:///...` and `s3://...` through one interface, pyarrow.fs. No job knows which it is."""

from __future__ import annotations

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError
from pyarrow import fs

from ndr.contract.errors import InvalidRequestError
from ndr.store import aws, whole_objects

_DISK: Final = fs.LocalFileSystem()


@lru_cache(maxsize=1)
def _s3() -> fs.S3FileSystem:
    # Arrow's S3 client reads credentials and region as the AWS SDKs do, but not every release reads the endpoint.
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    # With a delayed open, a file of less than 5 MB is one PUT and not an upload of parts, which is three requests.
    if not endpoint:
        return fs.S3FileSystem(region=region, allow_delayed_open=True)
    parts = urlsplit(endpoint)
    return fs.S3FileSystem(region=region, endpoint_override=parts.netloc, scheme=parts.scheme, allow_delayed_open=True)


@lru_cache(maxsize=1)
def _s3_client() -> Any:
    """Return the client that puts on a condition, which Arrow's can't."""
    return aws.client("s3")


def forget_clients() -> None:
    """Drop the S3 clients of this process, so that the next request reads credentials and endpoint anew."""
    _s3.cache_clear()
    _s3_client.cache_clear()
    whole_objects.forget_clients()
    aws.forget_session()


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
        return _DISK, unquote(parts.path).rstrip("/")
    raise InvalidRequestError(
        f"{uri!r} is not a place that a job can read or write; use s3://bucket/path or file:///path."
    )


def join(uri: str, *names: str) -> str:
    """Append path parts to a URI."""
    return "/".join([uri.rstrip("/"), *(name.strip("/") for name in names)])


def list_names(uri: str, *, kind: fs.FileType) -> list[str]:
    """Return the names of the folders or files right below a URI, sorted; none where it does not exist."""
    system, path = filesystem(uri)
    infos = system.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=False))
    return sorted(info.base_name for info in infos if info.type == kind)


def list_folders(uri: str, first: str, before: str) -> list[str]:
    """Return the names from `first` to before `before` of the folders right below a URI, sorted.

    On S3 the listing starts at `first` and stops at `before`, however many folders lie outside.
    """
    system, path = filesystem(uri)
    if isinstance(system, fs.LocalFileSystem):
        return [name for name in list_names(uri, kind=fs.FileType.Directory) if first <= name < before]
    bucket, _, key = path.partition("/")
    base = f"{key}/" if key else ""
    pages = (
        _s3_client()
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket, Prefix=base, Delimiter="/", StartAfter=base + first)
    )
    names: list[str] = []
    for page in pages:
        names += [item["Prefix"].removeprefix(base).rstrip("/") for item in page.get("CommonPrefixes", [])]
        if names and names[-1] >= before:
            break
    return sorted(name for name in names if first <= name < before)


def list_files(uri: str, *, recursive: bool = False) -> list[fs.FileInfo]:
    """Return the files right below a URI, or all below it, by path; none where it does not exist."""
    system, path = filesystem(uri)
    infos = system.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=recursive))
    return sorted((info for info in infos if info.type == fs.FileType.File), key=lambda info: str(info.path))


def modified_at(uri: str) -> datetime:
    """Return when a file was last written; the beginning of time where it does not exist."""
    system, path = filesystem(uri)
    modified = system.get_file_info(path).mtime
    return modified.astimezone(UTC) if modified else datetime.min.replace(tzinfo=UTC)


def read_bytes(uri: str) -> bytes | None:
    """Return a whole file, or None where it does not exist. On S3 it is one request."""
    system, path = filesystem(uri)
    if not isinstance(system, fs.LocalFileSystem):
        bucket, _, key = path.partition("/")
        return whole_objects.get_object(bucket, key)
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def put_bytes(uri: str, content: bytes) -> None:
    """Write a whole file so that a reader sees the old content or the new, never a part.

    An S3 object appears whole when its upload ends. A local file is written beside and renamed.
    """
    system, path = filesystem(uri)
    if isinstance(system, fs.LocalFileSystem):
        system.create_dir(os.path.dirname(path), recursive=True)
        _rename_into(path, content)
        return
    # Without compression=None Arrow goes by the name and would gzip the content of a .gz once more.
    with system.open_output_stream(path, compression=None) as stream:
        stream.write(content)


def read_version(uri: str) -> tuple[bytes | None, str | None]:
    """Return a whole file and what `replace_bytes` knows this version of it by; None where it does not exist."""
    system, path = filesystem(uri)
    if isinstance(system, fs.LocalFileSystem):
        content = read_bytes(uri)
        return content, None if content is None else hashlib.sha256(content).hexdigest()
    bucket, _, key = path.partition("/")
    try:
        answer = _s3_client().get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None, None
    return answer["Body"].read(), answer["ETag"]


def replace_bytes(uri: str, content: bytes, version: str | None) -> bool:
    """Write a whole file, as `put_bytes` does, if what is there is still of `version`; tell whether it was.

    The check and the write are one: S3 does both in one request, and a local file is written under a lock on its
    folder, which a process that dies gives up.
    """
    system, path = filesystem(uri)
    if not isinstance(system, fs.LocalFileSystem):
        bucket, _, key = path.partition("/")
        return _put_on_condition(bucket, key, content, version)
    system.create_dir(os.path.dirname(path), recursive=True)
    with _locked_folder(path):
        if read_version(uri)[1] != version:
            return False
        _rename_into(path, content)
        return True


@contextmanager
def _locked_folder(path: str) -> Iterator[None]:
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _put_on_condition(bucket: str, key: str, content: bytes, version: str | None) -> bool:
    condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
    try:
        _s3_client().put_object(Bucket=bucket, Key=key, Body=content, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
            raise
        # The client repeats a PUT whose answer was lost, and then meets what it wrote itself.
        return read_version(f"s3://{bucket}/{key}")[0] == content
    return True


def _rename_into(path: str, content: bytes) -> None:
    beside = f"{path}.{uuid.uuid4().hex}.tmp"
    with open(beside, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, path)


def delete_file(uri: str) -> None:
    """Delete a file; nothing happens where it does not exist."""
    system, path = filesystem(uri)
    if system.get_file_info(path).type == fs.FileType.File:
        with suppress(FileNotFoundError):  # another run has deleted it meanwhile
            system.delete_file(path)


def delete_version(uri: str, version: str | None) -> bool:
    """Delete a file if it is still of a version that `read_version` returned; tell whether it was."""
    system, path = filesystem(uri)
    if not isinstance(system, fs.LocalFileSystem):
        bucket, _, key = path.partition("/")
        try:
            _s3_client().delete_object(Bucket=bucket, Key=key, IfMatch=version)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                raise
            return False
        return True
    with _locked_folder(path):
        if version is None or read_version(uri)[1] != version:
            return False
        os.remove(path)
        return True


def delete_folder(uri: str) -> None:
    """Delete everything below a URI; nothing happens where it does not exist.

    Raises
    ------
    OSError
        S3 refused to delete an object.
    """
    system, path = filesystem(uri)
    if isinstance(system, fs.LocalFileSystem):
        if system.get_file_info(path).type == fs.FileType.Directory:
            system.delete_dir(path)
        return
    # Arrow's client would put an empty object in place of the parent, which then is listed as a folder for ever.
    bucket, _, key = path.partition("/")
    client = _s3_client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{key}/"):
        objects = [{"Key": item["Key"]} for item in page.get("Contents", [])]
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True}) if objects else {}
        for refused in answer.get("Errors", [])[:1]:
            raise OSError(f"s3://{bucket}/{refused['Key']} can't be deleted: {refused['Code']}, {refused['Message']}")
