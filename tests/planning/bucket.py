"""A bucket of a year's keys: S3's listing and reading as a plain function, which counts what is asked of it.

Simulated accounts sort all keys for each page, which takes minutes at half a million keys. Here a page costs what it
holds, so that the requests and the CPU seconds of a client can be measured.
"""

from __future__ import annotations

import io
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from time import thread_time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSResponse

PAGE = 1000
_AFTER_ALL = "\U0010ffff"
MODIFIED = "2026-01-09T00:00:00.000Z"


@dataclass
class Bucket:
    """Keys of one bucket and the content of some.

    Attributes
    ----------
    modified : dict of str to datetime
        When a key was put, where that is not MODIFIED.
    requests : Counter
        How often each operation was asked for: "list" and "get".
    opened : list of str
        The keys that were read.
    seconds : float
        CPU seconds spent here, which are not the client's.
    """

    keys: list[str]
    content: dict[str, bytes] = field(default_factory=dict)
    modified: dict[str, datetime] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    opened: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.keys.sort()

    def attach(self, s3: Any) -> Any:
        """Answer the requests of a boto3 client, and return it."""
        s3.meta.events.register_first("before-send.s3", lambda request, **_: self._respond(request.url))
        return s3

    def _respond(self, url: str) -> AWSResponse:
        status, body = self.answer(url)
        return AWSResponse(url, status, {"Content-Length": str(len(body))}, Raw(body))  # type: ignore[arg-type]

    def answer(self, url: str) -> tuple[int, bytes]:
        """Return status and body of a GET."""
        began = thread_time()
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if "list-type" in query:
            self.requests["list"] += 1
            answered = 200, self._page(query)
        else:
            answered = self._object(_key_of(parts.netloc, unquote(parts.path)))
        self.seconds += thread_time() - began
        return answered

    def _object(self, key: str) -> tuple[int, bytes]:
        self.requests["get"] += 1
        self.opened.append(key)
        if key in self.content:
            return 200, self.content[key]
        return 404, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"

    def _modified(self, key: str) -> str:
        return f"{self.modified[key]:%Y-%m-%dT%H:%M:%S.000Z}" if key in self.modified else MODIFIED

    def _page(self, query: dict[str, str]) -> bytes:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        at = max(bisect_left(self.keys, prefix), bisect_right(self.keys, after))
        if delimiter and after.startswith(prefix) and delimiter in after[len(prefix) :]:
            at = max(at, bisect_left(self.keys, _rolled_up(after, prefix, delimiter) + _AFTER_ALL))
        items: list[str] = []
        last = ""
        while at < len(self.keys) and self.keys[at].startswith(prefix) and len(items) < PAGE:
            key = self.keys[at]
            if delimiter and delimiter in key[len(prefix) :]:
                last = _rolled_up(key, prefix, delimiter)
                items.append(f"<CommonPrefixes><Prefix>{last}</Prefix></CommonPrefixes>")
                at = bisect_left(self.keys, last + _AFTER_ALL, at)
            else:
                last = key
                size = len(self.content.get(key, b""))
                items.append(
                    f"<Contents><Key>{key}</Key><LastModified>{self._modified(key)}</LastModified><ETag>&#34;0123456789abcdef&#34;</ETag>"
                    "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
                    f"<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
                )
                at += 1
        more = at < len(self.keys) and self.keys[at].startswith(prefix)
        token = f"<NextContinuationToken>{last}</NextContinuationToken>" if more else ""
        truncated = str(more).lower()
        return (
            f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{token}{''.join(items)}</ListBucketResult>"
        ).encode()


def _rolled_up(key: str, prefix: str, delimiter: str) -> str:
    return key[: key.index(delimiter, len(prefix)) + len(delimiter)]


def _key_of(host: str, path: str) -> str:
    """Return the key of a URL, whose bucket is in its host or first in its path."""
    return path.lstrip("/") if ".s3." in host else path.lstrip("/").partition("/")[2]


class Raw(io.BytesIO):
    def stream(self, amount: int = 65536, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk
