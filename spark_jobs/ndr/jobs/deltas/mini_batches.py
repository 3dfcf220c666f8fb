"""Which files a batch consists of.

A mini-batch is a folder below the integration prefix whose name says its time, `<prefix>/<mini_batch_id>/`. A batch
reads every mini-batch that can hold its rows, whatever their lengths: its own, an hour beside its slices, the day that
a slice lies in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from pyarrow import fs

from ndr.contract.datasets import LATE_FOLDER
from ndr.contract.errors import InvalidRequestError
from ndr.contract.manifest import InputEntry, InputFile
from ndr.contract.time import (
    LONGEST_BATCH,
    SLICE,
    Interval,
    ceil_to,
    compact_instant,
    floor_to,
    interval_of,
    merged,
    mini_batch_id,
)
from ndr.store.manifest import READERS
from ndr.store.partition import day_folder
from ndr.store.storage import filesystem, join, list_files, list_folders, list_names


@dataclass(frozen=True, slots=True, order=True)
class MiniBatch:
    """A folder of integration files: the whole slices that its rows must lie in, its URI and its files' paths.

    `files` says what the paths were when they were listed. `is_out_of_batch`: the file is this job's own, of rows that
    came with a mini-batch of another time, in the contract's columns. `stream_name` is of files in a folder that is
    named by time; rows of two such deliveries are never repetitions of each other.
    """

    interval: Interval
    uri: str
    paths: tuple[str, ...]
    files: tuple[InputFile, ...] = field(default=(), compare=False)
    is_out_of_batch: bool = False
    stream_name: str | None = None

    @property
    def name(self) -> str:
        """What its out-of-batch rows are kept under."""
        return self.stream_name or self.uri.rpartition("/")[2]

    @property
    def account_at(self) -> datetime:
        """The slice whose batch accounts for the rows of no slice here: the last one of a stream, as it is built when
        all its files are there."""
        return self.interval.end - SLICE if self.stream_name else self.interval.start


def check_mini_batch_id(identifier: str, batch: Interval) -> None:
    """Check that an id that names an interval names the batch's.

    Raises
    ------
    InvalidRequestError
        It names another one.
    """
    named = interval_of(identifier)
    if named not in (None, batch):
        raise InvalidRequestError(
            f"MiniBatchId is {identifier}, which names {named}, but the batch is {batch}; "
            f"give {mini_batch_id(batch)}, or the times of {identifier}."
        )


def mini_batches(prefix: str, identifier: str, batch: Interval) -> list[MiniBatch]:
    """Find the mini-batches that can hold rows of a batch, in time order; none when nothing was delivered.

    A folder that has the batch's id, where that names no interval, is of the batch's time.
    """
    names = list_folders(prefix, compact_instant(batch.start - LONGEST_BATCH), compact_instant(batch.end))
    places = [(name, interval) for name in names if (interval := interval_of(name)) and interval.intersection(batch)]
    if interval_of(identifier) is None:
        places.append((identifier, batch))
    with ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda place: _folder(join(prefix, place[0]), place[1]), places)
        return sorted(folder for folder in found if folder)


def out_of_batch_rows(deltas_prefix: str, interval: Interval) -> list[MiniBatch]:
    """Find the rows that came with mini-batches of another time and belong to an interval, a file each."""
    base = join(deltas_prefix, LATE_FOLDER, day_folder(interval.start))
    found = []
    for name in list_names(base, kind=fs.FileType.Directory):
        its = interval_of(name)
        if its and its.intersection(interval) == its and (folder := _folder(join(base, name), its)):
            found += [
                replace(folder, paths=(path,), files=(file,), is_out_of_batch=True)
                for path, file in zip(folder.paths, folder.files, strict=True)
            ]
    return sorted(found)


def as_inputs(read: Iterable[MiniBatch]) -> tuple[InputEntry, ...]:
    """Return a manifest's record of the folders that were read, each once, with all files."""
    files: dict[str, list[InputFile]] = {}
    for folder in read:
        files.setdefault(folder.uri, []).extend(folder.files)
    return tuple(InputEntry(uri=uri, files=tuple(held)) for uri, held in files.items())


def delivery_numbers(deliveries: Sequence[MiniBatch]) -> list[int | None]:
    """Number the deliveries that share time with another one, so that the same row may lie in both; None for others.

    What is delivered by a stream is one delivery.
    """
    numbers: list[int | None] = [None] * len(deliveries)
    latest: tuple[Interval, list[int]] | None = None
    for interval, places in sorted(_whole_deliveries(deliveries)):
        if latest and interval.start < latest[0].end:
            for shared in (latest[1], places):
                for place in shared:
                    numbers[place] = min(shared)
        if latest is None or interval.end > latest[0].end:
            latest = interval, places
    return numbers


def _whole_deliveries(deliveries: Sequence[MiniBatch]) -> list[tuple[Interval, list[int]]]:
    """Return each delivery's time and places; parts of a stream that meet are one."""
    found = [(each.interval, [place]) for place, each in enumerate(deliveries) if each.stream_name is None]
    parts = sorted((each.interval, place) for place, each in enumerate(deliveries) if each.stream_name)
    wholes: list[tuple[Interval, list[int]]] = [(whole, []) for whole in merged(interval for interval, _ in parts)]
    at = 0
    for interval, place in parts:
        while interval.start >= wholes[at][0].end:
            at += 1
        wholes[at][1].append(place)
    return found + wholes


def _folder(uri: str, interval: Interval) -> MiniBatch | None:
    found = data_files(uri)
    if found is None:
        return None
    slices = Interval(floor_to(interval.start, SLICE), ceil_to(interval.end, SLICE))
    return MiniBatch(slices, uri, tuple(path for path, _ in found), tuple(file for _, file in found))


def data_files(uri: str) -> list[tuple[str, InputFile]] | None:
    """Return path and description of the files below a URI that hold rows; None where there is no file at all."""
    infos = list_files(uri, recursive=True)
    if not infos:
        return None
    base = filesystem(uri)[1]
    named = [(str(info.path).removeprefix(f"{base}/"), info) for info in infos]
    # Names with _ or . are markers, such as _SUCCESS, by the convention of Hadoop and its successors.
    return [
        (
            f"{base}/{name}",
            InputFile(name=name, bytes=info.size, modified_at=info.mtime.astimezone(UTC).replace(microsecond=0)),
        )
        for name, info in named
        if not any(part.startswith(("_", ".")) for part in name.split("/"))
    ]
