"""Sums and extremes of a column, in loops of the two forms that vectorise: sums in any order, extremes of integers."""

from typing import Any

import numpy as np

from driftline_core.kernels.jit import part, sum_part

HUGE = 1e140
"""Values beyond it do not enter the sums: the squares of 2**63 values within stay under the largest float64."""

i64 = np.int64
_MAGNITUDE = i64(0x7FFFFFFFFFFFFFFF)
_LOWEST, _HIGHEST = -_MAGNITUDE, _MAGNITUDE


@part
def add_moments(values: Any, shift: Any, moments: Any) -> None:
    """Add a block of values, NaN for null, to a row of MOMENTS.

    Most blocks lie within the extremes seen so far, and need one loop: only where a value does not are extremes looked for.
    """
    n, total, squares = _sums(values, shift, moments.low, moments.high)
    if n < values.size and _widen(values, moments):
        n, total, squares = _sums(values, shift, moments.low, moments.high)
    moments.n += n
    moments.sum += total
    moments.squares += squares


@sum_part
def _sums(values: Any, shift: Any, low: Any, high: Any) -> Any:
    """How many values lie within low … high and are not HUGE, and the sums of their distances from the shift."""
    low, high = max(low, -HUGE), min(high, HUGE)
    n, total, squares = i64(0), 0.0, 0.0
    for j in range(values.size):
        value = values[j]
        beyond = value - shift
        counted = (value >= low) & (value <= high)
        distance = beyond if counted else 0.0
        total += distance
        squares += distance * distance
        n += i64(counted)
    return n, total, squares


@part
def _widen(values: Any, moments: Any) -> Any:
    """Move the extremes to take in all values; says whether they have moved."""
    low, high = _extremes(values)
    if low == _HIGHEST:  # all are NaN
        return False
    before_low, before_high = moments.low, moments.high
    moments.low = min(before_low, _float(low))
    moments.high = max(before_high, _float(high))
    return moments.low < before_low or moments.high > before_high


@part
def _extremes(values: Any) -> Any:
    """The least and the greatest value as the integers that have the order of floats; beyond both where all are NaN."""
    low, high = _HIGHEST, _LOWEST
    for j in range(values.size):
        value = values[j]
        key = _mirrored(np.float64(value).view(np.int64))
        low = min(key if value == value else _HIGHEST, low)  # noqa: PLR0124 - NaN
        high = max(key if value == value else _LOWEST, high)  # noqa: PLR0124
    return low, high


@part
def _float(key: Any) -> Any:
    return i64(_mirrored(key)).view(np.float64)


@part
def _mirrored(bits: Any) -> Any:
    """From the bits of a float to an integer of its order, and back: below zero a larger magnitude is less."""
    return bits ^ ((bits >> i64(63)) & _MAGNITUDE)
