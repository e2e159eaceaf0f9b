"""The life of an alert: inactive → pending → firing → acknowledged → resolved, one step at a time, each with its reason.

The one rule: a step is a function of the state, the rule, a verdict, the moment and the silences. What it asks to be told is told
once; the state remembers it, so that an evaluation after a restart finds nothing new to tell.

- An *event* is a breach on a tick not counted before; a tick behind the last one says that ticks begin anew, and is none.
  `criteria` asks for so many events, each valid for `within_us` after it was seen. Events are used up when the alert fires, and are
  not counted while it does.
- `hold`: breached at every evaluation for so long. Anything else breaks it, not knowing included (see `Board._known`).
- It clears when no part breaches, and each that did while it fired has been seen clear since (see `evaluation`); with
  `reset = "manual"` only by hand. After a reset the same data does not begin a new alert; new data does.
- `cooldown`: so long after a firing was told, no firing of this rule, endpoint and column is told. It is told at the end, if it
  still fires. An acknowledged alert is known, and is not told any more. A telling that went to nobody, since it was known or over
  before it was sent, or nobody was there, begins none (see `Board.take_back`).
- A resolve is told where the firing was, whatever the cooldown; while silenced it waits for the silence's end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from driftline_core.alerts.alert import ACTIVE, Notification, Phase, Transition, alert_id
from driftline_core.alerts.durations import duration_text
from driftline_core.alerts.evaluation import Verdict
from driftline_core.alerts.rules import Reset, Rule
from driftline_core.alerts.silences import Silence, is_silenced
from driftline_core.alerts.state import AlertState
from driftline_core.alerts.steady import Moment
from driftline_core.alerts.summary import default_template, listed, render, value_text
from driftline_core.errors import FailedPrecondition

EVIDENCE_MAX = 32


class Signal(Enum):
    """What can move an alert."""

    BREACHED = "breached"
    LAPSED = "not breached any more before it fired"
    DUE = "criteria and hold are met"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"
    RESET = "reset"
    CLOSED = "closed"


NEXT: dict[tuple[Phase, Signal], Phase] = {
    (Phase.INACTIVE, Signal.BREACHED): Phase.PENDING,
    (Phase.RESOLVED, Signal.BREACHED): Phase.PENDING,
    (Phase.PENDING, Signal.LAPSED): Phase.INACTIVE,
    (Phase.PENDING, Signal.CLOSED): Phase.INACTIVE,
    (Phase.PENDING, Signal.DUE): Phase.FIRING,
    (Phase.FIRING, Signal.ACKNOWLEDGED): Phase.ACKNOWLEDGED,
    **{(phase, signal): Phase.RESOLVED for phase in ACTIVE for signal in (Signal.CLEARED, Signal.RESET, Signal.CLOSED)},
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step did. `is_changed`: the state holds something that must not be lost (not merely a later `last_seen_us`)."""

    transitions: tuple[Transition, ...] = ()
    notifications: tuple[Notification, ...] = ()
    is_changed: bool = False


NOTHING = Outcome()


def step(state: AlertState, rule: Rule, verdict: Verdict, moment: Moment, silences: Iterable[Silence] = ()) -> Outcome:
    """Takes in one verdict. The same verdict again lets only time pass: no event is counted twice."""
    before = _kept(state)
    is_event = _count(state, rule, verdict, moment)
    transitions = []
    while (signal := _signal(state, rule, verdict, moment)) is not None:
        transitions.append(_move(state, signal, moment, _reason(signal, rule, verdict)))
        if state.phase is Phase.PENDING:
            _begin(state, rule, verdict, moment)
            transitions[-1] = replace(transitions[-1], alert_id=state.id)
    if verdict.breaching and state.phase is not Phase.RESOLVED:
        _see(state, rule, verdict, moment)
    notifications = settle(state, rule, moment, silences)
    is_changed = bool(transitions or notifications or is_event) or before != _kept(state)
    return Outcome(tuple(transitions), notifications, is_changed)


def acknowledge(state: AlertState, moment: Moment) -> Outcome:
    """Somebody has seen it. Raises FailedPrecondition where it is not firing; once more changes nothing."""
    if state.phase is Phase.ACKNOWLEDGED:
        return NOTHING
    if state.phase is not Phase.FIRING:
        raise FailedPrecondition(f"alert {state.id} is {state.phase}; only one that fires can be acknowledged", field="id")
    return Outcome((_move(state, Signal.ACKNOWLEDGED, moment, "acknowledged"),), (), is_changed=True)


def reset(state: AlertState, moment: Moment, silences: Iterable[Silence] = ()) -> Outcome:
    """Ends it by hand. Raises FailedPrecondition where it is not firing; once more changes nothing."""
    if state.phase is Phase.RESOLVED:
        return NOTHING
    if state.phase not in ACTIVE:
        raise FailedPrecondition(f"alert {state.id} is {state.phase}; only one that fires can be reset", field="id")
    transition = _move(state, Signal.RESET, moment, "reset by hand")
    state.is_reset = True
    return Outcome((transition,), settle(state, None, moment, silences), is_changed=True)


def close(state: AlertState, moment: Moment, reason: str, silences: Iterable[Silence] = ()) -> Outcome:
    """Ends whatever is under way, because the rule, the endpoint or the column is gone."""
    state.events, state.steady_breached_us, state.is_reset = [], None, False
    if (state.phase, Signal.CLOSED) not in NEXT:
        return NOTHING
    transition = _move(state, Signal.CLOSED, moment, reason)
    return Outcome((transition,), settle(state, None, moment, silences), is_changed=True)


def settle(state: AlertState, rule: Rule | None, moment: Moment, silences: Iterable[Silence]) -> tuple[Notification, ...]:
    """What is owed and may now be told; `rule` None: nothing but a resolve."""
    if not (state.is_owed or state.owed_resolve) or is_silenced(silences, state.rule, state.endpoint, moment.steady_us):
        return ()
    told: list[Notification] = []
    if state.owed_resolve:
        told.append(replace(state.owed_resolve, at_us=moment.at_us))
        state.owed_resolve = None
    if state.is_owed and rule is not None and not _is_cooling(state, rule, moment):
        told.append(Notification(state.alert(), moment.at_us, f"firing: {state.event}"))
        state.is_owed, state.is_told = False, True
        state.steady_told_us, state.told_id = moment.steady_us, state.id
    return tuple(told)


def is_idle(state: AlertState, rule: Rule | None, moment: Moment) -> bool:
    """Whether the state can be forgotten: a new one would do the same from here on. A rule that is gone is None."""
    if rule is None:
        return state.owed_resolve is None
    return (
        state.phase in (Phase.INACTIVE, Phase.RESOLVED)
        and not (state.events or state.is_reset or state.owed_resolve)
        and state.steady_breached_us is None
        and (state.steady_onset_us is None or state.steady_onset_us < moment.steady_us)  # else the next would have its id
        and not _is_cooling(state, rule, moment)
    )


def _count(state: AlertState, rule: Rule, verdict: Verdict, moment: Moment) -> bool:
    """Takes in whether it is breached and since when; returns whether that is an event that counts."""
    state.open = verdict.parts | (state.open & verdict.unclear if state.phase in ACTIVE else frozenset())
    state.tick = min(state.tick, verdict.tick)  # behind it: what was counted was dropped by a repair, and the count begins anew
    within_us = rule.criteria.within_us
    state.events = [at_us for at_us in state.events if moment.steady_us - at_us < within_us]
    if not verdict.breaching:
        state.steady_breached_us, state.is_reset = None, state.is_reset and bool(verdict.unclear)
        return False
    if state.steady_breached_us is None:
        state.steady_breached_us = moment.steady_us
    if verdict.tick <= state.tick:
        return False
    state.tick, state.is_reset = verdict.tick, False
    if rule.criteria.count == 1 or state.phase in ACTIVE:
        return False
    state.events = [*state.events, moment.steady_us][-rule.criteria.count :]
    return True


def _signal(state: AlertState, rule: Rule, verdict: Verdict, moment: Moment) -> Signal | None:
    """What the state has come to; None where it stays as it is."""
    is_breached = bool(verdict.breaching)
    match state.phase:
        case Phase.INACTIVE | Phase.RESOLVED:
            return Signal.BREACHED if is_breached and not state.is_reset else None
        case Phase.PENDING:
            if is_breached:
                return Signal.DUE if _is_due(state, rule, moment) else None
            return None if state.events else Signal.LAPSED
    return Signal.CLEARED if not state.open and rule.reset is Reset.AUTO else None


def _is_due(state: AlertState, rule: Rule, moment: Moment) -> bool:
    assert state.steady_breached_us is not None
    is_held = moment.steady_us - state.steady_breached_us >= rule.hold_us
    return is_held and (rule.criteria.count == 1 or len(state.events) >= rule.criteria.count)


def _is_cooling(state: AlertState, rule: Rule, moment: Moment) -> bool:
    return state.steady_told_us is not None and moment.steady_us - state.steady_told_us < rule.cooldown_us


def _move(state: AlertState, signal: Signal, moment: Moment, reason: str) -> Transition:
    """Takes one step of the table."""
    before, state.phase = state.phase, NEXT[state.phase, signal]
    match state.phase:
        case Phase.FIRING:
            state.fired_us, state.is_owed, state.events = moment.at_us, True, []
        case Phase.ACKNOWLEDGED:
            state.acknowledged_us, state.is_owed = moment.at_us, False
        case Phase.RESOLVED:
            state.resolved_us, state.is_owed = moment.at_us, False
            if state.is_told:
                state.owed_resolve = Notification(state.alert(), moment.at_us, reason)
            state.is_told = False
    return Transition(state.id, before, state.phase, moment.at_us, reason)


def _begin(state: AlertState, rule: Rule, verdict: Verdict, moment: Moment) -> None:
    """A new alert, with an id of its own."""
    onset_us = moment.steady_us if state.steady_onset_us is None else max(moment.steady_us, state.steady_onset_us + 1)
    state.steady_onset_us = onset_us
    state.id = alert_id(rule.name, state.endpoint, state.column, onset_us)
    state.first_seen_us = moment.at_us
    state.fired_us = state.acknowledged_us = state.resolved_us = None
    state.is_told = state.is_owed = False
    _see(state, rule, verdict, moment)


def _see(state: AlertState, rule: Rule, verdict: Verdict, moment: Moment) -> None:
    """Keeps what the breach looks like now. Its event and severity are those with which it was told: receivers know it by them."""
    if state.phase not in ACTIVE:
        state.event, state.severity = rule.condition, str(rule.severity)
    state.receivers = rule.receivers
    state.value, state.evidence = verdict.value, verdict.breaching[:EVIDENCE_MAX]
    state.breaches = len(verdict.breaching)
    state.start_us, state.end_us, state.last_seen_us = verdict.start_us, verdict.end_us, moment.at_us
    columns = list(dict.fromkeys(each.column for each in verdict.breaching if each.column))
    values = {
        "rule": rule.name,
        "endpoint": state.endpoint,
        "column": state.column,
        "columns": listed(columns) or "the mean of the features",
        "event": rule.condition,
        "value": value_text(verdict.value),
        "severity": str(rule.severity),
        "window": duration_text(rule.window_us),
    }
    state.summary = render(rule.summary or default_template(rule.event, rule.metric, of_columns=rule.is_of_columns), values)


def _kept(state: AlertState) -> tuple[object, ...]:
    """What must not be lost, beside what a transition, a notification and an event change."""
    return state.open if state.phase in ACTIVE else None, state.is_reset, state.steady_breached_us is None


def _reason(signal: Signal, rule: Rule, verdict: Verdict) -> str:
    """Why it moved, with the value that moved it."""
    worst = verdict.breaching[0] if verdict.breaching else None
    of = f" of {worst.column}" if worst and worst.column else ""
    match signal:
        case Signal.BREACHED if worst:
            return f"{worst.metric}{of} is {worst.status or value_text(worst.value)}"
        case Signal.DUE:
            needs = [f"breached for {duration_text(rule.hold_us)}"] if rule.hold_us else []
            if rule.criteria.count > 1:
                needs.append(f"{rule.criteria.count} events within {duration_text(rule.criteria.within_us)}")
            return " and ".join(needs) or rule.condition
        case Signal.CLEARED:
            return "cleared"
    return str(signal.value)
