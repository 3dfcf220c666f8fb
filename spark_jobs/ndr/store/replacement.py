"""What a build would replace: rows are never replaced by nothing unless a person says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ndr.contract.datasets import Dataset
from ndr.contract.errors import EmptyResultError, SchemaMismatchError
from ndr.contract.manifest import Owner
from ndr.contract.time import SLICE, Interval, floor_to, merged
from ndr.contract.wording import counted
from ndr.store.catalog import Piece
from ndr.store.publish import PartitionWriter
from ndr.store.scan import Scan
from ndr.store.storage import filesystem, join

REPLACE_WITH_EMPTY = (
    'If they must go, say "replace_with_empty": true in the request (job argument --replace-with-empty true).'
)


@dataclass(frozen=True)
class PublishedRows:
    """What is published for an interval: the pieces that answer, and how many rows each slice has."""

    pieces: tuple[Piece, ...]
    by_slice: Counter[datetime]

    @classmethod
    def of(cls, prefix: str, dataset: Dataset, interval: Interval, owner: Owner) -> PublishedRows:
        """Read the dataset's time column.

        Raises
        ------
        SchemaMismatchError
            What is published can't be read.
        """
        scan = Scan.of(prefix, dataset, interval, [str(dataset.time_column)], owner)
        return cls(scan.pieces, _slices(scan.read()[str(dataset.time_column)], dataset))


def written_slices(writer: PartitionWriter, dataset: Dataset) -> set[datetime]:
    """Return the slices of which a version that is not committed yet has rows."""
    found: set[datetime] = set()
    for file in writer.tables[dataset.name].files:
        if file.rows:
            system, path = filesystem(join(writer.partition_uri, file.path))
            times = pq.read_table(path, filesystem=system, columns=[str(dataset.time_column)]).column(0)
            found |= set(_slices(times, dataset))
    return found


def refuse_empty(dataset: Dataset, published: PublishedRows, lost: set[datetime], why: str) -> None:
    """Raise where slices that have published rows would have none.

    Parameters
    ----------
    lost : set of datetime
        Starts of the slices that the build leaves without rows.
    why : str
        Opens the sentence: what was read and what it gave.

    Raises
    ------
    EmptyResultError
        Names what was read, what is published, and what forces it.
    """
    rows = sum(published.by_slice[start] for start in lost)
    if not rows:
        return
    times = merged(Interval(start, start + SLICE) for start in lost if published.by_slice[start])
    runs = sorted(
        {
            piece.partition.manifest.run_id
            for piece in published.pieces
            if any(piece.interval.intersection(each) for each in times)
        }
    )
    raise EmptyResultError(
        f"{why} For {', '.join(map(str, times[:3]))}{', ...' if times[3:] else ''}, {counted(rows, 'row')} of "
        f"{dataset.name} are published (run {', '.join(runs[:3])}{', ...' if runs[3:] else ''}), and they stay. "
        f"{REPLACE_WITH_EMPTY}"
    )


def refuse_unreadable(dataset: Dataset, error: SchemaMismatchError, is_empty: bool, why: str) -> None:
    """Raise where nothing would replace what can't be read and may hold rows.

    Raises
    ------
    EmptyResultError
    """
    if is_empty:
        raise EmptyResultError(
            f"{why} What is published of {dataset.name} can't be read ({error}), and it stays. {REPLACE_WITH_EMPTY}"
        ) from error


def _slices(times: pa.ChunkedArray, dataset: Dataset) -> Counter[datetime]:
    # A window's end closes its slice.
    before = timedelta(microseconds=1) if dataset.is_window_end else timedelta()
    counted = pc.value_counts(times.combine_chunks()).to_pylist()
    found: Counter[datetime] = Counter()
    for each in counted:
        found[floor_to(each["values"] - before, SLICE)] += each["counts"]
    return found
