"""The arrays kernels write into: a tally for each pane, a scratch for each engine thread."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from driftline_core.kernels.lookup import SLOTS_MAX, Lookup

BLOCK_ROWS = 1024
MOMENTS = np.dtype([("n", np.int64), ("sum", np.float64), ("squares", np.float64), ("low", np.float64), ("high", np.float64)])
"""What is summed of a numeric column, d being value − shift (the reference's mean):

n        count of values with |value| <= 1e140; only these enter n, sum and squares, so that the sums cannot overflow into nonsense
sum      Σ d
squares  Σ d²
low      minimum over all values that are neither null nor NaN, infinities included; +inf where there is none
high     maximum likewise; -inf where there is none

So mean = shift + sum / n, and variance = (squares − sum² / n) / (n − 1).
"""


class Tally(NamedTuple):
    """What kernels add to: one for each pane.

    counts   int64[lookup.slots], flat; column c has counts[slots_at : slots_at + slots] by lookup.columns[c]
    moments  MOMENTS[D]; a row for each column of the layout, left empty for columns that are not numeric
    """

    counts: npt.NDArray[np.int64]
    moments: npt.NDArray[np.void]


class Scratch(NamedTuple):
    """What kernels use in between: one for each thread that calls them. Histograms are all zero between calls."""

    values: npt.NDArray[np.float64]
    bits: npt.NDArray[np.uint8]
    slots: npt.NDArray[np.uint32]
    histograms: npt.NDArray[np.uint32]


def empty_tally(lookup: Lookup) -> Tally:
    """The tally of no rows: the neutral element of `merge`."""
    return new_tally(lookup.slots, len(lookup.columns))


def new_tally(slots: int, columns: int) -> Tally:
    """The tally of no rows, for a lookup of so many slots and columns."""
    moments = np.zeros(columns, MOMENTS)
    moments["low"], moments["high"] = np.inf, -np.inf
    return Tally(np.zeros(slots, np.int64), moments)


def merge(into: Tally, other: Tally) -> None:
    """Add a tally of the same lookup to another, in place: counts and sums by addition, low and high by minimum and maximum."""
    np.add(into.counts, other.counts, out=into.counts)
    for name in ("n", "sum", "squares"):
        into.moments[name] += other.moments[name]
    np.minimum(into.moments["low"], other.moments["low"], out=into.moments["low"])
    np.maximum(into.moments["high"], other.moments["high"], out=into.moments["high"])


def new_scratch() -> Scratch:
    """Scratch for any lookup: about 80 kB."""
    return Scratch(
        values=_aligned(BLOCK_ROWS, np.float64),
        bits=_aligned(BLOCK_ROWS + 16, np.uint8),
        slots=_aligned(BLOCK_ROWS, np.uint32),
        histograms=_aligned(SLOTS_MAX * 4, np.uint32).reshape(SLOTS_MAX, 4),
    )


def _aligned(length: int, dtype: type[np.generic]) -> npt.NDArray[Any]:
    # numpy aligns to 16 bytes; vectors that straddle cache lines are slower.
    raw = np.zeros(length * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + length * np.dtype(dtype).itemsize].view(dtype)
