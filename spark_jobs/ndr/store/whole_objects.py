"""Whole S3 objects, one GET each, and their keys, a thousand a request.

Arrow's own client asks for an object's size before it reads, and lists one folder at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from ndr.store import aws

if TYPE_CHECKING:
    from obstore.store import S3Store

_OPENING: Final = Lock()


def get_object(bucket: str, key: str) -> bytes | None:
    """Return an object's content, or None where it does not exist.

    Raises
    ------
    OSError
        S3 refused, or could not be reached after several attempts.
    """
    import obstore  # here, as a job whose data lies on a disk does not need it
    from obstore.exceptions import BaseError, NotFoundError

    try:
        return bytes(obstore.get(_store(bucket), key).bytes())
    except (NotFoundError, FileNotFoundError):
        return None
    except BaseError as error:
        raise OSError(f"s3://{bucket}/{key} can't be read: {str(error).splitlines()[0]}") from error


def list_keys(bucket: str, prefix: str, first: str, before: str) -> Iterator[str]:
    """Yield the keys below a prefix, relative to it, that are from `first` to before `before`, sorted.

    Raises
    ------
    OSError
        As `get_object`.
    """
    import obstore
    from obstore.exceptions import BaseError

    base = f"{prefix}/" if prefix else ""
    try:
        for page in obstore.list(_store(bucket), prefix or None, offset=base + first, chunk_size=1000):
            for found in page:
                key = found["path"].removeprefix(base)
                if key >= before:
                    return
                yield key
    except BaseError as error:
        raise OSError(f"s3://{bucket}/{base} can't be listed: {str(error).splitlines()[0]}") from error


def forget_clients() -> None:
    """Drop the clients of this process, so that the next request reads credentials and endpoint anew."""
    with _OPENING:
        _opened.cache_clear()


def _store(bucket: str) -> S3Store:
    """Return the bucket's client. Of the threads that ask first, one opens it."""
    with _OPENING:
        return _opened(bucket)


@lru_cache(maxsize=64)
def _opened(bucket: str) -> S3Store:
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.store import S3Store

    # The AWS SDK knows the endpoint of each region and partition, and the one that the environment names.
    known = aws.client("s3").meta
    return S3Store(
        bucket,
        endpoint=known.endpoint_url,
        region=known.region_name,
        client_options={"allow_http": known.endpoint_url.startswith("http:")},
        credential_provider=Boto3CredentialProvider(aws.session()),
    )
