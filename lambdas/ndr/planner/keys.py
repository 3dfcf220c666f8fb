"""Objects of an S3 bucket, listed below a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit


def objects_below(s3: Any, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield every object below a prefix, as S3 lists it."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Part an S3 prefix URI into its bucket and the key prefix, which ends with a slash."""
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/").rstrip("/") + "/"


def is_data(path: str) -> bool:
    """Tell whether a file, by its path in its folder, holds rows: names with _ or . are markers, such as _SUCCESS."""
    return bool(path) and not path.endswith("/") and not any(part.startswith(("_", ".")) for part in path.split("/"))
