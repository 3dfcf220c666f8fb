"""What can be left unread: files of which is known that no row of theirs passes a filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyarrow import fs

from ndr.contract.datasets import Dataset
from ndr.contract.time import Interval
from ndr.store.schema import ARROW_TYPES

T = TypeVar("T")

_FORMAT: Final = ds.ParquetFileFormat()
_NOWHERE: Final = fs.LocalFileSystem()
EVERYTHING: Final = pc.scalar(True)


def may_pass(
    items: Iterable[T], known: Callable[[T], pc.Expression], keep: pc.Expression | None, schema: pa.Schema
) -> list[T]:
    """Return the items of which a row may pass a filter.

    Parameters
    ----------
    known : callable
        Returns what is true for every row of an item.
    keep : Expression, optional
        The filter; without one every item may pass.
    """
    given = list(items)
    if keep is None:
        return given
    # Arrow judges its fragments by their expressions, and opens none of them here.
    fragments = [_FORMAT.make_fragment(str(place), _NOWHERE, known(item)) for place, item in enumerate(given)]
    passed = ds.FileSystemDataset(fragments, schema, _FORMAT).get_fragments(filter=keep)
    return [given[place] for place in sorted(int(fragment.path) for fragment in passed)]


def in_time(dataset: Dataset, interval: Interval) -> pc.Expression:
    """Return what is true for the rows of an interval; nothing is known of a dataset without a time column."""
    if dataset.time_column is None:
        return EVERYTHING
    time = pc.field(dataset.time_column)
    start, end = (pa.scalar(instant, ARROW_TYPES["timestamp"]) for instant in (interval.start, interval.end))
    return (time > start) & (time <= end) if dataset.is_window_end else (time >= start) & (time < end)
