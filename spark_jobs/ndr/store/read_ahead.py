"""Reading many small files at once, in bundles, so that neither a request nor a row costs more than in a large file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

import pyarrow as pa

T = TypeVar("T")
R = TypeVar("R")

REQUESTS: Final = 32  # at once: small files wait on the store far longer than on the processor
PARSERS: Final = 2  # at once: threads that parse small files wait for each other and for memory, and cost more each
BUNDLES_AHEAD: Final = 2
FETCHED_AHEAD: Final = 4 * REQUESTS

Fetched = Callable[[], pa.Table]
"""Parses what was fetched, without another request."""


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


def read_ahead(given: Iterable[Sequence[T]], fetch: Callable[[T], Fetched]) -> Iterator[pa.Table]:
    """Read bundles and yield the rows of each as one table, in the order given.

    REQUESTS items are fetched at once, and the items of PARSERS bundles parsed. Memory holds the bundle that was
    yielded and `BUNDLES_AHEAD` more. Columns that some items lack are null there.

    Raises
    ------
    Exception
        What `fetch` and the parsing raise; nothing more is read then.
    """
    requests, parsers = ThreadPoolExecutor(REQUESTS), ThreadPoolExecutor(PARSERS)
    ahead: deque[Future[pa.Table]] = deque()
    try:
        for bundle in given:
            fetched = deque(requests.submit(fetch, item) for item in bundle)
            ahead.append(parsers.submit(_parsed, fetched))
            if len(ahead) > BUNDLES_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        # A parser waits for what is requested: that ends first.
        for pool in (requests, parsers):
            pool.shutdown(cancel_futures=True)


def _parsed(fetched: deque[Future[Fetched]]) -> pa.Table:
    tables = []
    while fetched:
        tables.append(fetched.popleft().result()())  # so that the file's bytes are released
    if len(tables) == 1:
        return tables[0]
    # As one chunk with one dictionary: what follows would otherwise pay for each file once more.
    return pa.concat_tables(tables, promote_options="default").unify_dictionaries().combine_chunks()


def fetch_ahead(items: Iterable[T], fetch: Callable[[T], R]) -> Iterator[R]:
    """Fetch REQUESTS items at once and yield the results in the order given; `FETCHED_AHEAD` are held at most.

    Raises
    ------
    Exception
        What `fetch` raises; nothing more is fetched then.
    """
    pool = ThreadPoolExecutor(REQUESTS)
    ahead: deque[Future[R]] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(fetch, item))
            if len(ahead) == FETCHED_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
