"""The page says of latency and of shares of rows what rules say of them."""

import pyarrow as pa
import pytest
from tests.core.building import window_of

from driftline_core.drift import Status
from driftline_core.latency import latency_quantile
from driftline_core.query import Report, drift_report
from driftline_core.reference import build_reference
from driftline_core.roles import resolve
from driftline_core.schema import EndpointSpec
from driftline_server.web.markup import element
from driftline_server.web.quality import SHARES_MAX, excesses, latency_of, quality_of

USUAL = pa.table({"amount": [float(i % 97) for i in range(1000)], "country": ["DE", "FR"] * 500, "member": [True, False] * 500})


def report_of(stream: pa.Table, reference: pa.Table = USUAL) -> Report:
    spec = EndpointSpec("m")
    columns, _ = resolve(spec, reference.schema)
    made = build_reference(reference.to_batches(), columns, spec.bins, version=1, latency="latency")
    return drift_report(window_of(made, stream.to_batches()), spec)


def test_shares_above_the_references_are_told_the_worst_first() -> None:
    stream = pa.table({"amount": [900.0] * 20 + [None] * 5 + [1.0] * 75, "country": ["IT"] * 40 + ["DE"] * 60})
    told = [(each.column, each.metric, each.current, each.reference) for each in excesses(report_of(stream))]
    assert told == [
        ("member", "missing_share", 1.0, 0.0),
        ("country", "unseen_share", 0.4, 0.0),
        ("amount", "out_of_range_share", 0.2, 0.0),
        ("amount", "null_share", 0.05, 0.0),
    ]


def test_what_is_as_in_the_reference_is_not_told() -> None:
    half = USUAL.set_column(0, "amount", pa.array([None, 1.0] * 500))
    assert quality_of(report_of(half, half)) == []
    assert [each.excess for each in excesses(report_of(half))] == [0.5]


def test_of_many_shares_the_worst_are_told() -> None:
    wide = pa.table({f"f{i}": [1.0, 2.0] for i in range(SHARES_MAX + 3)})
    text = element("main", *quality_of(report_of(pa.table({"f0": [1.0] * 100}), wide))).html
    assert text.count("missing: ") == SHARES_MAX
    assert f"The first {SHARES_MAX} of {SHARES_MAX + 2} shares" in text


def test_latency_is_what_a_rule_sees_and_is_told_where_it_was_logged() -> None:
    plain = report_of(USUAL)
    assert latency_of(plain.window) is None
    slow = report_of(USUAL.append_column("latency", pa.array([0.01] * 900 + [1.0] * 50 + [None] * 50)))
    seen = latency_quantile(slow.window.profile, slow.window.reference.layout, 0.99)
    assert seen == pytest.approx(1.0, rel=0.01)
    line = latency_of(slow.window)
    assert line is not None
    assert line.html.endswith(f"p99 {seen:.4g} s (of 950 rows that have one)</p>")
    assert slow.status is Status.NO_DETECTION
