"""MLRun's own distances, formula for formula, faults included: for people who compare the two side by side."""

import numpy as np
import numpy.typing as npt

from driftline_core.drift.shares import Counts, pair, shares

ZERO_STAND_IN = 1e-4


def mlrun_hellinger(current: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """MLRun's Hellinger distance, sqrt(1 − Σ√(pq)) clipped at 0; rounding makes equal shares come out near 1e-8.

    Source: MLRun 1.12.1, `HellingerDistance`.
    """
    p, q = map(shares, pair(current, reference))
    return float(np.sqrt(np.maximum(1 - np.sqrt(p * q).sum(), 0)))


def mlrun_kld(current: npt.ArrayLike, reference: npt.ArrayLike) -> float:
    """MLRun's symmetric divergence KL(p‖q) + KL(q‖p), a zero in the divisor replaced by 1e-4; may come out negative.

    Source: MLRun 1.12.1, `KullbackLeiblerDivergence`, whose zero_scaling is 1e-4.
    """
    p, q = map(shares, pair(current, reference))
    if np.isnan(p).any() or np.isnan(q).any():
        return float("nan")
    return _divergence(p, q) + _divergence(q, p)


def _divergence(p: Counts, q: Counts) -> float:
    used = p > 0
    return float((p[used] * np.log(p[used] / np.where(q[used] > 0, q[used], ZERO_STAND_IN))).sum())
