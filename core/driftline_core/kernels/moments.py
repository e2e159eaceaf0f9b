"""Sums and extremes of a column, in lanes of their own so that they vectorise without reordering what a float sum is."""

from typing import Any

import numpy as np

from driftline_core.kernels.jit import part

SUM, SQUARES, N, LOW, HIGH = range(5)
LANES = 32
u32 = np.uint32
HUGE = 1e140
"""Values beyond it do not enter the sums: the squares of 2**63 values within stay under the largest float64."""


@part
def clear_lanes(lanes: Any) -> None:
    """No rows yet."""
    for j in range(lanes.shape[1]):
        lanes[SUM, j] = lanes[SQUARES, j] = lanes[N, j] = 0.0
        lanes[LOW, j] = np.inf
        lanes[HIGH, j] = -np.inf


@part
def add_moments(values: Any, shift: Any, lanes: Any) -> None:
    """Add a block of values, NaN for null."""
    whole = values.size - values.size % LANES
    for i in range(0, whole, LANES):
        for j in range(LANES):
            _add(values[i + j], shift, lanes, u32(j))
    for i in range(whole, values.size):
        _add(values[i], shift, lanes, u32(0))


@part
def fold_lanes(lanes: Any, moments: Any) -> None:
    """Add the lanes to a row of MOMENTS."""
    width = LANES // 2
    while width:
        for j in range(width):
            lanes[SUM, j] += lanes[SUM, j + width]
            lanes[SQUARES, j] += lanes[SQUARES, j + width]
            lanes[N, j] += lanes[N, j + width]
            lanes[LOW, j] = min(lanes[LOW, j], lanes[LOW, j + width])
            lanes[HIGH, j] = max(lanes[HIGH, j], lanes[HIGH, j + width])
        width //= 2
    moments.n += np.int64(lanes[N, 0])
    moments.sum += lanes[SUM, 0]
    moments.squares += lanes[SQUARES, 0]
    moments.low = min(moments.low, lanes[LOW, 0])
    moments.high = max(moments.high, lanes[HIGH, 0])


@part
def _add(value: Any, shift: Any, lanes: Any, j: Any) -> None:
    counted = abs(value) <= HUGE
    distance = value - shift if counted else 0.0
    lanes[SUM, j] += distance
    lanes[SQUARES, j] += distance * distance
    lanes[N, j] += 1.0 if counted else 0.0
    lanes[LOW, j] = value if value < lanes[LOW, j] else lanes[LOW, j]
    lanes[HIGH, j] = value if value > lanes[HIGH, j] else lanes[HIGH, j]
