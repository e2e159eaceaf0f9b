"""The board: many rules on many endpoints, the clock, restarts, what is stored, what is bounded."""

import json
from dataclasses import replace

import pytest
from tests.core.alerts.looking import ENDPOINT, HOUR, MINUTE, SECOND, columns, metric

from driftline_core.alerts import Board, Limits, Observation, Phase, Rule
from driftline_core.alerts.rules import Reset
from driftline_core.alerts.state import from_dict, to_dict
from driftline_core.errors import AlreadyExists, NotFound, ResourceExhausted

T0 = 1_700_000_000 * SECOND
SILENT = Rule("silent", event="no-data", window_us=10 * MINUTE)
SLOW = Rule("slow", metric="latency_p99", above=0.2)
NULLS = Rule("nulls", metric="null_share", above=0.5, column="*")


def arrival(at_us: int, *, silent_us: int = 0, tick: int = 0, endpoint: str = ENDPOINT) -> Observation:
    return Observation(endpoint, at_us, silent_us=silent_us, tick=tick)


def test_each_rule_is_evaluated_on_its_own_window() -> None:
    board = Board([SLOW, replace(SLOW, name="slow now", window_us=MINUTE), SILENT])
    assert board.windows(ENDPOINT) == {HOUR, MINUTE}
    assert board.clock_windows(ENDPOINT) == {None}
    assert [each.rule for each in board.evaluate(metric("latency_p99", 0.5, at_us=T0, window_us=MINUTE)).alerts] == ["slow now"]
    assert [each.rule for each in board.evaluate(metric("latency_p99", 0.5, at_us=T0)).alerts] == ["slow"]


def test_every_column_a_rule_names_has_an_alert_of_its_own_in_one_group() -> None:
    changes = Board([NULLS]).evaluate(columns("null_share", {"a": 0.9, "b": 0.9, "c": 0.1}, at_us=T0))
    assert [each.alert.column for each in changes.notifications] == ["a", "b"]
    assert len({each.alert.group for each in changes.notifications}) == 1
    assert len({each.alert.id for each in changes.notifications}) == 2


def test_a_column_that_is_gone_ends_its_alert() -> None:
    board = Board([NULLS])
    board.evaluate(columns("null_share", {"a": 0.9, "b": 0.9}, at_us=T0))
    changes = board.evaluate(columns("null_share", {"b": 0.9}, at_us=T0 + 1))
    assert [(each.alert.column, each.reason) for each in changes.notifications] == [("a", "its column is gone")]


@pytest.mark.parametrize("back_us", [0, HOUR])
def test_silence_is_told_on_time_though_the_clock_steps_back(back_us: int) -> None:
    board = Board([SILENT])
    board.evaluate(arrival(T0, tick=1))
    told = []
    for second in range(1, 700):
        at_us = T0 + second * SECOND - (back_us if second > 60 else 0)
        # What the engine says: since the last row that came, by the clock.
        told += [
            (second, each.is_firing) for each in board.evaluate(arrival(at_us, silent_us=max(0, at_us - T0), tick=1)).notifications
        ]
    (only,) = told
    assert only == (601 if back_us else 600, True)


@pytest.mark.parametrize(("name", "fires"), [("latency_p99", False), ("rows", True)])
def test_a_hold_is_broken_where_no_row_comes_for_the_window_but_for_a_metric_that_tells_of_that(name: str, fires: bool) -> None:
    board = Board([Rule("held", metric=name, above=0.2, window_us=10 * MINUTE, hold_us=10 * MINUTE)])
    board.evaluate(metric(name, 0.5, at_us=T0, tick=1, window_us=10 * MINUTE))
    told = [board.advance(T0 + second * SECOND).notifications for second in range(1, 1800)]
    assert any(told) is fires


@pytest.mark.parametrize(
    "edited",
    [replace(NULLS, column=""), replace(NULLS, column="b*"), replace(NULLS, endpoint="other/*")],
    ids=["of no column", "of others", "of other endpoints"],
)
def test_an_alert_that_its_rule_would_not_have_any_more_ends_after_a_start(edited: Rule) -> None:
    board = Board([NULLS])
    saved = board.evaluate(columns("null_share", {"a": 0.9}, at_us=T0)).states
    for rule, ends in ((NULLS, False), (edited, True)):
        again = Board([rule], [from_dict(json.loads(json.dumps(to_dict(state)))) for state in saved])
        changes = again.retain({ENDPOINT: 0}, T0 + 1)
        assert [each.is_firing for each in changes.notifications] == [False] * ends


def test_an_endpoint_created_again_owes_its_alerts_neither_events_nor_a_cooldown() -> None:
    rule = replace(SLOW, cooldown_us=HOUR)
    board = Board([rule])
    board.evaluate(metric("latency_p99", 0.5, at_us=T0, tick=9))
    board.add_silence("s", "*", rule="", duration_us=MINUTE, reason="", at_us=T0)
    assert not board.forget_endpoint(ENDPOINT, T0 + SECOND).notifications
    assert not board.evaluate(metric("latency_p99", 0.5, at_us=T0 + 2 * SECOND, tick=1)).notifications
    told = board.advance(T0 + 2 * MINUTE).notifications
    assert [each.is_firing for each in told] == [False, True]


def test_a_reset_silence_does_not_begin_anew_because_the_server_starts() -> None:
    rule = replace(SILENT, reset=Reset.MANUAL)
    board = Board([rule])
    (told,) = (
        board.evaluate(arrival(T0, silent_us=HOUR, tick=1)).notifications
        or board.evaluate(arrival(T0 + 2 * MINUTE, silent_us=HOUR, tick=1)).notifications
    )
    saved = board.reset(told.alert.id, T0 + 3 * MINUTE).states
    again = Board([rule], [from_dict(json.loads(json.dumps(to_dict(state)))) for state in saved])
    looks = [again.evaluate(arrival(T0 + HOUR + second * SECOND, silent_us=2 * HOUR, tick=1)) for second in range(0, 200, 10)]
    assert not any(look.notifications or look.transitions for look in looks)


def test_a_rise_that_is_too_small_so_soon_after_a_start_ends_nothing() -> None:
    rule = Rule("refused", metric="refused_rows", above=10, window_us=10 * MINUTE)
    board = Board([rule])
    saved = board.evaluate(metric("refused_rows", 50.0, at_us=T0, window_us=10 * MINUTE)).states
    again = Board([rule], [from_dict(json.loads(json.dumps(to_dict(state)))) for state in saved])
    ended = [
        minute
        for minute in range(20)
        if again.evaluate(metric("refused_rows", 0.0, at_us=T0 + minute * MINUTE, window_us=10 * MINUTE)).notifications
    ]
    assert ended == [10]


def test_rows_that_come_after_the_clock_stepped_back_end_the_silence() -> None:
    board = Board([SILENT])
    board.evaluate(arrival(T0, tick=1))
    told = [board.evaluate(arrival(T0 - HOUR + minute * MINUTE // 2, tick=1)).notifications for minute in range(21)]
    assert [bool(each) for each in told] == [False] * 20 + [True]
    # The engine's last arrival still lies ahead of the clock; that rows came is seen by the tick.
    (last,) = board.evaluate(arrival(T0 - HOUR + 11 * MINUTE, tick=2)).notifications
    assert not last.is_firing


def test_a_silence_while_the_server_was_away_is_not_told_before_rows_could_come() -> None:
    away = arrival(T0 + HOUR, silent_us=HOUR, tick=1)
    late, back = Board([SILENT]), Board([SILENT])
    told = [late.evaluate(replace(away, at_us=away.at_us + second * SECOND)).notifications for second in range(61)]
    assert [bool(each) for each in told] == [False] * 60 + [True]
    assert back.evaluate(away).notifications == ()
    assert not any(back.evaluate(arrival(T0 + HOUR + second * SECOND, tick=2)).transitions for second in range(1, 90))


def test_a_silence_that_was_told_is_not_over_because_the_server_starts() -> None:
    board = Board([SILENT])
    board.evaluate(arrival(T0, tick=1))
    (state,) = board.evaluate(arrival(T0 + HOUR, silent_us=HOUR, tick=1)).states
    again = Board([SILENT], [from_dict(to_dict(state))])
    for second in range(90):
        seen = arrival(T0 + 2 * HOUR + second * SECOND, silent_us=2 * HOUR + second * SECOND, tick=1)
        assert again.evaluate(seen).transitions == ()
    assert [each.is_firing for each in again.evaluate(arrival(T0 + 3 * HOUR, tick=2)).notifications] == [False]


def test_a_hold_is_broken_by_a_silence_while_the_alert_fires() -> None:
    rule = Rule("held", metric="null_share", above=0.5, window_us=MINUTE, hold_us=10 * SECOND)
    board, at_us = Board([rule]), 1_700_000_000 * SECOND
    seen = lambda tick: columns("null_share", {"a": 0.9}, at_us=at_us, tick=tick, window_us=MINUTE)  # noqa: E731
    board.evaluate(seen(1))
    at_us += 20 * SECOND
    (fired,) = board.advance(at_us).notifications
    at_us += 60 * SECOND
    board.advance(at_us)
    board.reset(fired.alert.id, at_us)
    assert not board.evaluate(seen(2)).notifications  # nobody knew for a while
    assert board.advance(at_us + 10 * SECOND).notifications


def test_time_alone_makes_due_what_is_held() -> None:
    board = Board([replace(SLOW, hold_us=10 * SECOND)])
    board.evaluate(metric("latency_p99", 0.5, at_us=T0))
    assert [bool(board.advance(T0 + second * SECOND).notifications) for second in (9, 10, 11)] == [False, True, False]


def test_after_a_restart_nothing_is_told_twice_and_nothing_before_it_is_seen_again() -> None:
    rule = replace(SLOW, cooldown_us=MINUTE)
    board, stored = Board([rule]), {}
    for changes in (
        board.evaluate(metric("latency_p99", 0.5, at_us=T0, tick=1)),
        board.evaluate(metric("latency_p99", 0.1, at_us=T0 + SECOND, tick=2)),
        board.evaluate(metric("latency_p99", 0.5, at_us=T0 + 2 * SECOND, tick=3)),
    ):
        stored |= {state.id: json.dumps(to_dict(state)) for state in changes.states}
    state = from_dict(json.loads(stored[next(iter(board.under_way()))]))
    assert (state.phase, state.is_owed) == (Phase.FIRING, True)
    again = Board([rule], [state])
    assert again.advance(T0 + HOUR).notifications == ()
    assert len(again.evaluate(metric("latency_p99", 0.5, at_us=T0 + HOUR, tick=3)).notifications) == 1


def test_what_has_not_changed_is_stored_once_a_minute() -> None:
    board = Board([SLOW])
    stored = [
        second
        for second in range(180)
        if board.evaluate(metric("latency_p99", 0.5, at_us=T0 + second * SECOND, tick=second)).states
    ]
    assert stored == [0, 60, 120]


def test_what_is_over_is_forgotten() -> None:
    board = Board([replace(SLOW, cooldown_us=MINUTE)])
    board.evaluate(metric("latency_p99", 0.5, at_us=T0))
    assert board.evaluate(metric("latency_p99", 0.1, at_us=T0 + 1)).forgotten == ()
    assert board.advance(T0 + MINUTE).forgotten == (("slow", ENDPOINT, ""),)
    assert not board.under_way()


def test_deleting_a_rule_or_an_endpoint_ends_its_alerts() -> None:
    for delete in (
        lambda board: board.remove_rule("slow", T0 + 1),
        lambda board: board.forget_endpoint(ENDPOINT, T0 + 1),
        lambda board: board.retain({}, T0 + 1),
    ):
        board = Board([SLOW])
        board.evaluate(metric("latency_p99", 0.5, at_us=T0))
        changes = delete(board)
        assert [each.is_firing for each in changes.notifications] == [False]
        assert changes.forgotten == (("slow", ENDPOINT, ""),)
        assert board.advance(T0 + HOUR).transitions == ()


def test_an_end_that_is_owed_outlives_its_rule() -> None:
    board = Board([SLOW])
    board.evaluate(metric("latency_p99", 0.5, at_us=T0))
    board.add_silence("s", "*", rule="", duration_us=MINUTE, reason="", at_us=T0)
    changes = board.remove_rule("slow", T0 + 1)
    assert (changes.notifications, changes.forgotten, len(changes.states)) == ((), (), 1)
    after = board.advance(T0 + MINUTE)
    assert ([each.reason for each in after.notifications], after.forgotten) == (
        ["its rule was deleted"],
        (("slow", ENDPOINT, ""),),
    )
    assert board.silences() == []


def test_names_are_unique_and_what_is_not_there_is_told() -> None:
    board = Board([SLOW])
    with pytest.raises(AlreadyExists, match="rule 'slow' exists; delete it first"):
        board.add_rule(SLOW)
    with pytest.raises(NotFound, match="no rule 'fast'; there are slow"):
        board.remove_rule("fast", T0)
    with pytest.raises(NotFound, match="no alert '0' is under way"):
        board.acknowledge("0", T0)
    with pytest.raises(NotFound, match="no silence 'x'"):
        board.remove_silence("x")


def test_a_board_is_bounded() -> None:
    board = Board([NULLS], limits=Limits(rules_max=1, silences_max=1, alerts_max=3))
    with pytest.raises(ResourceExhausted, match="keeps 1 rules"):
        board.add_rule(SLOW)
    board.add_silence("s", "*", rule="", duration_us=1, reason="", at_us=T0)
    with pytest.raises(ResourceExhausted, match="keeps 1 silences"):
        board.add_silence("t", "*", rule="", duration_us=1, reason="", at_us=T0)
    board.evaluate(columns("null_share", {f"c{i}": 0.9 for i in range(10)}, at_us=T0))
    assert (len(board.under_way()), board.overflow) == (3, 7)


def test_a_rule_deleted_and_written_again_begins_anew() -> None:
    board = Board([replace(SLOW, cooldown_us=HOUR)])
    board.evaluate(metric("latency_p99", 0.5, at_us=T0))
    board.remove_rule("slow", T0 + 1)
    board.add_rule(SLOW)
    assert [each.is_firing for each in board.evaluate(metric("latency_p99", 0.5, at_us=T0 + 2)).notifications] == [True]


@pytest.mark.parametrize("silenced", [False, True])
def test_a_rule_made_anew_begins_anew_though_the_end_of_the_old_one_waits(silenced: bool) -> None:
    usual = replace(SLOW, cooldown_us=HOUR)
    board = Board([usual])
    board.evaluate(metric("latency_p99", 0.5, at_us=T0, tick=1))
    if silenced:
        board.add_silence("s", "*", rule="", duration_us=4 * SECOND, reason="", at_us=T0)
    board.remove_rule("slow", T0 + SECOND)
    board.add_rule(usual)
    changes = [board.evaluate(metric("latency_p99", 0.5, at_us=T0 + 2 * SECOND, tick=1)), board.advance(T0 + 9 * SECOND)]
    assert sum(each.is_firing for change in changes for each in change.notifications) == 1


def test_silence_is_measured_from_the_start_and_not_from_the_first_rule() -> None:
    board = Board([])
    board.advance(T0)
    board.add_rule(SILENT)
    changes = board.evaluate(arrival(T0 + 11 * MINUTE, silent_us=11 * MINUTE, tick=1))
    assert [each.is_firing for each in changes.notifications] == [True]


@pytest.mark.parametrize("created_us", [T0 - 9, T0 - 3])
def test_an_alert_of_an_endpoint_that_was_created_anew_before_a_start_ends_with_it(created_us: int) -> None:
    usual = replace(SLOW, cooldown_us=HOUR)
    seen = replace(metric("latency_p99", 0.5, at_us=T0, tick=1), created_us=T0 - 9)
    saved = Board([usual]).evaluate(seen).states
    again = Board([usual], [from_dict(json.loads(json.dumps(to_dict(state)))) for state in saved])
    is_another = created_us != T0 - 9
    assert [each.is_firing for each in again.retain({ENDPOINT: created_us}, T0 + 1).notifications] == [False] * is_another
    changes = again.evaluate(replace(seen, created_us=created_us, at_us=T0 + 2))
    assert [each.is_firing for each in changes.notifications] == [True] * is_another
