"""Tasks that run concurrently and whose results come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def in_order(pool: ThreadPoolExecutor, tasks: Iterable[Callable[[], Result]], threads: int) -> Iterator[Result]:
    """Run tasks in a pool, a few ahead of the one whose result is next; so few results wait in memory.

    Parameters
    ----------
    pool : ThreadPoolExecutor
        What runs the tasks.
    tasks : iterable of callable
        Taken one by one, as results are.
    threads : int
        Of the pool; at most twice as many tasks are ahead.
    """
    pending: deque[Future[Result]] = deque()
    for task in tasks:
        pending.append(pool.submit(task))
        if len(pending) > 2 * threads:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
