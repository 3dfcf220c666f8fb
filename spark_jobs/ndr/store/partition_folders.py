"""Where manifests lie below a dataset's prefix, found with few requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

from pyarrow import fs

from ndr.contract.manifest import MANIFEST_NAME
from ndr.contract.time import Interval
from ndr.store.partition import day_folders
from ndr.store.storage import filesystem, join, list_names
from ndr.store.whole_objects import list_keys

_STRETCH: Final = timedelta(days=16)
"""Listed one page after the other; a page holds 1,000 keys, some 200 partitions. Stretches are listed concurrently."""


def manifest_folders(prefix: str, wanted: Interval) -> list[str]:
    """Return the URIs of the folders with a manifest in the day folders that an interval touches, sorted.

    On a disk, folders without a manifest are among them.
    """
    system, path = filesystem(prefix)
    if isinstance(system, fs.LocalFileSystem):
        return [
            join(prefix, day, name)
            for day in day_folders(wanted)
            for name in list_names(join(prefix, day), kind=fs.FileType.Directory)
        ]
    bucket, _, base = path.partition("/")

    def keys(stretch: Interval) -> list[str]:
        # "0" follows "/" in the order of keys, so it ends the last day.
        days = day_folders(stretch)
        found = list_keys(bucket, base, f"{days[0]}/", f"{days[-1]}0")
        return [key for key in found if key.endswith(f"/{MANIFEST_NAME}") and key.count("/") == 2]

    with ThreadPoolExecutor() as pool:
        found = [key for page in pool.map(keys, wanted.steps(_STRETCH)) for key in page]
    return [join(prefix, key.rpartition("/")[0]) for key in found]
