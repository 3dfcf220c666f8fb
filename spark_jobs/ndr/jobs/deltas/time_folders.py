"""The files of a batch where folders are named by time, as `ndr.contract.layout` says.

The files of a folder that can hold rows of the same slices are read as one delivery of these slices. All that is
delivered in this layout is one stream: what two files of it hold are different rows, even where they are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from ndr.contract.layout import TimeLayout
from ndr.contract.manifest import InputEntry, InputFile
from ndr.contract.time import Interval, merged, mini_batch_id
from ndr.jobs.deltas.mini_batches import MiniBatch, data_files
from ndr.store.manifest import READERS
from ndr.store.storage import filesystem, join


def time_folders(prefix: str, layout: TimeLayout, batch: Interval) -> list[MiniBatch]:
    """Find the files that can hold rows of a batch, in order of the slices that they hold.

    Each folder is listed once.
    """
    with ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda place: list(_deliveries(prefix, layout, *place)), layout.folders(batch))
        return sorted(each for of_folder in found for each in of_folder if each.interval.intersection(batch))


def _deliveries(prefix: str, layout: TimeLayout, name: str, time: Interval) -> Iterator[MiniBatch]:
    uri = join(prefix, name)
    by_interval: dict[Interval, list[tuple[str, InputFile]]] = {}
    for path, file in data_files(uri) or []:
        by_interval.setdefault(layout.time_of_file(time, file.modified_at), []).append((path, file))
    for interval, listed in by_interval.items():
        yield MiniBatch(
            interval,
            uri,
            tuple(path for path, _ in listed),
            tuple(file for _, file in listed),
            stream_name=f"{mini_batch_id(time)}.{mini_batch_id(interval)}",
        )


def slices_of_inputs(prefix: str, layout: TimeLayout, entries: Iterable[InputEntry]) -> list[Interval]:
    """Return the time of which the files that a manifest names have rows: sorted, disjoint."""
    base = f"{filesystem(prefix)[1]}/"
    found = []
    for entry in entries:
        path = filesystem(entry.uri)[1]
        if path.startswith(base) and (folder := layout.folder_of(f"{path.removeprefix(base)}/")):
            found += [layout.time_of_file(folder[1], file.modified_at) for file in entry.files]
    return merged(found)
