"""Which part of the work a key belongs to."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Parts = NDArray[np.int32]
Key = TypeVar("Key", bound=Hashable)

SMALLEST_PART: Final = 20_000
LARGEST_PART: Final = 1_000_000
PARTS_PER_CORE: Final = 3  # a core that is done early takes another part


def part_count(spark: SparkSession, rows: int) -> int:
    """Return the number of parts for some rows: a few for each core, of at least SMALLEST_PART and at most LARGEST_PART
    rows."""
    worthwhile = min(PARTS_PER_CORE * spark.sparkContext.defaultParallelism, rows // SMALLEST_PART)
    return max(1, worthwhile, -(-rows // LARGEST_PART))


def parts_by_text(column: pa.ChunkedArray, parts: int) -> Parts:
    """Return the part of each row by the text in a column: the same on every machine, and about even over texts."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = pa.concat_arrays(coded.unify_dictionaries().chunks)
    # Python's own hash differs from process to process.
    of_text = np.array([crc32(text.encode()) % parts for text in coded.dictionary.to_pylist()], np.int32)
    return of_text[coded.indices.to_numpy()] if len(coded) else np.zeros(0, np.int32)


def balanced(weights: Mapping[Key, int], parts: int) -> dict[Key, int]:
    """Assign keys to parts of about equal weight: the heaviest key first, each to the lightest part.

    Graham (1969): the heaviest part weighs at most 4/3 - 1/(3 parts) of that of the best assignment.
    """
    heap = [(0, part) for part in range(parts)]
    assigned = {}
    for key in sorted(weights, key=lambda key: (-weights[key], key)):
        weight, part = heapq.heappop(heap)
        assigned[key] = part
        heapq.heappush(heap, (weight + weights[key], part))
    return assigned


def runs(rows: Sequence[int], largest: int) -> list[range]:
    """Cut a sequence into consecutive runs whose rows add up to about `largest`, none of them empty."""
    cut, first, total = [], 0, 0
    for place, count in enumerate(rows):
        if total and total + count > largest:
            cut.append(range(first, place))
            first, total = place, 0
        total += count
    return [*cut, range(first, len(rows))] if len(rows) else cut
