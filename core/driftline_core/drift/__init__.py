"""The catalogue of distances: pure functions of two 1-d count arrays of equal length, the current one first.

Lists do as well as arrays: `DISTANCES["tvd"]([8, 2], [5, 5])`. Raises InvalidInput for anything but two vectors of equal length.
"""

from collections.abc import Callable, Mapping

import numpy.typing as npt

from driftline_core.drift.hellinger import hellinger
from driftline_core.drift.kld import kld
from driftline_core.drift.mlrun import mlrun_hellinger, mlrun_kld
from driftline_core.drift.shares import Counts
from driftline_core.drift.status import Status, status_of, worst
from driftline_core.drift.tvd import tvd

Distance = Callable[[npt.ArrayLike, npt.ArrayLike], float]

DISTANCES: Mapping[str, Distance] = {"tvd": tvd, "hellinger": hellinger, "kld": kld}

# How others compute the same names. Every convention has the names of DISTANCES.
CONVENTIONS: Mapping[str, Mapping[str, Distance]] = {
    "driftline": DISTANCES,
    "mlrun": {"tvd": tvd, "hellinger": mlrun_hellinger, "kld": mlrun_kld},
}

__all__ = ["CONVENTIONS", "DISTANCES", "Counts", "Distance", "Status", "hellinger", "kld", "status_of", "tvd", "worst"]
