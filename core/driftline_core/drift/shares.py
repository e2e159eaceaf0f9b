"""Counts as shares of their sum."""

from typing import Any

import numpy as np
import numpy.typing as npt

from driftline_core.errors import InvalidInput

Counts = npt.NDArray[np.integer[Any]] | npt.NDArray[np.floating[Any]]


def pair(current: npt.ArrayLike, reference: npt.ArrayLike) -> tuple[Counts, Counts]:
    """Two count vectors of equal length, whatever sequences they come as. Raises InvalidInput where they are none.

    >>> pair([1, 1], (3, 1))
    (array([1, 1]), array([3, 1]))
    """
    p, q = np.asarray(current), np.asarray(reference)
    if p.ndim != 1 or p.shape != q.shape:
        raise InvalidInput(f"counts of shapes {p.shape} and {q.shape} are not two vectors of equal length", field="counts")
    return p, q


def shares(counts: Counts) -> npt.NDArray[np.float64]:
    """Counts divided by their sum; NaN everywhere where the sum is 0.

    >>> shares(np.array([1, 3]))
    array([0.25, 0.75])
    """
    total = float(counts.sum())
    return np.divide(counts, total) if total else np.full(len(counts), np.nan)
