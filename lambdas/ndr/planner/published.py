"""Published partitions as the planner reads them: the manifests of the days asked for, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import MANIFEST_NAME, Manifest, Owner, check_owner, parse_manifest
from ndr.contract.time import DAY, Interval, day_text, floor_to, interval_of
from ndr.planner.keys import bucket_and_key, keys_below

READERS: Final = 32


@dataclass(frozen=True)
class Published:
    """Manifests by partition URI, and a sentence for each that cannot be used."""

    manifests: tuple[tuple[str, Manifest], ...] = ()
    unreadable: tuple[str, ...] = ()


def read_published(s3: Any, prefix: str, dataset: str, owner: Owner, wanted: Interval) -> Published:
    """Read the manifests of the partitions of a time dataset that meet `wanted`.

    A partition lies within one UTC day and its folder is named after its interval, so that names alone tell which
    manifests are needed.
    """
    bucket, base = bucket_and_key(prefix)
    days = [day_text(day.start) for day in Interval(floor_to(wanted.start, DAY), wanted.end).steps(DAY)]
    with ThreadPoolExecutor(READERS) as pool:
        listed = pool.map(lambda day: list(keys_below(s3, bucket, f"{base}dt={day}/")), days)
        keys = [key for keys in listed for key in keys if _is_wanted(key, wanted)]
    return read_manifests(s3, bucket, keys, dataset, owner)


def read_manifests(s3: Any, bucket: str, keys: Sequence[str], dataset: str, owner: Owner) -> Published:
    """Read manifests by key. One that is gone since it was listed was superseded, and is left out."""
    with ThreadPoolExecutor(READERS) as pool:
        read = list(pool.map(lambda key: _content(s3, bucket, key), keys))
    found, unreadable = [], []
    for key, content in zip(keys, read, strict=True):
        uri = f"s3://{bucket}/{key}"
        try:
            if content is not None:
                manifest = parse_manifest(uri, content)
                check_owner(uri, manifest, dataset, owner)
                found.append((uri.removesuffix(f"/{MANIFEST_NAME}"), manifest))
        except SchemaMismatchError as error:
            unreadable.append(str(error))
    return Published(tuple(found), tuple(unreadable))


def _is_wanted(key: str, wanted: Interval) -> bool:
    if not key.endswith(f"/{MANIFEST_NAME}"):
        return False
    interval = interval_of(key.split("/")[-2])
    return interval is not None and interval.intersection(wanted) is not None


def _content(s3: Any, bucket: str, key: str) -> bytes | None:
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
