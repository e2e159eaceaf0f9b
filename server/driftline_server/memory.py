"""Giving memory back: what a large upload took does not stay with the process when it is done."""

import contextlib
import ctypes

import pyarrow as pa


def release() -> None:
    """Returns freed memory to the system, where the C library can (glibc keeps it for itself otherwise)."""
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(OSError, AttributeError):  # another C library has its own ways
        ctypes.CDLL(None).malloc_trim(0)
