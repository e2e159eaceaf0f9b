"""From a value to a status, and from many statuses to one."""

from collections.abc import Iterable
from enum import StrEnum

from driftline_core.schema import Thresholds


class Status(StrEnum):
    """What a result says."""

    NO_DETECTION = "no_detection"
    POTENTIAL = "potential"
    DETECTED = "detected"
    INSUFFICIENT_DATA = "insufficient_data"


# Too few rows is worse to know than that all is well, and never hides that something is not.
_RANK = {Status.NO_DETECTION: 0, Status.INSUFFICIENT_DATA: 1, Status.POTENTIAL: 2, Status.DETECTED: 3}


def status_of(value: float, thresholds: Thresholds) -> Status:
    """The status of a drift value; NaN crosses no threshold.

    >>> status_of(0.5, Thresholds(0.5, 0.7))
    <Status.POTENTIAL: 'potential'>
    """
    if value >= thresholds.detected:
        return Status.DETECTED
    return Status.POTENTIAL if value >= thresholds.potential else Status.NO_DETECTION


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of some statuses; of none, insufficient data.

    >>> worst([Status.NO_DETECTION, Status.INSUFFICIENT_DATA, Status.POTENTIAL])
    <Status.POTENTIAL: 'potential'>
    """
    return max(statuses, key=_RANK.__getitem__, default=Status.INSUFFICIENT_DATA)
