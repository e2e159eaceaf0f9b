"""Latency: quantiles within one percent of the ones a sort gives, however the rows came."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.building import NOW_US, feed

from driftline_core.engine import Engine, Span
from driftline_core.latency import QUANTILES, latency_quantile
from driftline_core.query import drift_report
from driftline_core.reference import Reference, build_reference
from driftline_core.roles import resolve
from driftline_core.schema import EndpointSpec

TABLE = pa.table({"x": [0.0, 1.0]})
SPEC = EndpointSpec("m")
HOUR = Span(window_us=3_600_000_000)


def reference() -> Reference:
    columns, _ = resolve(SPEC, TABLE.schema)
    return build_reference(TABLE.to_batches(), columns, SPEC.bins, version=1, latency="latency")


def quantiles(parts: list[np.ndarray]) -> dict[str, float]:
    made = reference()
    engine = Engine()
    engine.create("u", made)
    for part in parts:
        feed(engine, "u", made, [pa.record_batch({"x": np.zeros(len(part)), "latency": part})])
    window = engine.window("u", HOUR, NOW_US)
    return {name: latency_quantile(window.profile, made.layout, share) for name, share in QUANTILES.items()}


@pytest.mark.parametrize("scale", [1e-5, 3e-3, 2.0, 400.0])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), rows=st.integers(1, 3000), cut=st.integers(0, 3000))
def test_quantiles_are_within_one_percent(scale: float, seed: int, rows: int, cut: int) -> None:
    sample = np.random.default_rng(seed).lognormal(0, 0.3, rows) * scale
    found = quantiles([part for part in (sample[:cut], sample[cut:]) if len(part)])
    for name, share in QUANTILES.items():
        true = np.quantile(sample, share, method="inverted_cdf")
        assert found[name] == pytest.approx(true, rel=0.01)


def test_latencies_out_of_range_are_the_extremes_that_were_seen() -> None:
    assert quantiles([np.array([1e-9, 1e-9, 5000.0])]) == {"latency_p50": 1e-9, "latency_p90": 5000.0, "latency_p99": 5000.0}


def test_no_latency_has_no_quantile_and_is_in_no_report() -> None:
    made = reference()
    engine = Engine()
    engine.create("u", made)
    feed(engine, "u", made, [pa.record_batch({"x": [0.0]})])
    window = engine.window("u", HOUR, NOW_US)
    assert np.isnan(latency_quantile(window.profile, made.layout, 0.5))
    assert [each.column.name for each in drift_report(window, SPEC).columns] == ["x"]
