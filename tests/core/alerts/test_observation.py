"""Observations made of what the engine counted."""

import numpy as np
import pyarrow as pa
import pytest
from tests.core.alerts.looking import HOUR, SECOND
from tests.core.building import ALL, NOW_US, feed, reference_of

from driftline_core.alerts import Observation, Rule, evaluate, observe, observe_arrival
from driftline_core.drift import Status
from driftline_core.engine import Engine
from driftline_core.query import drift_report
from driftline_core.schema import EndpointSpec

RNG = np.random.default_rng(3)
TABLE = pa.table(
    {
        "amount": [None if i % 10 == 0 else float(i % 97) for i in range(1000)],
        "country": RNG.choice(["DE", "FR"], 1000),
        "member": RNG.random(1000) < 0.5,
    }
)


def seen_of(stream: pa.Table, *, reference: pa.Table = TABLE, rows_min: int = 50) -> Observation:
    """What is seen of a stream that came at one moment."""
    spec, engine, made = EndpointSpec("m", rows_min=rows_min), Engine(), reference_of(reference)
    engine.create("u", made)
    feed(engine, "u", made, stream.to_batches())
    arrival = observe_arrival("m", engine.totals("u"), created_us=0, at_us=NOW_US + 7 * SECOND)
    report = drift_report(engine.window("u", ALL, NOW_US), spec)
    return observe(arrival, report, window_us=HOUR, rows_min=rows_min, metrics={"latency_p99": 0.1})


def test_shares_are_of_the_rows_that_came() -> None:
    stream = pa.table(
        {
            "amount": [None] * 50 + [-5.0] * 20 + [500.0] * 20 + [1.0] * 10,
            "country": ["IT"] * 25 + ["DE"] * 75,
            "member": [None] * 10 + [True] * 90,
        }
    )
    amount, country, member = seen_of(stream).columns
    assert (amount.metrics["null_share"], amount.metrics["out_of_range_share"], amount.metrics["missing_share"]) == (0.5, 0.4, 0)
    assert (amount.reference["null_share"], amount.reference["out_of_range_share"]) == (0.1, 0)
    assert (country.metrics["unseen_share"], country.metrics["null_share"]) == (0.25, 0)
    assert (member.metrics["null_share"], member.metrics["out_of_range_share"], member.metrics["unseen_share"]) == (0.1, 0, 0)
    assert all(set(view.metrics) >= {"drift", "tvd", "hellinger", "kld", "rows"} for view in (amount, country, member))


def test_the_same_data_as_the_reference_is_clear_of_everything() -> None:
    seen = seen_of(TABLE)
    for rule in (Rule("q", event="data-quality", above=0.0), Rule("d", event="data-drift-suspected")):
        (verdict,) = evaluate(rule, seen)
        assert (verdict.breaching, verdict.unclear) == ((), frozenset())


def test_a_column_that_stays_away_is_missing_and_nothing_else_is_known_of_it() -> None:
    seen = seen_of(TABLE.select(["amount", "country"]))
    member = seen.columns[2]
    assert member.metrics == {"rows": 0, "missing_share": 1}
    (verdict,) = evaluate(Rule("q", event="data-quality"), seen)
    assert [(each.column, each.metric, each.value) for each in verdict.breaching] == [("member", "missing_share", 1.0)]


def test_few_rows_say_nothing() -> None:
    seen = seen_of(pa.table({"amount": [9e9] * 49, "country": ["IT"] * 49, "member": [None] * 49}))
    assert seen.status is Status.INSUFFICIENT_DATA
    for rule in (
        Rule("q", event="data-quality"),
        Rule("d", event="data-drift-detected"),
        Rule("m", metric="drift", above=0.01),
        Rule("t", metric="tvd", above=0.01),
    ):
        (verdict,) = evaluate(rule, seen)
        assert verdict.breaching == ()
        assert verdict.unclear
    assert evaluate(Rule("r", metric="rows", below=50), seen)[0].value == 49


def test_silence_counts_from_the_last_row_or_the_creation() -> None:
    engine, reference = Engine(), reference_of(TABLE)
    engine.create("u", reference)
    seen = observe_arrival("m", engine.totals("u"), created_us=NOW_US - 5, at_us=NOW_US)
    assert (seen.silent_us, seen.tick) == (5, 0)
    feed(engine, "u", reference, TABLE.to_batches(), at_us=NOW_US)
    seen = observe_arrival("m", engine.totals("u"), created_us=NOW_US - 5, at_us=NOW_US + 2)
    assert (seen.silent_us, seen.tick) == (2, 1)


def test_metrics_of_the_endpoint_stand_beside_those_measured_elsewhere() -> None:
    seen = seen_of(TABLE)
    assert seen.metrics == {"drift": pytest.approx(0), "rows": 1000, "latency_p99": 0.1}
