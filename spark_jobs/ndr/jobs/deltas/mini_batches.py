"""Which files a batch consists of.

A mini-batch is a folder below the integration prefix, `<prefix>/<mini_batch_id>/`. A batch is the mini-batch of its
id; or, when history is loaded and no folder has that id, all mini-batches whose names say that they lie within it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC

from pyarrow import fs

from ndr.contract.datasets import LATE_FOLDER
from ndr.contract.manifest import InputFile
from ndr.contract.time import Interval, interval_of
from ndr.store.partition import day_folder
from ndr.store.storage import filesystem, join, list_files, list_names


@dataclass(frozen=True, slots=True, order=True)
class MiniBatch:
    """A folder of integration files: the time its rows must lie in, its URI and its files' paths.

    `files` says what the paths were when they were listed. `is_late`: the files are this job's own, of rows that came
    with other mini-batches, in the contract's columns.
    """

    interval: Interval
    uri: str
    paths: tuple[str, ...]
    files: tuple[InputFile, ...] = field(default=(), compare=False)
    is_late: bool = False


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


def late_mini_batches(deltas_prefix: str, day: Interval) -> list[MiniBatch]:
    """Find the rows that came with other mini-batches and belong to slices of a day, or of a part of it."""
    base = join(deltas_prefix, LATE_FOLDER, day_folder(day.start))
    found = []
    for name in list_names(base, kind=fs.FileType.Directory):
        interval = interval_of(name)
        if interval and interval.intersection(day) == interval and (folder := _folder(join(base, name), interval)):
            found.append(replace(folder, is_late=True))
    return sorted(found)


def _folder(uri: str, interval: Interval) -> MiniBatch | None:
    infos = list_files(uri)
    if not infos:
        return None
    system_path = filesystem(uri)[1]
    # Names with _ or . are markers, such as _SUCCESS, by the convention of Hadoop and its successors.
    rows = [info for info in infos if not info.base_name.startswith(("_", "."))]
    files = tuple(
        InputFile(name=info.base_name, bytes=info.size, modified_at=info.mtime.astimezone(UTC).replace(microsecond=0))
        for info in rows
    )
    return MiniBatch(interval, uri, tuple(f"{system_path}/{info.base_name}" for info in rows), files)
