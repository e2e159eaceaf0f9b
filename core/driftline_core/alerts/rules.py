"""What a rule is: a condition on some endpoints, and what is to happen when it holds. `parsing.parse` makes one and checks it."""

import fnmatch
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from driftline_core.alerts.catalogue import ENDPOINT_METRICS, LOSSES, NO_DATA
from driftline_core.alerts.durations import duration_text
from driftline_core.panes import HOUR_US


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Reset(StrEnum):
    """How an alert ends: by itself when the condition has cleared, or when somebody resets it."""

    AUTO = "auto"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Criteria:
    """How many events it takes, and within how long; each counts for `within_us` after it was seen."""

    count: int = 1
    within_us: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. It has an `event` or a `metric`, with `above` or `below`; empty text means: none.

    endpoint   canonical name or glob; `*` crosses `/`
    column     name or glob: each column that matches has an alert of its own; empty: one alert for the endpoint
    above      breached when the value is greater; for `data-quality` how far a share may exceed the reference's
    clear      the level at which a firing alert has cleared; None: as soon as it is no longer breached
    window_us  event time; for `no-data`, `refused_rows` and `dropped_rows` the server's
    hold_us    how long it must have been breached without a break, by the server's clock
    receivers  empty: the default ones
    """

    name: str
    endpoint: str = "*"
    event: str = ""
    metric: str = ""
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    window_us: int = HOUR_US
    column: str = ""
    criteria: Criteria = Criteria()
    hold_us: int = 0
    severity: Severity = Severity.WARNING
    cooldown_us: int = 0
    reset: Reset = Reset.AUTO
    summary: str = ""
    receivers: tuple[str, ...] = ()

    @property
    def condition(self) -> str:
        """The condition in few words: a kind of event, or a metric and its level.

        >>> Rule("slow", metric="latency_p99", above=0.2).condition
        'latency_p99 > 0.2'
        """
        if self.event:
            return self.event
        return f"{self.metric} > {self.above:g}" if self.above is not None else f"{self.metric} < {self.below:g}"

    @property
    def is_by_clock(self) -> bool:
        """Whether time alone can change the verdict, without a row arriving."""
        return self.event == NO_DATA or self.metric in LOSSES

    @property
    def is_held_by_rows(self) -> bool:
        """Whether its `hold` goes on only while rows come: what they say of the endpoint is not known when none do."""
        return self.hold_us > 0 and not self.is_by_clock and self.metric != "rows"

    @property
    def is_of_columns(self) -> bool:
        """Whether it looks at columns: those it names, or all."""
        return bool(self.column) or (self.event != NO_DATA and self.metric not in ENDPOINT_METRICS)

    def watches(self, endpoint: str) -> bool:
        """Whether it holds for an endpoint, given by its canonical name.

        >>> Rule("r", "shop/*").watches("shop/fraud/scorer:v3")
        True
        """
        return fnmatch.fnmatchcase(endpoint, self.endpoint)

    def watches_column(self, column: str) -> bool:
        """Whether it names a column; one that names none looks at all."""
        return not self.column or fnmatch.fnmatchcase(column, self.column)


def written(rule: Rule) -> dict[str, Any]:
    """The keys a rule could be written with; `parse(written(rule)) == rule`. What has its default is left out.

    >>> written(Rule("slow", metric="latency_p99", above=0.2, hold_us=600_000_000))
    {'name': 'slow', 'endpoint': '*', 'metric': 'latency_p99', 'above': 0.2, 'window': '1h', 'hold': '10m', 'severity': 'warning'}
    """
    criteria = {"count": rule.criteria.count, "within": duration_text(rule.criteria.within_us)}
    keys: dict[str, Any] = {
        "name": rule.name,
        "endpoint": rule.endpoint,
        "event": rule.event or None,
        "metric": rule.metric or None,
        "above": rule.above,
        "below": rule.below,
        "clear": rule.clear,
        "window": duration_text(rule.window_us),
        "column": rule.column or None,
        "criteria": criteria if rule.criteria.count > 1 else None,
        "hold": duration_text(rule.hold_us) if rule.hold_us else None,
        "severity": str(rule.severity),
        "cooldown": duration_text(rule.cooldown_us) if rule.cooldown_us else None,
        "reset": str(rule.reset) if rule.reset is not Reset.AUTO else None,
        "summary": rule.summary or None,
        "receivers": list(rule.receivers) or None,
    }
    return {key: value for key, value in keys.items() if value is not None}
