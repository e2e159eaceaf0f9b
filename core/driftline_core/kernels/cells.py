"""From values to slots: a monotone function gives the cell of a value in a grid, a short search settles the slot within the cell.

Why slots are exact whatever the rounding: a cell function only has to be monotone. Then every threshold of an earlier cell is below
a value and every one of a later cell is above it, and only those of its own cell are compared with it, as they are. Which cell a
threshold lies in is found by the very function, compiled without fast-math, that later finds the cells of values: both round alike.

Cells of a grid of G: 0 for values under `low`, 1 … G the grid, G + 1 for values from `high` on, G + 2 for NaN.
"""

from typing import Any

import numpy as np

from driftline_core.kernels.jit import kernel, part

u32 = np.uint32
# numba wraps negative indices around: a test on each access, which also stops vectorising. Hence cells and slots are unsigned.


@kernel
def linear_cells(values: Any, place: Any, out: Any) -> None:
    """Cells of a grid that is uniform in the value."""
    origin, scale, low, high = place.origin, place.scale, place.low, place.high
    last, above, null = float(place.grid), float(place.grid + 1), float(place.grid + 2)
    # Chosen among floats and converted once: masks of 64 bits for choices among 32 would have to be narrowed, each of them.
    for j in range(values.size):
        value = values[j]
        at = (value - origin) * scale + 1.0
        at = at if at > 1.0 else 1.0
        at = at if at < last else last
        at = at if value >= low else 0.0
        at = above if value >= high else at
        at = at if value == value else null  # noqa: PLR0124 - NaN
        out[j] = u32(np.int32(at))


@kernel
def log_cells(values: Any, place: Any, out: Any) -> None:
    """Cells of a grid over the top bits of |value − origin|, which as an integer rises like its logarithm; mirrored for negatives.

    Magnitudes up to that with the bits `base` share the cell `centre`.
    """
    origin, low, high = place.origin, place.low, place.high
    base, drop_bits, centre, last = place.base, place.drop_bits, place.centre, place.grid
    above, null = last + 1, last + 2
    for j in range(values.size):
        value = values[j]
        distance = value - origin
        key = (np.float64(abs(distance)).view(np.int64) - base) >> drop_bits
        key = key if key > 0 else 0
        key = key if key < last else last
        at = centre - key if distance < 0.0 else centre + key
        at = at if at > 1 else 1
        at = at if at < last else last
        at = at if value >= low else 0
        at = above if value >= high else at
        out[j] = u32(at if value == value else null)  # noqa: PLR0124 - NaN


@part
def settle(values: Any, slots: Any, cell_start: Any, thresholds: Any, levels: Any) -> None:
    """Turn the cells of a block of values into their slots, in place: the cell's first slot, then a search without branches.

    Thresholds beyond a cell need no fence: they are above every value of it, and no value is at or above the NaN behind the last.
    """
    if levels == 1:
        for j in range(values.size):
            slot = u32(cell_start[slots[j]])
            slots[j] = slot + u32(thresholds[slot] <= values[j])
        return
    for j in range(values.size):
        slots[j] = cell_start[slots[j]]
    for level in range(levels - 1, -1, -1):
        shift = u32(level)
        behind = u32((1 << level) - 1)
        for j in range(values.size):
            slot = slots[j]
            slots[j] = slot + (u32(thresholds[u32(slot + behind)] <= values[j]) << shift)
