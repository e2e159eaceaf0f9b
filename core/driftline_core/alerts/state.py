"""What is remembered of a rule on an endpoint, or on a column of it; and the same as a plain JSON document, where NaN is null."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from driftline_core.alerts.alert import Alert, Notification, Phase
from driftline_core.alerts.evaluation import Evidence
from driftline_core.panes import FAR_PAST_US


@dataclass(slots=True)
class AlertState:
    """What is remembered of a rule on an endpoint, or on a column of it: its latest alert, and what was counted and told.

    Times named `…_us` alone are the clock's, those named `steady_…` are steady time.

    open           parts that breached while it fired and have not been seen clear since
    events         when the events that count were seen, the newest `count` of them
    tick           the newest tick that was counted as an event, or the one from which ticks began anew
    is_reset       reset by hand: the tick before is no reason for a new alert
    is_told        the firing of this alert was told
    is_owed        it fires and is to be told, when silence and cooldown allow
    owed_resolve   the resolve of an alert that was told, waiting for the end of a silence
    created_us     when its endpoint was created, which tells that from a later one of its name; 0: not known
    told_id        the alert whose firing was told last, at `steady_told_us`: None again where that went to nobody
    """

    rule: str
    endpoint: str
    column: str = ""
    phase: Phase = Phase.INACTIVE
    id: str = ""
    event: str = ""
    severity: str = ""
    receivers: tuple[str, ...] = ()
    summary: str = ""
    value: float = float("nan")
    evidence: tuple[Evidence, ...] = ()
    breaches: int = 0
    start_us: int = 0
    end_us: int = 0
    first_seen_us: int = 0
    last_seen_us: int = 0
    fired_us: int | None = None
    acknowledged_us: int | None = None
    resolved_us: int | None = None
    open: frozenset[str] = frozenset()
    events: list[int] = field(default_factory=list)
    tick: int = -1
    is_reset: bool = False
    is_told: bool = False
    is_owed: bool = False
    owed_resolve: Notification | None = None
    steady_onset_us: int | None = None
    steady_breached_us: int | None = None
    steady_told_us: int | None = None
    told_id: str = ""
    created_us: int = 0

    def newest_us(self) -> int:
        """The last steady time that it remembers."""
        times = (self.steady_onset_us, self.steady_breached_us, self.steady_told_us, *self.events)
        return max((each for each in times if each is not None), default=FAR_PAST_US)

    def alert(self) -> Alert:
        """The latest alert, as others see it."""
        return Alert(
            id=self.id,
            rule=self.rule,
            endpoint=self.endpoint,
            column=self.column,
            event=self.event,
            state=self.phase,
            severity=self.severity,
            value=self.value,
            evidence=self.evidence,
            breaches=self.breaches,
            start_us=self.start_us,
            end_us=self.end_us,
            first_seen_us=self.first_seen_us,
            last_seen_us=self.last_seen_us,
            fired_us=self.fired_us,
            acknowledged_us=self.acknowledged_us,
            resolved_us=self.resolved_us,
            summary=self.summary,
            receivers=self.receivers,
        )


def to_dict(state: AlertState) -> dict[str, Any]:
    """The document; `from_dict` gives the same state."""
    saved = {each.name: getattr(state, each.name) for each in fields(AlertState)}
    owed = state.owed_resolve
    return {
        **saved,
        "phase": str(state.phase),
        "value": _number(state.value),
        "evidence": [_evidence(each) for each in state.evidence],
        "open": sorted(state.open),
        "events": list(state.events),
        "receivers": list(state.receivers),
        "owed_resolve": None if owed is None else {"alert": alert_to_dict(owed.alert), "at_us": owed.at_us, "reason": owed.reason},
    }


def from_dict(saved: dict[str, Any]) -> AlertState:
    """The state of a document."""
    owed = saved["owed_resolve"]
    restored = {
        **saved,
        "phase": Phase(saved["phase"]),
        "value": _value(saved["value"]),
        "evidence": tuple(Evidence(**{**each, "value": _value(each["value"])}) for each in saved["evidence"]),
        "open": frozenset(saved["open"]),
        "events": list(saved["events"]),
        "receivers": tuple(saved["receivers"]),
        "owed_resolve": None
        if owed is None
        else Notification(alert_from_dict(owed["alert"]), at_us=owed["at_us"], reason=owed["reason"]),
    }
    return AlertState(**restored)


def alert_to_dict(alert: Alert) -> dict[str, Any]:
    """An alert as a plain document."""
    saved = {each.name: getattr(alert, each.name) for each in fields(Alert)}
    return {
        **saved,
        "state": str(alert.state),
        "value": _number(alert.value),
        "evidence": [_evidence(each) for each in alert.evidence],
        "receivers": list(alert.receivers),
    }


def alert_from_dict(saved: dict[str, Any]) -> Alert:
    """The alert of a document."""
    restored = {
        **saved,
        "state": Phase(saved["state"]),
        "value": _value(saved["value"]),
        "evidence": tuple(Evidence(**{**each, "value": _value(each["value"])}) for each in saved["evidence"]),
        "receivers": tuple(saved["receivers"]),
    }
    return Alert(**restored)


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {**asdict(evidence), "value": _number(evidence.value)}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _value(saved: float | None) -> float:
    return math.nan if saved is None else saved
