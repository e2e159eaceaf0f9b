"""Short ways to observations."""

import math
from collections.abc import Mapping

from driftline_core.alerts import Observation
from driftline_core.alerts.observation import ColumnView
from driftline_core.drift import Status
from driftline_core.schema import Role

ENDPOINT = "shop/fraud/scorer:v3"
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def metric(name: str, value: float, *, at_us: int = 0, tick: int = 0, window_us: int = HOUR) -> Observation:
    """One metric of the endpoint."""
    return Observation(ENDPOINT, at_us, tick=tick, window_us=window_us, status=Status.NO_DETECTION, metrics={name: value})


def columns(name: str, values: Mapping[str, float], *, at_us: int = 0, tick: int = 0, window_us: int = HOUR) -> Observation:
    """One metric of some columns; NaN: too few rows to tell."""
    views = tuple(ColumnView(column, metrics={} if math.isnan(value) else {name: value}) for column, value in values.items())
    return Observation(ENDPOINT, at_us, tick=tick, window_us=window_us, status=Status.NO_DETECTION, columns=views)


def drift(
    status: Status, statuses: Mapping[str, tuple[Status | None, float]], *, mean: float = math.nan, at_us: int = 0, tick: int = 0
) -> Observation:
    """A drift report's verdicts: of the whole, and by column with its drift."""
    views = tuple(
        ColumnView(name, Role.LABEL if each is None else Role.FEATURE, each, {} if math.isnan(value) else {"drift": value})
        for name, (each, value) in statuses.items()
    )
    return Observation(ENDPOINT, at_us, tick=tick, window_us=HOUR, status=status, metrics={"drift": mean}, columns=views)
