"""Published partitions as the planner reads them: the manifests of the days asked for, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.errors import SchemaMismatchError
from ndr.contract.manifest import MANIFEST_NAME, Manifest, Owner, check_owner, parse_manifest
from ndr.contract.time import DAY, Interval, day_text, floor_to, interval_of
from ndr.planner.keys import bucket_and_key, objects_below

READERS: Final = 16
OVERTAKEN: Final = timedelta(hours=1)


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
        listed = pool.map(lambda day: list(objects_below(s3, bucket, f"{base}dt={day}/")), days)
        keys = [key for objects in listed for key in keys_that_answer(objects, wanted)]
    return read_manifests(s3, bucket, keys, dataset, owner)


def keys_that_answer(objects: Iterable[Mapping[str, Any]], wanted: Interval) -> list[str]:
    """Return the keys of the manifests of a day that meet `wanted` and can answer for a part of it.

    A compacted day holds the slices that were put OVERTAKEN before it, so that these need not be opened. A slice that
    came while its day was compacted, for longer than that, is seen a day later, when the day is compacted again.
    """
    found = [
        (each["Key"], interval, each["LastModified"])
        for each in objects
        if each["Key"].endswith(f"/{MANIFEST_NAME}") and (interval := interval_of(each["Key"].split("/")[-2]))
    ]
    whole = [modified for _, interval, modified in found if interval.duration == DAY]
    return [
        key
        for key, interval, modified in found
        if interval.intersection(wanted) and all(modified > newer - OVERTAKEN for newer in whole)
    ]


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


def _content(s3: Any, bucket: str, key: str) -> bytes | None:
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
