"""Reading many small files at once, in bundles, so that neither a request nor a row costs more than in a large file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import pyarrow as pa

T = TypeVar("T")

REQUESTS: Final = 32  # at once: small files wait on the store far longer than on the processor
BUNDLES_AHEAD: Final = 2


def in_bundles(
    items: Iterable[T], size_of: Callable[[T], int], largest: int, kind_of: Callable[[T], object] = lambda _: None
) -> Iterator[list[T]]:
    """Cut a sequence into consecutive runs of one kind whose sizes add up to at most `largest`, or of one item."""
    held: list[T] = []
    total = 0
    for item in items:
        size = size_of(item)
        if held and (total + size > largest or kind_of(item) != kind_of(held[0])):
            yield held
            held, total = [], 0
        held.append(item)
        total += size
    if held:
        yield held


def read_ahead(given: Iterable[Sequence[T]], read: Callable[[T], pa.Table]) -> Iterator[pa.Table]:
    """Read bundles, the items of several at once, and yield the rows of each as one table, in the order given.

    Memory holds the bundle that was yielded and `BUNDLES_AHEAD` more. Columns that some items lack are null there.

    Raises
    ------
    Exception
        What `read` raises; nothing more is read then.
    """
    pool = ThreadPoolExecutor(REQUESTS)
    ahead: deque[list[Future[pa.Table]]] = deque()
    try:
        for bundle in given:
            ahead.append([pool.submit(read, item) for item in bundle])
            if len(ahead) > BUNDLES_AHEAD:
                yield _together(ahead.popleft())
        while ahead:
            yield _together(ahead.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _together(parts: Sequence[Future[pa.Table]]) -> pa.Table:
    return pa.concat_tables([part.result() for part in parts], promote_options="default")
