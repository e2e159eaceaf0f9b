"""Total variation distance: the largest difference in probability the two samples give to any set of bins."""

import numpy as np

from driftline_core.drift.shares import Counts, shares


def tvd(current: Counts, reference: Counts) -> float:
    """Total variation distance between two count vectors of equal length, in [0, 1].

    Counts are normalised here; an empty side gives NaN. Source: ½ Σ|p − q|, exactly 0 on equal shares.

    >>> tvd(np.array([1, 1]), np.array([3, 1]))
    0.25
    """
    p, q = shares(current), shares(reference)
    return float(np.abs(p - q).sum() / 2)
