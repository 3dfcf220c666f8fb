"""Published partitions as the planner reads them: the manifests of the days asked for, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from ndr.contract.errors import InvalidRequestError, SchemaMismatchError
from ndr.contract.manifest import MANIFEST_NAME, Manifest, Owner, check_owner, parse_manifest
from ndr.contract.time import DAY, SLICES_PER_DAY, Interval, day_text, floor_to, interval_of
from ndr.contract.wording import counted
from ndr.planner.keys import bucket_and_key, objects_below

READERS: Final = 16
OVERTAKEN: Final = timedelta(hours=1)
NEVER_LOOKED_UP: Final = timedelta(days=31)
"""The longest interval whose days are listed each, whether the dataset has them or not."""
MOST: Final = 15 * SLICES_PER_DAY
"""How many manifests of a dataset a plan opens at most, to end in time: two weeks of slices, or years of whole days."""


@dataclass(frozen=True)
class Published:
    """Manifests by partition URI, and a sentence for each that cannot be used."""

    manifests: tuple[tuple[str, Manifest], ...] = ()
    unreadable: tuple[str, ...] = ()


def read_published(s3: Any, prefix: str, dataset: str, owner: Owner, wanted: Interval) -> Published:
    """Read the manifests of the partitions of a time dataset that meet `wanted`.

    A partition lies within one UTC day and its folder is named after its interval, so that names alone tell which
    manifests are needed.

    Raises
    ------
    InvalidRequestError
        There are more than MOST of them.
    """
    bucket, base = bucket_and_key(prefix)
    days = _days(s3, bucket, base, Interval(floor_to(wanted.start, DAY), wanted.end))
    with ThreadPoolExecutor(READERS) as pool:
        listed = pool.map(lambda day: list(objects_below(s3, bucket, f"{base}dt={day}/")), days)
        keys_of_days = [keys_that_answer(objects, wanted) for objects in listed]
    _check_number(dataset, days, [len(keys) for keys in keys_of_days])
    return read_manifests(s3, bucket, [key for keys in keys_of_days for key in keys], dataset, owner)


def _days(s3: Any, bucket: str, base: str, wanted: Interval) -> list[str]:
    """Return the days of an interval, in order; of a long one only those that the dataset has."""
    days = [day_text(day.start) for day in wanted.steps(DAY)]
    if wanted.duration <= NEVER_LOOKED_UP:
        return days
    folder = f"{base}dt="
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=folder, Delimiter="/", StartAfter=f"{folder}{days[0]}"
    )
    there = {item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])}
    return [day for day in days if f"{folder}{day}/" in there]


def _check_number(dataset: str, days: Sequence[str], numbers: Sequence[int]) -> None:
    if sum(numbers) <= MOST:
        return
    total, first = 0, days[-1]
    for day, number in zip(reversed(days), reversed(numbers), strict=True):
        total += number
        if total > MOST:
            break
        first = day
    raise InvalidRequestError(
        f"{counted(sum(numbers), 'partition')} of {dataset} would be read from {days[0]} on, and one plan reads "
        f'{MOST:,} at most: write "since": "{first}", or later.'
    )


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
