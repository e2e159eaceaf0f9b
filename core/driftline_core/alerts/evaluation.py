"""Whether a rule's condition holds: a pure function of the rule and an observation.

A verdict is about parts: the columns, and "" for the endpoint as a whole. Each part is breaching, clear, or neither: there are
too few rows to tell (a value of NaN, a status of insufficient data), or the value lies between the level and the separate level to
clear at. What is neither does not fire, and does not let a firing alert resolve: not knowing is not good news. So an alert is over
when no part breaches and each part that breached while it fired has been seen clear since.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from driftline_core.alerts.catalogue import DATA_QUALITY, DRIFT_EVENTS, LOSSES, NO_DATA, QUALITY_ABOVE, SHARES
from driftline_core.alerts.observation import ColumnView, Observation
from driftline_core.alerts.rules import Rule
from driftline_core.drift import Status
from driftline_core.panes import MINUTE_US
from driftline_core.schema import Role

# After a start clients connect again, and send what they kept, within this.
SETTLING_US = MINUTE_US


@dataclass(frozen=True, slots=True)
class Evidence:
    """One value that breaches, and the level it breaches; the column is empty where it is the endpoint's. `status` is drift's."""

    column: str
    metric: str
    value: float
    level: float | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of an observation, for one alert: the endpoint's (`column` empty) or a column's.

    breaching  what breaches, the worst first
    unclear    parts that neither breach nor are clear
    value      of the worst part; NaN where nothing is known
    tick       of the observation
    """

    column: str
    breaching: tuple[Evidence, ...]
    unclear: frozenset[str]
    value: float
    tick: int
    start_us: int = 0
    end_us: int = 0

    @property
    def parts(self) -> frozenset[str]:
        """The parts that breach."""
        return frozenset(each.column for each in self.breaching)


class _Side(Enum):
    BREACHING = 0
    UNCLEAR = 1
    CLEAR = 2


@dataclass(frozen=True, slots=True)
class _Reading:
    """One value of a part. `excess` is how bad it is, comparable within a rule."""

    part: str
    side: _Side
    excess: float
    evidence: Evidence


def evaluate(rule: Rule, seen: Observation) -> tuple[Verdict, ...]:
    """A verdict for each alert the rule has on this endpoint; none where the observation does not show what the rule asks.

    >>> slow = Rule("slow", metric="latency_p99", above=0.2)
    >>> evaluate(slow, Observation("m", 0, window_us=slow.window_us, metrics={"latency_p99": 0.3}))[0].value
    0.3
    """
    if rule.event == NO_DATA:
        return (_silence(rule, seen),)
    if seen.window_us is None or not rule.watches(seen.endpoint):
        return ()
    if rule.event in DRIFT_EVENTS:
        readings = _drift(rule, seen)
    elif rule.event == DATA_QUALITY:
        readings = [_quality(rule, view, share) for view in _views(rule, seen) for share in SHARES]
    elif rule.is_of_columns:
        readings = [_metric(rule, view.name, view.metrics.get(rule.metric, math.nan)) for view in _views(rule, seen)]
    else:
        readings = [_since_start(_metric(rule, "", seen.metrics.get(rule.metric, math.nan)), rule, seen)]
    if not rule.column:
        return (_verdict(rule, "", readings, seen),)
    parts = dict.fromkeys(each.part for each in readings)
    return tuple(_verdict(rule, part, [each for each in readings if each.part == part], seen) for part in parts)


def _verdict(rule: Rule, column: str, readings: list[_Reading], seen: Observation) -> Verdict:
    ranked = sorted(readings, key=lambda each: each.excess, reverse=True)
    breaching = tuple(each.evidence for each in ranked if each.side is _Side.BREACHING)
    at_fault = {each.column for each in breaching}
    unclear = frozenset(each.part for each in readings if each.side is _Side.UNCLEAR and each.part not in at_fault)
    known = breaching or tuple(each.evidence for each in ranked if not math.isnan(each.evidence.value))
    value = known[0].value if known else math.nan
    start_us, end_us = (seen.at_us - rule.window_us, seen.at_us) if rule.is_by_clock else (seen.start_us, seen.end_us)
    return Verdict(column, breaching, unclear, value, seen.tick, start_us, end_us)


def _silence(rule: Rule, seen: Observation) -> Verdict:
    """No row for the window. Just after a start it is not known: rows that waited elsewhere are given a minute to come."""
    is_silent, is_settled = seen.silent_us >= rule.window_us, seen.up_us >= min(rule.window_us, SETTLING_US)
    silent_s = seen.silent_us / 1e6
    breaching = (Evidence("", "silent_seconds", silent_s, rule.window_us / 1e6),) if is_silent and is_settled else ()
    unclear = frozenset({""}) if is_silent and not is_settled else frozenset()
    return Verdict("", breaching, unclear, silent_s, seen.tick, seen.at_us - seen.silent_us, seen.at_us)


def _views(rule: Rule, seen: Observation) -> Iterable[ColumnView]:
    """The columns a rule looks at: those it names, else all but labels, which come late and are of no model's making."""
    return [view for view in seen.columns if (rule.watches_column(view.name) if rule.column else view.role is not Role.LABEL)]


_LEVEL = {Status.NO_DETECTION: 0, Status.POTENTIAL: 1, Status.DETECTED: 2}


def _drift(rule: Rule, seen: Observation) -> list[_Reading]:
    """Statuses of the columns; where the rule names none the mean's too, at fault when no column accounts for the report's."""
    views = [view for view in _views(rule, seen) if view.status is not None]
    readings = [_status(rule, view.name, view.status, view.metrics.get("drift", math.nan)) for view in views]
    if rule.column:
        return readings
    breaching = any(each.side is _Side.BREACHING for each in readings)
    is_known = any(each.side is not _Side.UNCLEAR for each in readings)
    status = seen.status
    if breaching or (status is Status.INSUFFICIENT_DATA and is_known):
        return readings
    return [*readings, _status(rule, "", status, seen.metrics.get("drift", math.nan))]


def _status(rule: Rule, part: str, status: Status | None, value: float) -> _Reading:
    least = _LEVEL[Status.DETECTED if rule.event == "data-drift-detected" else Status.POTENTIAL]
    level = _LEVEL.get(status or Status.INSUFFICIENT_DATA)
    if level is None:
        return _Reading(part, _Side.UNCLEAR, -math.inf, Evidence(part, "drift", value, None, str(status or "")))
    side = _Side.BREACHING if level >= least else _Side.CLEAR
    excess = float(level) if math.isnan(value) else level + value
    return _Reading(part, side, excess, Evidence(part, "drift", value, None, str(status or "")))


def _quality(rule: Rule, view: ColumnView, share: str) -> _Reading:
    """A share against the reference's."""
    above = QUALITY_ABOVE if rule.above is None else rule.above
    value, usual = view.metrics.get(share, math.nan), view.reference.get(share, 0.0)
    side = _side(value - usual, above=above, below=None, clear=rule.clear)
    excess = -math.inf if math.isnan(value) else value - usual
    return _Reading(view.name, side, excess, Evidence(view.name, share, value, usual + above))


def _metric(rule: Rule, part: str, value: float) -> _Reading:
    side = _side(value, above=rule.above, below=rule.below, clear=rule.clear)
    sign = 1 if rule.above is not None else -1
    level = rule.above if rule.above is not None else rule.below
    return _Reading(part, side, -math.inf if math.isnan(value) else sign * value, Evidence(part, rule.metric, value, level))


def _since_start(reading: _Reading, rule: Rule, seen: Observation) -> _Reading:
    """What is counted since the server's start may have been more before it: a rise that is too small says nothing yet."""
    is_whole = rule.metric not in LOSSES or seen.up_us >= rule.window_us
    is_enough = rule.above is not None and reading.side is _Side.BREACHING
    return reading if is_whole or is_enough else replace(reading, side=_Side.UNCLEAR)


def _side(value: float, *, above: float | None, below: float | None, clear: float | None) -> _Side:
    if math.isnan(value):
        return _Side.UNCLEAR
    if above is not None:
        if value > above:
            return _Side.BREACHING
        return _Side.CLEAR if clear is None or value <= clear else _Side.UNCLEAR
    assert below is not None
    if value < below:
        return _Side.BREACHING
    return _Side.CLEAR if clear is None or value >= clear else _Side.UNCLEAR
