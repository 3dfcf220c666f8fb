"""Delivered files in folders that are named by time, as `ndr.contract.layout` says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any, Final

from ndr.contract.errors import InvalidRequestError
from ndr.contract.layout import TimeLayout
from ndr.contract.manifest import InputFile
from ndr.contract.time import DAY, SLICE, Interval, ceil_to, floor_to, format_instant, merged, whole_seconds
from ndr.contract.wording import counted
from ndr.planner.folder import Folder
from ndr.planner.keys import bucket_and_key, is_data, objects_below
from ndr.planner.published import READERS

MOST_FOLDERS: Final = 3000
"""How many folders a plan of more than a week lists at most, to end in time: four months of hours."""


def time_folders(s3: Any, prefix: str, layout: TimeLayout, wanted: Interval) -> list[Folder]:
    """Return the delivered files that can have rows of `wanted`, those of the same slices of a folder together.

    Each folder is listed once. What they hold of the time before `wanted` is left out.

    Raises
    ------
    InvalidRequestError
        `wanted` is longer than the week of the schedule, and there are more than MOST_FOLDERS of them.
    """
    bucket, base = bucket_and_key(prefix)
    folders = list(layout.folders(wanted))
    if wanted.duration > 8 * DAY and len(folders) > MOST_FOLDERS:
        since = format_instant(ceil_to(folders[-MOST_FOLDERS][1].end, DAY))
        raise InvalidRequestError(
            f"{counted(len(folders), 'folder')} below {prefix} can hold rows of {wanted}, and one plan lists "
            f'{MOST_FOLDERS:,} at most: write "since": "{since}", or later.'
        )

    def listed(place: tuple[str, Interval]) -> list[Folder]:
        return list(_folders(s3, bucket, base, layout, *place))

    with ThreadPoolExecutor(READERS) as pool:
        found = [each for of_folder in pool.map(listed, folders) for each in of_folder]
    meeting = [(each, part) for each in found if (part := each.interval.intersection(wanted))]
    cut = [Folder(Interval(part.start, each.interval.end), each.uri, each.files) for each, part in meeting]
    return sorted(cut, key=lambda each: (each.interval, each.uri))


def _folders(s3: Any, bucket: str, base: str, layout: TimeLayout, name: str, time: Interval) -> Iterator[Folder]:
    files: dict[Interval, list[InputFile]] = {}
    for item in objects_below(s3, bucket, base + name):
        path = item["Key"].removeprefix(base + name)
        if is_data(path):
            file = InputFile(name=path, bytes=item["Size"], modified_at=whole_seconds(item["LastModified"]))
            files.setdefault(layout.time_of_file(time, file.modified_at), []).append(file)
    for interval, held in files.items():
        yield Folder(interval, f"s3://{bucket}/{base}{name}".rstrip("/"), tuple(held))


def delivered_times(s3: Any, prefix: str, layout: TimeLayout, wanted: Interval) -> list[Interval]:
    """Return the times in the names of the folders that there are, those that meet `wanted`, in order.

    Only the names of folders are listed, with one request for all that lie side by side in the folder above.
    """
    bucket, base = bucket_and_key(prefix)
    above: dict[str, dict[str, Interval]] = {}
    for name, time in layout.folders(wanted):
        if time.intersection(wanted):
            parent = name.rstrip("/").rpartition("/")[0]
            above.setdefault(f"{base}{parent}/" if parent else base, {})[base + name] = time
    with ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda each: list(_times(s3, bucket, *each)), above.items())
        return sorted(time for times in found for time in times)


def _times(s3: Any, bucket: str, parent: str, wanted: dict[str, Interval]) -> Iterator[Interval]:
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=parent, Delimiter="/", StartAfter=min(wanted).rstrip("/")
    )
    last = max(wanted)
    names = (item["Prefix"] for page in pages for item in page.get("CommonPrefixes", []))
    yield from (wanted[name] for name in takewhile(lambda name: name <= last, names) if name in wanted)


def as_slices(times: Iterable[Interval]) -> list[Interval]:
    """Return the slices that times meet, each once: any of them can be built without the others."""
    wholes = merged(Interval(floor_to(each.start, SLICE), ceil_to(each.end, SLICE)) for each in times)
    return [part for whole in wholes for part in whole.steps(SLICE)]
