"""Counting slots."""

from typing import Any

import numpy as np

from driftline_core.kernels.jit import part

u32 = np.uint32


@part
def count_slots(slots: Any, histogram: Any) -> None:
    """Count slots in four histograms in turn: equal values in a row would wait for each other's addition in one."""
    whole = slots.size & ~3
    for j in range(0, whole, 4):
        histogram[slots[j], 0] += u32(1)
        histogram[slots[j + 1], 1] += u32(1)
        histogram[slots[j + 2], 2] += u32(1)
        histogram[slots[j + 3], 3] += u32(1)
    for j in range(whole, slots.size):
        histogram[slots[j], 0] += u32(1)


@part
def fold_histogram(histogram: Any, counts: Any) -> None:
    """Add the four histograms to the counts of a column and clear them."""
    for slot in range(counts.size):
        counts[slot] += np.int64(histogram[slot, 0]) + histogram[slot, 1] + histogram[slot, 2] + histogram[slot, 3]
        histogram[slot, 0] = histogram[slot, 1] = histogram[slot, 2] = histogram[slot, 3] = u32(0)


@part
def count_few(slots: Any, counts: Any) -> None:
    """Count slots straight into the counts of a column: what a small batch costs must not depend on how many slots there are."""
    for j in range(slots.size):
        counts[slots[j]] += 1
