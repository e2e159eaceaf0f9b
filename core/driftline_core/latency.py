"""Latency: a histogram over bins of equal ratio; its quantiles are right to one percent, and it merges like any other counts."""

from functools import cache

import numpy as np

from driftline_core.binning import NumericBins
from driftline_core.layout import Layout
from driftline_core.profile import Profile
from driftline_core.schema import Role

RATIO = 1.02  # of neighbouring edges: an answer between them is at most (RATIO - 1) / (RATIO + 1) = 0.99 % off
LOW_SECONDS, HIGH_SECONDS = 1e-6, 1e3
QUANTILES = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p99": 0.99}


@cache
def latency_bins() -> NumericBins:
    """Edges from a microsecond to a little over 1,000 seconds. They are part of what is written down, and never change.

    >>> len(latency_bins().edges)
    1048
    """
    steps = int(np.ceil(np.log(HIGH_SECONDS / LOW_SECONDS) / np.log(RATIO)))
    return NumericBins(tuple((LOW_SECONDS * RATIO ** np.arange(steps + 1)).tolist()))


def latency_quantile(profile: Profile, layout: Layout, share: float) -> float:
    """The smallest latency, in seconds, that so large a share of the rows with one did not exceed; NaN where none has one.

    Within 1 % between 1 µs and 1,000 s; beyond, the smallest and the largest value seen. Source: the relative-error bins of
    DDSketch (Masson, Rim & Lee 2019), whose estimate between edges a and b is 2ab / (a + b).
    """
    index = layout.index_of_role(Role.LATENCY)
    if index is None:
        return float("nan")
    counts = layout.counts(profile, index)[:-1]  # without nulls
    rows = int(counts.sum())
    if not rows:
        return float("nan")
    slot = int(np.searchsorted(np.cumsum(counts, dtype=np.int64), max(1, int(np.ceil(share * rows)))))
    moments = profile.tally.moments[index]
    edges = layout.bins[index].edges  # type: ignore[union-attr]
    if slot == 0:
        return float(moments["low"])
    if slot == len(counts) - 1:
        return float(moments["high"])
    estimate = 2 * edges[slot - 1] * edges[slot] / (edges[slot - 1] + edges[slot])
    return float(np.clip(estimate, moments["low"], moments["high"]))
