"""Reports: what a window's counts say, and the verdict."""

import numpy as np
import pyarrow as pa
import pytest
from tests.core.building import reference_of, window_of

from driftline_core.drift import Status
from driftline_core.errors import InvalidInput, NotFound
from driftline_core.query import Report, drift_report, histogram
from driftline_core.schema import EndpointSpec, Thresholds

RNG = np.random.default_rng(5)
COLUMNS = {
    "normal": RNG.normal(size=4000),
    "flag": RNG.integers(0, 2, 4000),
    "classes": RNG.integers(0, 5, 4000),
    "constant": np.full(4000, 3.0),
    "nulls": [None if i % 3 else float(i) for i in range(4000)],
    "words": RNG.choice(["a", "b", "c"], 4000),
    "truth": RNG.random(4000) < 0.5,
}


def report(reference: pa.Table, stream: pa.Table, spec: EndpointSpec | None = None, convention: str = "") -> Report:
    spec = spec or EndpointSpec("m")
    return drift_report(window_of(reference_of(reference, spec), stream.to_batches()), spec, convention)


def test_a_sample_against_itself_has_no_drift_at_all() -> None:
    said = report(pa.table(COLUMNS), pa.table(COLUMNS))
    assert {c.column.name: (c.distances["tvd"], c.distances["hellinger"], c.drift) for c in said.columns} == dict.fromkeys(
        COLUMNS, (0, 0, 0)
    )
    assert (said.drift, said.status) == (0, Status.NO_DETECTION)


def test_one_broken_column_of_sixteen_decides_the_verdict_and_not_the_mean() -> None:
    table = pa.table({f"f{i}": RNG.normal(size=2000) for i in range(16)})
    broken = table.set_column(3, "f3", pa.array(np.full(2000, 99.0)))
    said = report(table, broken)
    assert said.drift == pytest.approx(1 / 16)
    assert [c.status for c in said.columns].count(Status.DETECTED) == 1
    assert said.status is Status.DETECTED
    assert report(table, broken, convention="mlrun").status is Status.NO_DETECTION


def test_few_rows_are_insufficient_and_none_have_no_distance() -> None:
    table = pa.table({"x": RNG.normal(size=2000)})
    few = report(table, table.slice(0, 49))
    assert (few.status, few.columns[0].status) == (Status.INSUFFICIENT_DATA,) * 2
    assert few.columns[0].drift > 0
    assert report(table, table.slice(0, 50)).status is not Status.INSUFFICIENT_DATA
    none = report(table, table.slice(0, 0))
    assert np.isnan(none.drift)
    assert np.isnan(none.columns[0].distances["tvd"])
    assert none.status is Status.INSUFFICIENT_DATA


def test_a_label_has_distances_and_no_status() -> None:
    table = pa.table({"x": RNG.normal(size=100), "y": RNG.integers(0, 2, 100)})
    shifted = table.set_column(1, "y", pa.array(np.zeros(100, int)))
    said = report(table, shifted, EndpointSpec("m", label="y"))
    assert [c.status for c in said.columns] == [Status.NO_DETECTION, None]
    assert said.columns[1].drift > 0
    assert (said.drift, said.status) == (0, Status.NO_DETECTION)


def test_thresholds_of_a_column_hold_for_that_column() -> None:
    table = pa.table({"x": RNG.normal(size=1000), "y": RNG.normal(size=1000)})
    moved = pa.table({"x": RNG.normal(size=1000) + 0.5, "y": RNG.normal(size=1000) + 0.5})
    said = report(table, moved, EndpointSpec("m", column_thresholds={"x": Thresholds(0.05, 0.1)}))
    assert [c.status for c in said.columns] == [Status.DETECTED, Status.NO_DETECTION]


def test_moments_are_those_of_the_finite_values() -> None:
    values = [1.0, 2.0, 4.0, None, np.nan, np.inf, 1e308]
    said = report(pa.table({"x": [10.0, 20.0]}), pa.table({"x": values}), EndpointSpec("m", rows_min=1)).columns[0]
    assert (said.moments.mean, said.moments.low, said.moments.high) == (pytest.approx(7 / 3), 1.0, np.inf)
    assert said.moments.std == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert (said.rows, said.nulls, said.below, said.above) == (7, 2, 3, 2)


def test_bins_of_a_category_called_other_are_told_from_the_guard() -> None:
    table = pa.table({"w": ["other", "other", "null", None, "x"]})
    stream = pa.table({"w": ["other", "new", None]})
    _, bins = histogram(window_of(reference_of(table), stream.to_batches()), "w")
    assert [(b.name, b.category, b.reference, b.current) for b in bins] == [
        ("0", "other", 2, 1),
        ("1", "null", 1, 0),
        ("2", "x", 1, 0),
        ("other", None, 0, 1),
        ("null", None, 1, 1),
    ]


def test_unknown_names_are_refused_by_name() -> None:
    window = window_of(reference_of(pa.table({"x": [1.0]})), [])
    with pytest.raises(NotFound, match="no column 'z'; there are x"):
        histogram(window, "z")
    with pytest.raises(InvalidInput, match="driftline, mlrun"):
        drift_report(window, EndpointSpec("m"), "evidently")
