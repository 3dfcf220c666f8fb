"""Memory that one block frees and the next one takes."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

# The largest chunk that glibc counts, DEFAULT_MMAP_THRESHOLD_MAX, less two pages for its header and flags.
_CHUNK_BYTES: Final = (32 << 20) - (8 << 10)


@cache
def keep_freed_memory() -> None:
    """Have the C library keep up to some 64 MiB of what is freed, for this process's life.

    By default glibc returns all but some hundred KiB to the kernel, and each page of the next block costs a fault: a
    fifth of the time of reading. Its limits follow the largest chunk of up to 32 MiB that was freed (mallopt(3),
    M_MMAP_THRESHOLD); one that is not written to takes no memory. Other C libraries are not affected.
    """
    chunk = np.empty(_CHUNK_BYTES, np.uint8)
    del chunk
