"""What a rule cannot mean: keys that do not go together, levels that nothing can pass."""

from collections.abc import Callable

from driftline_core.alerts import catalogue
from driftline_core.alerts.rules import Rule
from driftline_core.panes import DAY_US

PERIOD_MAX_US = 30 * DAY_US


def _has_level(rule: Rule) -> bool:
    return rule.above is not None or rule.below is not None


def _clears_on_wrong_side(rule: Rule) -> bool:
    above = catalogue.QUALITY_ABOVE if rule.event == catalogue.DATA_QUALITY and rule.above is None else rule.above
    if rule.clear is None:
        return False
    return rule.clear > above if above is not None else rule.below is not None and rule.clear < rule.below


def _is_up_to_one(rule: Rule) -> bool:
    return rule.metric in catalogue.UP_TO_ONE or rule.event == catalogue.DATA_QUALITY


def _clears_out_of_reach(rule: Rule) -> bool:
    """Nothing that a rule looks at is below 0, and shares and distances are at most 1."""
    if rule.clear is None:
        return False
    return rule.clear > 1 and _is_up_to_one(rule) if rule.below is not None else rule.clear < 0


# In this order, so that the first one found is the one to mend first.
CONTRADICTIONS: tuple[tuple[Callable[[Rule], bool], str, str], ...] = (
    (
        lambda rule: not rule.event and not rule.metric,
        "event",
        'is missing; say what to watch for: event = "data-drift-detected" or metric = "latency_p99"',
    ),
    (lambda rule: bool(rule.event and rule.metric), "metric", "stands beside event; keep one of them"),
    (lambda rule: rule.above is not None and rule.below is not None, "below", "stands beside above; keep one of them"),
    (
        lambda rule: bool(rule.metric) and not _has_level(rule),
        "above",
        "is missing; say above or below which level the metric must be",
    ),
    (
        lambda rule: rule.below is not None and bool(rule.event),
        "below",
        "does not go with an event; leave it out, or watch a metric",
    ),
    (
        lambda rule: rule.above is not None and rule.event not in ("", catalogue.DATA_QUALITY),
        "above",
        'does not go with this event; leave it out, or watch a metric such as "drift"',
    ),
    (
        lambda rule: rule.clear is not None and rule.event not in ("", catalogue.DATA_QUALITY),
        "clear",
        'does not go with this event; leave it out, or watch a metric such as "drift"',
    ),
    (
        lambda rule: rule.above is not None and rule.above >= 1 and _is_up_to_one(rule),
        "above",
        "can never be passed: shares, drift, tvd and hellinger are at most 1; write less",
    ),
    (
        lambda rule: rule.above is not None and rule.above < 0,
        "above",
        "is always passed: nothing is below 0; write 0 or more",
    ),
    (
        lambda rule: rule.below is not None and rule.below <= 0,
        "below",
        "can never be passed: nothing is below 0; write more than 0",
    ),
    (
        lambda rule: rule.below is not None and rule.below > 1 and _is_up_to_one(rule),
        "below",
        "is always passed: shares, drift, tvd and hellinger are at most 1; write 1 or less",
    ),
    (
        _clears_on_wrong_side,
        "clear",
        "is on the wrong side: at or below `above`, or at or above `below`, else it could never clear",
    ),
    (
        _clears_out_of_reach,
        "clear",
        "can never be reached: nothing is below 0, and shares, drift, tvd and hellinger are at most 1; write a level between",
    ),
    (
        lambda rule: bool(rule.column) and (rule.event == catalogue.NO_DATA or rule.metric not in ("", *catalogue.COLUMN_METRICS)),
        "column",
        "does not go with this: it is the endpoint's and not a column's; leave it out",
    ),
    (
        lambda rule: rule.event == catalogue.NO_DATA and rule.window_us > PERIOD_MAX_US,
        "window",
        "is impossible for no-data; it can be up to 30d",
    ),
    (
        lambda rule: rule.event == catalogue.NO_DATA and 0 < rule.criteria.within_us <= (rule.criteria.count - 1) * rule.window_us,
        "criteria.within",
        "can never be met: each silence is one event and takes a `window`; write more than (count - 1) times the window",
    ),
)
