"""Verdicts: what breaches, what is clear, and what is neither."""

import math
from dataclasses import replace

import pytest
from tests.core.alerts.looking import ENDPOINT, HOUR, SECOND, columns, drift, metric

from driftline_core.alerts import Evidence, Observation, Rule, Verdict, evaluate
from driftline_core.alerts.observation import ColumnView
from driftline_core.drift import Status
from driftline_core.schema import Role

NO, MAYBE, YES, FEW = Status.NO_DETECTION, Status.POTENTIAL, Status.DETECTED, Status.INSUFFICIENT_DATA
DETECTED, SUSPECTED = Rule("d", event="data-drift-detected"), Rule("s", event="data-drift-suspected")


def one(rule: Rule, seen: Observation) -> Verdict:
    (verdict,) = evaluate(rule, seen)
    return verdict


@pytest.mark.parametrize(
    ("value", "breached", "clear"), [(0.2, False, True), (0.2001, True, False), (math.nan, False, False), (math.inf, True, False)]
)
def test_above_is_above_and_nan_is_neither(value: float, breached: bool, clear: bool) -> None:
    verdict = one(Rule("r", metric="latency_p99", above=0.2), metric("latency_p99", value))
    assert (bool(verdict.breaching), not verdict.breaching and not verdict.unclear) == (breached, clear)


@pytest.mark.parametrize(
    ("rule", "sides"),
    [
        (Rule("r", metric="rows", above=10, clear=5), {11: "b", 10: "n", 6: "n", 5: "c"}),
        (Rule("r", metric="rows", below=10, clear=15), {9: "b", 10: "n", 14: "n", 15: "c"}),
        (Rule("r", metric="rows", below=10), {9: "b", 10: "c"}),
    ],
)
def test_between_the_levels_is_neither(rule: Rule, sides: dict[float, str]) -> None:
    said = {}
    for value in sides:
        verdict = one(rule, metric("rows", value))
        said[value] = "b" if verdict.breaching else "n" if verdict.unclear else "c"
    assert said == sides


def test_a_metric_that_was_not_measured_is_not_known() -> None:
    assert one(Rule("r", metric="latency_p99", above=0.2), metric("latency_p50", 9)).unclear == {""}


@pytest.mark.parametrize(("status", "detected", "suspected"), [(NO, "c", "c"), (MAYBE, "c", "b"), (YES, "b", "b"), (FEW, "n", "n")])
def test_drift_events_fire_on_the_status_of_the_report(status: Status, detected: str, suspected: str) -> None:
    seen = drift(status, {"x": (status, 0.6), "y": (NO if status is not FEW else FEW, 0.1)}, mean=0.35)
    for rule, side in ((DETECTED, detected), (SUSPECTED, suspected)):
        verdict = one(rule, seen)
        assert ("b" if verdict.breaching else "n" if verdict.unclear else "c") == side


def test_a_drift_event_names_the_columns_the_worst_first() -> None:
    seen = drift(YES, {"a": (YES, 0.8), "b": (NO, 0.1), "c": (YES, 0.9), "d": (MAYBE, 0.6)}, mean=0.6)
    assert [(each.column, each.value, each.status) for each in one(DETECTED, seen).breaching] == [
        ("c", 0.9, "detected"),
        ("a", 0.8, "detected"),
    ]
    assert [each.column for each in one(SUSPECTED, seen).breaching] == ["c", "a", "d"]
    assert one(DETECTED, seen).value == 0.9


def test_where_only_the_mean_has_drifted_the_endpoint_itself_is_named() -> None:
    seen = drift(MAYBE, {"a": (NO, 0.45), "b": (NO, 0.55)}, mean=0.5)
    assert one(SUSPECTED, seen).breaching == (Evidence("", "drift", 0.5, None, "potential"),)


def test_one_column_with_too_few_rows_leaves_the_others_known() -> None:
    seen = drift(FEW, {"a": (NO, 0.1), "rare": (FEW, math.nan)}, mean=0.1)
    assert one(DETECTED, seen).unclear == {"rare"}


def test_a_label_does_not_drift_and_is_not_asked() -> None:
    seen = drift(NO, {"a": (NO, 0.1), "truth": (None, 0.9)}, mean=0.1)
    assert one(DETECTED, seen).value == 0.1
    assert one(Rule("t", metric="tvd", above=0.5), columns("tvd", {"a": 0.1})).value == 0.1


def test_a_rule_that_names_columns_has_a_verdict_for_each() -> None:
    seen = drift(YES, {"amount": (YES, 0.8), "amount_eur": (NO, 0.1), "country": (YES, 0.9)})
    said = evaluate(Rule("d", event="data-drift-detected", column="amount*"), seen)
    assert [(each.column, bool(each.breaching)) for each in said] == [("amount", True), ("amount_eur", False)]
    assert evaluate(Rule("d", event="data-drift-detected", column="zip"), seen) == ()


def test_a_column_metric_without_a_column_is_the_worst_columns() -> None:
    seen = columns("null_share", {"a": 0.3, "b": 0.7, "c": 0.1, "d": math.nan})
    verdict = one(Rule("r", metric="null_share", above=0.2), seen)
    assert [each.column for each in verdict.breaching] == ["b", "a"]
    assert (verdict.value, verdict.unclear) == (0.7, {"d"})
    low = one(Rule("r", metric="null_share", below=0.2), seen)
    assert ([each.column for each in low.breaching], low.value) == (["c"], 0.1)


def quality(name: str, role: Role = Role.FEATURE, **shares: tuple[float, float]) -> ColumnView:
    return ColumnView(name, role, None, {k: now for k, (now, _) in shares.items()}, {k: usual for k, (_, usual) in shares.items()})


def test_data_quality_is_the_excess_over_the_reference() -> None:
    views = (
        quality("usual", null_share=(0.4, 0.35), missing_share=(0.0, 0.0), out_of_range_share=(0.0, 0.0), unseen_share=(0.0, 0.0)),
        quality("nulls", null_share=(0.46, 0.35), missing_share=(0.0, 0.0), out_of_range_share=(0.0, 0.0), unseen_share=(0.5, 0.0)),
        quality("gone", missing_share=(1.0, 0.0)),
        quality("truth", Role.LABEL, null_share=(1.0, 0.0)),
    )
    seen = Observation(ENDPOINT, 0, window_us=HOUR, status=NO, columns=views)
    verdict = one(Rule("q", event="data-quality"), seen)
    assert [(each.column, each.metric) for each in verdict.breaching] == [
        ("gone", "missing_share"),
        ("nulls", "unseen_share"),
        ("nulls", "null_share"),
    ]
    assert verdict.breaching[2].level == pytest.approx(0.45)
    assert verdict.unclear == set()
    assert [each.column for each in one(Rule("q", event="data-quality", above=0.6), seen).breaching] == ["gone"]


def test_silence_is_as_long_as_the_window() -> None:
    rule = Rule("n", event="no-data", window_us=10 * SECOND)
    said = [bool(one(rule, Observation(ENDPOINT, 0, silent_us=us)).breaching) for us in (0, 10 * SECOND - 1, 10 * SECOND)]
    assert said == [False, False, True]


def test_what_an_observation_does_not_show_has_no_verdict() -> None:
    arrival = Observation(ENDPOINT, 0, silent_us=5)
    assert evaluate(DETECTED, arrival) == ()
    assert evaluate(Rule("r", "other/*", metric="rows", above=1), metric("rows", 2)) == ()


def test_the_window_of_what_is_counted_by_the_clock_is_the_clock_s() -> None:
    seen = replace(metric("refused_rows", 9.0, at_us=HOUR), start_us=1, end_us=2, metrics={"refused_rows": 9.0, "drift": 0.9})
    refused = Rule("refused", metric="refused_rows", above=5)
    assert [(each.start_us, each.end_us) for each in evaluate(refused, seen)] == [(0, HOUR)]
    assert [(each.start_us, each.end_us) for each in evaluate(Rule("drift", metric="drift", above=0.5), seen)] == [(1, 2)]
