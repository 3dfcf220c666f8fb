"""Memory that is freed but not yet given back: between two large steps it would count twice."""

from __future__ import annotations

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Give freed memory back to the system, as far as the allocators of Arrow and of the C library (glibc) can."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
