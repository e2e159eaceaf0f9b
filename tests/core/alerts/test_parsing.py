"""Rules as written: what is taken, and how each bad thing is refused."""

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from driftline_core.alerts import COMPUTED, EVENTS, METRICS, TEMPLATES, Criteria, Rule, parse, parse_all, parse_kept, written
from driftline_core.alerts.catalogue import COLUMN_METRICS
from driftline_core.alerts.rules import Reset, Severity
from driftline_core.errors import InvalidInput

HOUR = 3_600_000_000
DRIFT = {"name": "d", "event": "data-drift-detected"}
SILENCE = {"name": "s", "event": "no-data", "window": "1h"}
SLOW = {"name": "s", "metric": "latency_p99", "above": 0.2}

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({**DRIFT, "name": ""}, "name", "is empty; give the rule a name"),
    ({"event": "data-drift-detected"}, "name", "is empty"),
    ({**DRIFT, "name": " d"}, "name", "begins or ends with a space"),
    ({**DRIFT, "name": "a\nb"}, "name", "control character"),
    ({**DRIFT, "name": "n" * 101}, "name", "at most 100"),
    ({**DRIFT, "name": 7}, "name", "is no text"),
    ({**DRIFT, "endpoint": "a//b"}, "endpoint", 'nor a glob such as "shop/*"'),
    ({**DRIFT, "endpoint": "../../etc"}, "endpoint", "nor a glob"),
    ({**DRIFT, "endpoint": ""}, "endpoint", "nor a glob"),
    ({**DRIFT, "endpoint": "*" * 301}, "endpoint", "at most 300"),
    ({"name": "d"}, "event", 'event = "data-drift-detected" or metric = "latency_p99"'),
    ({**DRIFT, "event": "data-drift-detcted"}, "event", "did you mean 'data-drift-detected'?"),
    ({**DRIFT, "event": "earthquake"}, "event", "there are data-drift-detected, data-drift-suspected, data-quality, no-data"),
    ({**DRIFT, "event": "concept-drift-detected"}, "event", "nothing computes concept-drift-detected yet"),
    ({**DRIFT, "event": "mm-app-failed"}, "event", "nothing computes mm-app-failed yet"),
    ({**DRIFT, **SLOW}, "metric", "stands beside event"),
    ({**SLOW, "metric": "latency_p95"}, "metric", "nothing computes 'latency_p95' yet; did you mean 'latency_p"),
    ({**SLOW, "metric": "accuracy"}, "metric", "nothing computes 'accuracy' yet"),
    ({"name": "s", "metric": "latency_p99"}, "above", "is missing; say above or below"),
    ({**SLOW, "below": 0.1}, "below", "keep one of them"),
    ({**SLOW, "above": "much"}, "above", "write a finite one, such as 0.2"),
    ({**SLOW, "above": math.nan}, "above", "is no number"),
    ({**SLOW, "above": math.inf}, "above", "is no number"),
    ({**SLOW, "above": True}, "above", "is no number"),
    ({**DRIFT, "above": 0.5}, "above", 'watch a metric such as "drift"'),
    ({**DRIFT, "below": 0.5}, "below", "does not go with an event"),
    ({**DRIFT, "clear": 0.5}, "clear", "does not go with this event"),
    ({**SLOW, "clear": 0.3}, "clear", "on the wrong side"),
    ({"name": "s", "metric": "rows", "below": 10, "clear": 5}, "clear", "on the wrong side"),
    ({"name": "q", "event": "data-quality", "clear": 0.2}, "clear", "on the wrong side"),
    ({"name": "q", "event": "data-quality", "above": 2}, "above", "can never be passed"),
    ({"name": "q", "metric": "null_share", "above": 1.5}, "above", "can never be passed"),
    ({"name": "q", "metric": "hellinger", "above": 1}, "above", "can never be passed"),
    ({"name": "q", "metric": "rows", "below": 0}, "below", "can never be passed: nothing is below 0; write more than 0"),
    ({"name": "q", "metric": "rows", "below": -5}, "below", "can never be passed"),
    ({"name": "q", "metric": "null_share", "below": 0}, "below", "can never be passed"),
    ({"name": "q", "metric": "null_share", "below": 1.5}, "below", "is always passed"),
    ({"name": "q", "metric": "drift", "above": -1}, "above", "is always passed: nothing is below 0; write 0 or more"),
    ({"name": "q", "metric": "null_share", "above": -0.5}, "above", "is always passed"),
    ({"name": "q", "metric": "kld", "above": -0.5}, "above", "is always passed"),
    ({"name": "q", "metric": "refused_rows", "above": -1}, "above", "is always passed"),
    ({**SLOW, "above": -1}, "above", "is always passed"),
    ({**SLOW, "above": -1, "clear": -2}, "above", "is always passed"),
    ({"name": "q", "event": "data-quality", "above": -0.1}, "above", "is always passed"),
    ({"name": "q", "event": "data-quality", "clear": -0.1}, "clear", "can never be reached"),
    ({**SLOW, "clear": -1}, "clear", "can never be reached: nothing is below 0"),
    ({"name": "q", "metric": "hellinger", "below": 0.5, "clear": 1.5}, "clear", "drift, tvd and hellinger are at most 1"),
    ({**DRIFT, "window": "0s"}, "window", "is impossible; it can be from 1s to 400d"),
    ({**DRIFT, "window": -5}, "window", "is impossible"),
    ({**DRIFT, "window": "401d"}, "window", "is impossible"),
    ({**DRIFT, "window": "soon"}, "window", 'is no duration; write "30s"'),
    ({**DRIFT, "window": "1h1h"}, "window", "'1h1h' has h twice; write each unit once, as 1h30m"),
    ({**DRIFT, "hold": "1m30s1m"}, "hold", "has m twice"),
    ({**DRIFT, "window": "1" * 400 + "h"}, "window", "is no duration"),
    ({**DRIFT, "window": math.nan}, "window", "is no duration"),
    ({**DRIFT, "window": True}, "window", "is no duration"),
    ({**DRIFT, "window": ["1h"]}, "window", "is no duration"),
    ({"name": "n", "event": "no-data", "window": "31d"}, "window", "up to 30d"),
    ({**SILENCE, "criteria": {"count": 3, "within": "2h"}}, "criteria.within", "can never be met: each silence is one event"),
    ({**DRIFT, "hold": "31d"}, "hold", "from 0s to 30d"),
    ({**DRIFT, "cooldown": "-1s"}, "cooldown", "is no duration"),
    ({**DRIFT, "cooldown": timedelta(days=31)}, "cooldown", "is impossible"),
    ({**DRIFT, "criteria": 3}, "criteria", 'write { count = 3, within = "1h" }'),
    ({**DRIFT, "criteria": {"within": "1h"}}, "criteria", "count = 3"),
    ({**DRIFT, "criteria": {"count": 3, "period": "1h"}}, "criteria", "count = 3"),
    ({**DRIFT, "criteria": {"count": 0, "within": "1h"}}, "criteria.count", "from 1 to 1000"),
    ({**DRIFT, "criteria": {"count": 1.5, "within": "1h"}}, "criteria.count", "whole number"),
    ({**DRIFT, "criteria": {"count": True, "within": "1h"}}, "criteria.count", "whole number"),
    ({**DRIFT, "criteria": {"count": 1001, "within": "1h"}}, "criteria.count", "from 1 to 1000"),
    ({**DRIFT, "criteria": {"count": 3}}, "criteria.within", "is missing"),
    ({**DRIFT, "criteria": {"count": 3, "within": "0s"}}, "criteria.within", "is impossible"),
    ({**DRIFT, "criteria": {"count": 3, "within": "31d"}}, "criteria.within", "is impossible"),
    ({**DRIFT, "severity": "high"}, "severity", "none of info, warning, critical"),
    ({**DRIFT, "severity": 2}, "severity", "none of info"),
    ({**DRIFT, "severity": ["info"]}, "severity", "none of info"),
    ({**DRIFT, "reset": "never"}, "reset", "none of auto, manual"),
    ({**DRIFT, "summary": "{{7*7}}"}, "summary", "only these are filled in"),
    ({**DRIFT, "summary": "{0.__class__}"}, "summary", "a brace that is none of {rule}, {endpoint}"),
    ({**DRIFT, "summary": "{endpoint!r}"}, "summary", "a brace"),
    ({**DRIFT, "summary": "{value:>1000000000}"}, "summary", "a brace"),
    ({**DRIFT, "summary": "{password}"}, "summary", "a brace"),
    ({**DRIFT, "summary": "x" * 501}, "summary", "at most 500"),
    ({**DRIFT, "summary": "a\r\nBcc: x"}, "summary", "control character"),
    ({**DRIFT, "receivers": "ops"}, "receivers", 'write ["ops"]'),
    ({**DRIFT, "receivers": [7]}, "receivers", 'write ["ops"]'),
    ({**DRIFT, "receivers": [["ops"]]}, "receivers", 'write ["ops"]'),
    ({**DRIFT, "receivers": ["nobody"]}, "receivers", "no receiver 'nobody'; there are ops, pager"),
    ({**DRIFT, "receivers": [f"r{i}" for i in range(17)]}, "receivers", "can have 16"),
    ({"name": "n", "event": "no-data", "column": "x"}, "column", "it is the endpoint's and not a column's"),
    ({**SLOW, "column": "x"}, "column", "it is the endpoint's and not a column's"),
    ({**DRIFT, "column": "x" * 257}, "column", "longer than 256 bytes"),
    ({**DRIFT, "for": "10m"}, "for", "did you mean 'hold'?"),
    ({**DRIFT, "colum": "x"}, "colum", "did you mean 'column'?"),
    ({**DRIFT, "zzz": 1}, "zzz", "a rule has name, endpoint"),
    ({"template": "quake"}, "template", "none of drift-detected, drift-suspected, silence, latency"),
    ({"template": ["silence"]}, "template", "none of"),
    ({"template": "latency", "event": "no-data"}, "metric", "stands beside event"),
]


def test_more_events_than_are_looked_for_within_the_time_are_refused() -> None:
    within = {**DRIFT, "criteria": {"count": 3, "within": "2s"}}
    assert parse(within, evaluate_us=900_000).criteria.count == 3
    assert parse({**SILENCE, "criteria": {"count": 3, "within": "121m"}}).criteria.count == 3
    with pytest.raises(InvalidInput, match=r"at most every 1 s .evaluate_seconds., so 3 events take more than 2 s"):
        parse(within, evaluate_us=1_000_000)


@pytest.mark.parametrize(("given", "field", "told"), REFUSED, ids=[f"{field}-{i}" for i, (_, field, _) in enumerate(REFUSED)])
def test_every_bad_thing_is_refused_with_its_field_and_the_remedy(given: dict[str, Any], field: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse(given, receivers={"ops", "pager"})
    assert refusal.value.field == field
    assert told in refusal.value.reason
    assert refusal.value.reason.startswith((field, "a rule has no key"))
    assert len(refusal.value.reason) < 400


@pytest.mark.parametrize(
    "keys",
    [
        {"metric": "latency_p99", "above": 0},
        {"metric": "null_share", "above": 0, "clear": 0},
        {"metric": "null_share", "below": 1, "clear": 1},
        {"metric": "rows", "below": 5, "clear": 100},
        {"metric": "kld", "above": 7, "clear": 2},
        {"event": "data-quality", "above": 0},
        {"event": "data-quality", "clear": 0},
    ],
)
def test_a_level_at_the_edge_of_what_there_is_can_be_meant(keys: dict[str, Any]) -> None:
    assert written(parse({"name": "edge", **keys})).items() >= keys.items()


@pytest.mark.parametrize("keys", [{"above": -1.0}, {"above": 0.2, "clear": -1.0}, {"below": 0.0}])
def test_a_rule_that_was_kept_is_read_whatever_is_refused_since(keys: dict[str, Any]) -> None:
    kept = Rule("old", metric="latency_p99", **keys)
    assert parse_kept(written(kept)) == kept


def test_a_rule_in_full() -> None:
    given = {
        "name": "slow",
        "endpoint": "shop/*",
        "metric": "null_share",
        "above": 0.2,
        "clear": 0.1,
        "window": "10m",
        "column": "amount",
        "criteria": {"count": 3, "within": "1h"},
        "hold": "5m",
        "severity": "critical",
        "cooldown": "30m",
        "reset": "manual",
        "summary": "{column} of {endpoint} is {value}",
        "receivers": ["ops"],
    }
    assert parse(given, receivers={"ops"}) == Rule(
        "slow",
        "shop/*",
        metric="null_share",
        above=0.2,
        clear=0.1,
        window_us=HOUR // 6,
        column="amount",
        criteria=Criteria(3, HOUR),
        hold_us=HOUR // 12,
        severity=Severity.CRITICAL,
        cooldown_us=HOUR // 2,
        reset=Reset.MANUAL,
        summary="{column} of {endpoint} is {value}",
        receivers=("ops",),
    )


def test_defaults_are_quiet_and_wide() -> None:
    assert parse(DRIFT) == Rule("d", "*", "data-drift-detected", window_us=HOUR, severity=Severity.WARNING, reset=Reset.AUTO)


def test_a_short_name_of_an_endpoint_is_its_canonical_one() -> None:
    assert parse({**DRIFT, "endpoint": "shop/scorer"}).endpoint == "shop/default/scorer:latest"


def test_none_is_as_good_as_no_key() -> None:
    assert parse({**DRIFT, "metric": None, "above": None, "criteria": None, "template": None}) == parse(DRIFT)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_a_rule_in_one_line(name: str) -> None:
    assert parse({"template": name}).name == name
    assert parse({"template": name, "name": "mine", "window": "2h", "severity": "critical"}).window_us == 2 * HOUR


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_an_event_is_taken_or_refused_by_name(event: str) -> None:
    if event in COMPUTED:
        assert parse({"name": "e", "event": event}).event == event
    else:
        with pytest.raises(InvalidInput, match=f"nothing computes {event} yet"):
            parse({"name": "e", "event": event})


def test_rules_of_a_list_have_names_of_their_own() -> None:
    assert [rule.name for rule in parse_all([DRIFT, SLOW])] == ["d", "s"]
    with pytest.raises(InvalidInput, match=r"rules\[1\]: name 'd' stands twice; give each rule its own") as refusal:
        parse_all([DRIFT, DRIFT])
    assert refusal.value.field == "rules[1].name"
    for bad in ("rules", {"name": "d"}, ["d"], 7):
        with pytest.raises(InvalidInput, match=r"write each one under \[\[rules\]\]"):
            parse_all(bad)


PERIODS = st.integers(0, 30 * 86_400).map(lambda seconds: f"{seconds}s")
CONDITIONS = st.one_of(
    st.sampled_from([{"event": event} for event in sorted(COMPUTED)]),
    st.builds(lambda metric, above: {"metric": metric, "above": above}, st.sampled_from(sorted(METRICS)), st.floats(0, 0.99)),
    st.builds(lambda metric, below: {"metric": metric, "below": below}, st.sampled_from(sorted(METRICS)), st.floats(0.01, 1)),
    st.builds(
        lambda metric, column: {"metric": metric, "above": 0.9, "clear": 0.5, "column": column},
        st.sampled_from(sorted(COLUMN_METRICS)),
        st.sampled_from(["x", "x*", "größe"]),
    ),
)
RULES = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "input drift"]), "endpoint": st.sampled_from(["*", "shop/*", "scorer", "a/b/c:d"])},
    optional={
        "hold": PERIODS,
        "cooldown": PERIODS,
        "window": st.integers(1_000, 2_592_000_000).map(lambda ms: f"{ms}ms"),
        "severity": st.sampled_from(list(Severity)),
        "reset": st.sampled_from(list(Reset)),
        "criteria": st.builds(lambda count, within: {"count": count, "within": within}, st.integers(1, 9), st.integers(1, 9)),
        "summary": st.sampled_from(["", "{endpoint} {value}"]),
        "receivers": st.lists(st.sampled_from(["ops", "pager"])),
    },
)


@given(RULES, CONDITIONS)
def test_a_rule_written_out_is_read_as_the_same_rule(keys: dict[str, Any], condition: dict[str, Any]) -> None:
    try:
        rule = parse({**keys, **condition})
    except InvalidInput as error:
        assume(error.field != "criteria.within")  # which windows of no-data may contradict
        raise
    assert parse(written(rule)) == rule


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())))
def test_nothing_but_a_refusal_comes_of_nonsense(keys: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        parse({**keys, "endpoint": 7})
