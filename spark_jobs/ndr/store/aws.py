"""The AWS session of this process. What botocore reads from disk takes a tenth of a second: its clients share it.

Imported where a job needs AWS: one whose data lies on a disk does not wait for boto3.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import boto3

_CREATING: Final = threading.RLock()
"""A boto3 session creates one client at a time."""


def session() -> boto3.Session:
    """Return this process's session."""
    with _CREATING:
        return _session()


def client(service: str, **options: Any) -> Any:
    """Return a new client of a service; clients may be used by several threads."""
    with _CREATING:
        return _session().client(service, **options)  # type: ignore[call-overload]


def dynamodb_table(name: str) -> Any:
    """Return a table of DynamoDB, for one thread at a time."""
    with _CREATING:
        return _session().resource("dynamodb").Table(name)


def forget_session() -> None:
    """Let the next client be made of the credentials, region and endpoint that the environment has then."""
    with _CREATING:
        _session.cache_clear()


@lru_cache(maxsize=1)
def _session() -> boto3.Session:
    import boto3

    return boto3.Session()
