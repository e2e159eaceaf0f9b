"""Total variation distance: the largest difference in probability the two samples give to any set of bins."""

import numpy as np
import numpy.typing as npt

from driftline_core.drift.shares import pair, shares


def tvd(current: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Total variation distance between two count vectors of equal length, in [0, 1].

    Counts are normalised here; an empty side gives NaN. Source: ½ Σ|p − q|, exactly 0 on equal shares.

    >>> tvd([1, 1], [3, 1])
    0.25
    """
    p, q = map(shares, pair(current, reference))
    return float(np.abs(p - q).sum() / 2)
