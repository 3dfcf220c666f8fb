"""Which files a batch consists of.

A mini-batch is a folder below the integration prefix, `<prefix>/<mini_batch_id>/`. A batch is the mini-batch of its
id; or, when history is loaded and no folder has that id, all mini-batches whose names say that they lie within it.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyarrow import fs

from ndr.contract.time import Interval
from ndr.jobs.partition import interval_of
from ndr.jobs.storage import filesystem, join, list_names


@dataclass(frozen=True, slots=True, order=True)
class MiniBatch:
    """A folder of integration files: the time its rows must lie in, its URI and its files' paths."""

    interval: Interval
    uri: str
    paths: tuple[str, ...]


def mini_batches(prefix: str, mini_batch_id: str, batch: Interval) -> list[MiniBatch]:
    """Find the mini-batches of a batch, in time order; none when nothing was delivered."""
    named = _folder(join(prefix, mini_batch_id), batch)
    if named:
        return [named]
    found = []
    for name in list_names(prefix, kind=fs.FileType.Directory):
        interval = interval_of(name)
        if interval and interval.intersection(batch) == interval and (folder := _folder(join(prefix, name), interval)):
            found.append(folder)
    return sorted(found)


def _folder(uri: str, interval: Interval) -> MiniBatch | None:
    names = list_names(uri, kind=fs.FileType.File)
    if not names:
        return None
    system_path = filesystem(uri)[1]
    # Names with _ or . are markers, such as _SUCCESS, by the convention of Hadoop and its successors.
    paths = tuple(f"{system_path}/{name}" for name in names if not name.startswith(("_", ".")))
    return MiniBatch(interval, uri, paths)
