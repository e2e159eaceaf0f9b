"""Counts as shares of their sum."""

from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.integer[Any]] | npt.NDArray[np.floating[Any]]


def shares(counts: Counts) -> npt.NDArray[np.float64]:
    """Counts divided by their sum; NaN everywhere where the sum is 0.

    >>> shares(np.array([1, 3]))
    array([0.25, 0.75])
    """
    total = float(counts.sum())
    return np.divide(counts, total) if total else np.full(len(counts), np.nan)
