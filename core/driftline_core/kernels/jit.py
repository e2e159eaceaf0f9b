"""Decorators: `kernel` for what Python calls, `part` and `sum_part` for what is compiled into kernels.

numba's own `cache=True` looks at the file of a function and not at those of the parts compiled into it: an edit of `cells.py`, or
an upgrade that changes it, would leave `update` running on the old cells, and the tests with it.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any
from zlib import crc32

from numba import njit
from numba.core.caching import FunctionCache


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function on its first call, without the GIL; keep the result on disk until any file of this package changes.

    Where nothing can be written (a read-only image without a home) it is compiled in every process instead.
    """
    compiled = _njit(nogil=True)(function)
    try:
        compiled._cache = _PackageCache(function)  # type: ignore[no-untyped-call]
    except RuntimeError:
        return compiled
    return compiled


def part(function: Callable[..., Any]) -> Any:
    """Compile a function for kernels only: without the wrappers that Python would call, which take a third of the time."""
    return _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def sum_part(function: Callable[..., Any]) -> Any:
    """A part whose additions may come in any order, so that they vectorise; the order depends on the processor alone."""
    return _njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, fastmath={"reassoc", "nsz"})(function)


# Its types leave out the wrappers.
_njit: Any = njit


class _PackageCache(FunctionCache):
    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), package_sum())  # type: ignore[no-untyped-call]


@cache
def package_sum() -> int:
    """Checksum of the sources of this package."""
    sources = sorted((file.name, file.read_bytes()) for file in files(__package__).iterdir() if file.name.endswith(".py"))
    return crc32(repr(sources).encode())
