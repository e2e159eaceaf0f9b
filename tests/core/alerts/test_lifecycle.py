"""The life of an alert, told in examples; `test_model` is the law."""

import json
import math
from dataclasses import replace

import pytest
from tests.core.alerts.looking import ENDPOINT, HOUR, MINUTE, SECOND

from driftline_core.alerts import NEXT, AlertState, Criteria, Evidence, Phase, Rule, Silence, Verdict
from driftline_core.alerts.alert import alert_id
from driftline_core.alerts.lifecycle import EVIDENCE_MAX, Outcome, Signal, acknowledge, close, is_idle, reset, step
from driftline_core.alerts.rules import Severity
from driftline_core.alerts.state import from_dict, to_dict
from driftline_core.alerts.steady import Moment
from driftline_core.errors import FailedPrecondition

RULE = Rule("nulls", metric="null_share", above=0.5, receivers=("ops",))
NIGHT = Silence("s", "shop/*", "", "quiet hours", 0, HOUR, HOUR)


def breach(tick: int = 0, value: float = 0.9) -> Verdict:
    return Verdict("", (Evidence("a", "null_share", value, 0.5),), frozenset(), value, tick)


def clear(tick: int = 0) -> Verdict:
    return Verdict("", (), frozenset(), 0.1, tick)


def at(seconds: float) -> Moment:
    return Moment(int(seconds * SECOND), int(seconds * SECOND))


def fired(rule: Rule = RULE) -> AlertState:
    state = AlertState(rule.name, ENDPOINT)
    step(state, rule, breach(), at(0))
    assert state.phase is Phase.FIRING
    return state


def phases(outcome: Outcome) -> list[Phase]:
    return [each.after for each in outcome.transitions]


def test_no_phase_is_a_dead_end_and_each_can_be_reached() -> None:
    reached = {after for (_, _), after in NEXT.items()}
    assert reached == set(Phase)
    assert {before for before, _ in NEXT} == set(Phase)


def test_an_alert_is_told_when_it_fires_and_when_it_resolves() -> None:
    state = AlertState("nulls", ENDPOINT)
    began = step(state, RULE, breach(), at(1))
    assert phases(began) == [Phase.PENDING, Phase.FIRING]
    assert [each.reason for each in began.transitions] == ["null_share of a is 0.9", "null_share > 0.5"]
    assert {each.alert_id for each in began.transitions} == {alert_id("nulls", ENDPOINT, "", SECOND)}
    (told,) = began.notifications
    assert (told.is_firing, told.key, told.alert.receivers) == (True, f"{state.id}-firing", ("ops",))
    assert told.alert.summary == f"null_share of a is 0.9 on {ENDPOINT}"
    assert step(state, RULE, breach(1), at(2)).notifications == ()
    (resolved,) = step(state, RULE, clear(2), at(3)).notifications
    assert (resolved.is_firing, resolved.key, resolved.at_us) == (False, f"{state.id}-resolved", 3 * SECOND)
    assert (resolved.alert.first_seen_us, resolved.alert.last_seen_us, resolved.alert.resolved_us) == (
        SECOND,
        2 * SECOND,
        3 * SECOND,
    )


def test_hold_is_broken_by_a_single_look_that_is_not_breached() -> None:
    rule, state = replace(RULE, hold_us=10 * SECOND), AlertState("nulls", ENDPOINT)
    assert phases(step(state, rule, breach(), at(0))) == [Phase.PENDING]
    assert phases(step(state, rule, clear(), at(9))) == [Phase.INACTIVE]
    assert phases(step(state, rule, breach(), at(10))) == [Phase.PENDING]
    assert phases(step(state, rule, breach(), at(19.9))) == []
    assert phases(step(state, rule, breach(), at(20))) == [Phase.FIRING]


def test_events_that_have_expired_do_not_count() -> None:
    rule = replace(RULE, criteria=Criteria(5, MINUTE))
    state = AlertState("nulls", ENDPOINT)
    for n in range(4):
        step(state, rule, breach(n), at(n))
    assert phases(step(state, rule, breach(4), at(63.5))) == []
    assert state.events == [63_500_000]


def test_the_same_data_is_one_event_however_often_it_is_looked_at() -> None:
    rule, state = replace(RULE, criteria=Criteria(2, HOUR)), AlertState("nulls", ENDPOINT)
    for n in range(10):
        assert Phase.FIRING not in phases(step(state, rule, breach(7), at(n)))
    assert phases(step(state, rule, breach(8), at(10))) == [Phase.FIRING]


def test_where_the_count_begins_anew_a_reset_is_lifted_by_the_next_new_data_and_not_by_the_old() -> None:
    state = fired()
    step(state, RULE, breach(6), at(1))
    reset(state, at(2))
    assert phases(step(state, RULE, breach(0), at(3))) == []  # what is stored of before, after a repair
    assert phases(step(state, RULE, breach(0), at(4))) == []
    assert phases(step(state, RULE, breach(1), at(5))) == [Phase.PENDING, Phase.FIRING]


def test_where_the_count_begins_anew_events_count_from_the_next_new_data_on() -> None:
    rule, state = replace(RULE, criteria=Criteria(3, HOUR)), AlertState("nulls", ENDPOINT)
    assert phases(step(state, rule, breach(6), at(0))) == [Phase.PENDING]
    assert phases(step(state, rule, clear(0), at(1))) == []
    assert phases(step(state, rule, breach(1), at(2))) == []
    assert phases(step(state, rule, breach(1), at(3))) == []
    assert phases(step(state, rule, breach(2), at(4))) == [Phase.FIRING]


def test_a_state_is_not_forgotten_in_the_moment_of_its_onset_so_that_no_two_alerts_have_one_id() -> None:
    state = fired()
    step(state, RULE, clear(1), at(0))
    assert not is_idle(state, RULE, at(0))
    assert is_idle(state, RULE, at(0.000001))


def test_cooldown_keeps_quiet_and_speaks_once_at_its_end_if_it_still_fires() -> None:
    rule = replace(RULE, cooldown_us=MINUTE)
    state = fired(rule)
    step(state, rule, clear(1), at(10))
    again = step(state, rule, breach(2), at(20))
    assert (phases(again), again.notifications) == ([Phase.PENDING, Phase.FIRING], ())
    assert step(state, rule, breach(2), at(59.9)).notifications == ()
    (told,) = step(state, rule, breach(2), at(60)).notifications
    assert told.alert.first_seen_us == 20 * SECOND
    assert step(state, rule, breach(2), at(200)).notifications == ()


def test_what_fires_and_clears_within_the_cooldown_is_never_told() -> None:
    rule = replace(RULE, cooldown_us=MINUTE)
    state = fired(rule)
    told = [step(state, rule, verdict, at(10 + n)) for n, verdict in enumerate((clear(1), breach(2), clear(3)))]
    assert [len(each.notifications) for each in told] == [1, 0, 0]
    assert step(state, rule, clear(3), at(100)).notifications == ()


def test_an_acknowledged_alert_is_told_no_more_but_its_end_is() -> None:
    state = fired()
    assert phases(acknowledge(state, at(1))) == [Phase.ACKNOWLEDGED]
    assert acknowledge(state, at(2)) == Outcome()
    (told,) = step(state, RULE, clear(1), at(3)).notifications
    assert not told.is_firing


def test_a_silence_keeps_quiet_and_what_still_fires_afterwards_is_told_then() -> None:
    state = AlertState("nulls", ENDPOINT)
    assert phases(began := step(state, RULE, breach(), at(0), [NIGHT])) == [Phase.PENDING, Phase.FIRING]
    assert began.notifications == ()
    (told,) = step(state, RULE, breach(), at(3600), [NIGHT]).notifications
    assert told.alert.fired_us == 0


def test_an_end_during_a_silence_is_told_after_it() -> None:
    state = fired()
    assert step(state, RULE, clear(1), at(5), [NIGHT]).notifications == ()
    assert step(state, RULE, breach(2), at(6), [NIGHT]).notifications == ()
    told = step(state, RULE, breach(2), at(3600), [NIGHT]).notifications
    assert [each.is_firing for each in told] == [False, True]
    assert told[0].alert.id != told[1].alert.id


def test_by_hand_only_where_the_rule_says_so() -> None:
    rule = replace(RULE, reset=type(RULE.reset).MANUAL)
    state = fired(rule)
    assert phases(step(state, rule, clear(1), at(1))) == []
    (told,) = reset(state, at(2)).notifications
    assert told.reason == "reset by hand"
    assert phases(step(state, rule, clear(1), at(3))) == []


def test_after_a_reset_the_same_data_is_no_news_and_new_data_is() -> None:
    state = fired()
    reset(state, at(1))
    assert phases(step(state, RULE, breach(0), at(2))) == []
    assert phases(step(state, RULE, breach(1), at(3))) == [Phase.PENDING, Phase.FIRING]


@pytest.mark.parametrize("do", [acknowledge, reset])
def test_what_does_not_fire_can_be_neither_acknowledged_nor_reset(do: object) -> None:
    state = AlertState("nulls", ENDPOINT)
    step(state, replace(RULE, hold_us=HOUR), breach(), at(0))
    with pytest.raises(FailedPrecondition, match=f"alert {state.id} is pending; only one that fires"):
        do(state, at(1))  # type: ignore[operator]


def test_what_is_gone_is_ended_and_its_end_told() -> None:
    state = fired()
    ended = close(state, at(1), "its endpoint was deleted")
    assert (phases(ended), ended.notifications[0].reason) == ([Phase.RESOLVED], "its endpoint was deleted")
    assert close(state, at(2), "again") == Outcome()


def test_not_knowing_neither_fires_nor_resolves() -> None:
    state, unknown = fired(), Verdict("", (), frozenset({"a"}), math.nan, 1)
    assert phases(step(state, RULE, unknown, at(1))) == []
    assert phases(step(AlertState("nulls", ENDPOINT), RULE, unknown, at(1))) == []
    assert phases(step(state, RULE, Verdict("", (), frozenset({"b"}), 0.1, 2), at(2))) == [Phase.RESOLVED]


def test_evidence_is_bounded_and_a_summary_too() -> None:
    many = tuple(Evidence(f"column_{i}" * 20, "drift", 0.9) for i in range(4000))
    state, rule = AlertState("d", ENDPOINT), Rule("d", event="data-drift-detected", summary="{columns}" * 50)
    step(state, rule, Verdict("", many, frozenset(), 0.9, 0), at(0))
    assert (len(state.evidence), state.breaches) == (EVIDENCE_MAX, 4000)
    assert len(state.summary) <= 1000


def test_a_state_survives_json() -> None:
    state = fired()
    step(state, RULE, clear(1), at(1), [NIGHT])
    step(state, RULE, replace(breach(2), value=math.nan), at(2), [NIGHT])
    assert state.owed_resolve is not None
    saved = json.dumps(to_dict(state), allow_nan=False)
    assert json.dumps(to_dict(from_dict(json.loads(saved)))) == saved
    fresh = fired()
    assert from_dict(json.loads(json.dumps(to_dict(fresh)))) == fresh


def test_signals_that_mean_nothing_in_a_phase_are_not_in_the_table() -> None:
    assert (Phase.RESOLVED, Signal.ACKNOWLEDGED) not in NEXT
    assert (Phase.INACTIVE, Signal.DUE) not in NEXT


def test_an_alert_is_known_by_what_it_fired_with_though_its_rule_is_another_now() -> None:
    state = fired()
    stricter = replace(RULE, above=0.7, severity=Severity.CRITICAL)
    step(state, stricter, breach(1), at(1))
    (ended,) = step(state, stricter, clear(2), at(2)).notifications
    assert (ended.alert.event, ended.alert.severity) == ("null_share > 0.5", "warning")
    (again,) = step(state, stricter, breach(3), at(3)).notifications
    assert (again.alert.event, again.alert.severity) == ("null_share > 0.7", "critical")
