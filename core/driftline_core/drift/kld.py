"""Kullback–Leibler divergence of the window from the reference."""

import numpy as np
import numpy.typing as npt

from driftline_core.drift.shares import pair


def kld(current: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """Kullback–Leibler divergence of `current` from `reference`, in nats: finite, never negative.

    ½ is added to the count of every bin that is non-empty on either side (Jeffreys' prior), then both are normalised, so that
    an empty bin gives a finite value that shrinks as evidence grows. An empty side gives NaN. Source: Kullback & Leibler 1951,
    Σ p·ln(p/q).

    >>> kld(np.array([5, 5]), np.array([5, 5]))
    0.0
    >>> round(kld(np.array([9, 0]), np.array([0, 9])), 4)
    2.65
    """
    current, reference = pair(current, reference)
    if not current.sum() or not reference.sum():
        return float("nan")
    used = (current > 0) | (reference > 0)
    p = current[used] + 0.5
    q = reference[used] + 0.5
    p, q = p / p.sum(), q / q.sum()
    return max(float((p * np.log(p / q)).sum()), 0.0)
