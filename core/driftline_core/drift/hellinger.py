"""Hellinger distance: the Euclidean distance of the square roots of the shares."""

import numpy as np
import numpy.typing as npt

from driftline_core.drift.shares import pair, shares


def hellinger(current: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Hellinger distance between two count vectors of equal length, in [0, 1].

    Counts are normalised here; an empty side gives NaN. Source: Hellinger 1909; sqrt(½ Σ(√p − √q)²), exactly 0 on equal
    shares (the form 1 − Σ√(pq) is not, by rounding).

    >>> hellinger(np.array([1, 1]), np.array([2, 2]))
    0.0
    """
    p, q = map(shares, pair(current, reference))
    return float(np.sqrt(np.square(np.sqrt(p) - np.sqrt(q)).sum() / 2))
