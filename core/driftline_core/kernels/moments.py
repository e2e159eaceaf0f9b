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
    """Add a block of values, NaN for null, to a row of MOMENTS."""
    n, total, squares = _sums(values, shift)
    moments.n += n
    moments.sum += total
    moments.squares += squares
    low, high = _extremes(values)
    if low != _HIGHEST:  # else all are NaN
        moments.low = min(moments.low, _float(low))
        moments.high = max(moments.high, _float(high))


@sum_part
def _sums(values: Any, shift: Any) -> Any:
    n, total, squares = i64(0), 0.0, 0.0
    for j in range(values.size):
        value = values[j]
        beyond = value - shift
        counted = abs(value) <= HUGE
        distance = beyond if counted else 0.0
        total += distance
        squares += distance * distance
        n += i64(counted)
    return n, total, squares


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
