"""Slots equal numpy's searchsorted for every float64, whichever way they are looked up."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.core.kernels.conftest import DISTRIBUTIONS, counts_by_numpy, extremes, quantile_edges, slots_by_numpy, tally

from driftline_core.kernels import Mode, Numeric, build_lookup

ROWS = 20_000
LARGEST = float(np.finfo(np.float64).max)


def counts_by_kernels(values, edges):
    return tally([Numeric(edges)], pa.record_batch({"0": values}))[0][0]


def slots_by_kernels(values, edges):
    """One value at a time, so that no error can hide behind another."""
    pieces = [(row, row + 1) for row in range(len(values))]
    batch = pa.record_batch({"0": values})
    return [tally([Numeric(edges)], batch, pieces=[piece])[0][0].index(1) for piece in pieces]


@pytest.mark.parametrize("bins", [1, 2, 20, 256, 1024, 4096])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_counts_of_a_distribution_and_of_its_extremes_equal_searchsorted(name, bins):
    rng = np.random.default_rng(bins)
    edges = quantile_edges(DISTRIBUTIONS[name](rng, ROWS), bins)
    for values in (DISTRIBUTIONS[name](rng, ROWS), extremes(edges), rng.normal(size=ROWS) * 10.0 ** rng.integers(-320, 307, ROWS)):
        assert counts_by_kernels(values, edges) == counts_by_numpy(values, edges).tolist()


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_uniform_bins_equal_searchsorted(name):
    rng = np.random.default_rng(5)
    values = DISTRIBUTIONS[name](rng, ROWS)
    edges = np.unique(np.linspace(values.min() / 2, values.max() / 2, 21)) * 2 if np.ptp(values / 2) else np.array([3.0, 4.0])
    assert counts_by_kernels(values, edges) == counts_by_numpy(values, edges).tolist()
    assert counts_by_kernels(extremes(edges), edges) == counts_by_numpy(extremes(edges), edges).tolist()


ANY_EDGES = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=40, unique=True).map(sorted)


@given(edges=ANY_EDGES, values=st.lists(st.floats(width=64), max_size=20))
@example(edges=[-LARGEST, LARGEST], values=[np.inf, -np.inf])
@example(edges=[-5e-324, 5e-324], values=[0.0, -0.0])
@example(edges=[-0.0, 5e-324, 1e-323, 1.0], values=[])
@example(edges=[-LARGEST, 0.0, np.nextafter(0.0, 1.0), LARGEST], values=[])
@example(edges=[1.0, np.nextafter(1.0, 2.0), 1e300, np.nextafter(1e300, np.inf)], values=[])
def test_any_edges_and_any_values_equal_searchsorted(edges, values):
    edges = np.array(edges)
    if (edges[1:] > edges[:-1]).all():
        values = np.concatenate([np.array(values, np.float64), extremes(edges)])
        assert counts_by_kernels(values, edges) == counts_by_numpy(values, edges).tolist()


def test_single_values_lie_where_the_design_says():
    edges = np.array([0.0, 1.0, 2.0])
    values = np.array([-np.inf, -5e-324, -0.0, 0.0, 0.5, 1.0, 2.0, np.nextafter(2.0, 3.0), np.inf, np.nan])
    assert slots_by_kernels(values, edges) == [0, 0, 1, 1, 1, 2, 2, 3, 3, 4] == slots_by_numpy(values, edges).tolist()


@pytest.mark.parametrize("bins", [20, 256])
@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if name != "two clusters"])
def test_one_comparison_settles_a_value_of_any_distribution_but_far_clusters(name, bins):
    edges = quantile_edges(DISTRIBUTIONS[name](np.random.default_rng(1), ROWS), bins)
    place = build_lookup([Numeric(edges)]).columns[0]
    assert place["levels"] == 1
    assert place["grid"] <= {20: 150, 256: 4096}[bins]


def test_far_clusters_take_a_short_search():
    edges = quantile_edges(DISTRIBUTIONS["two clusters"](np.random.default_rng(1), ROWS), 20)
    place = build_lookup([Numeric(edges)]).columns[0]
    assert place["levels"] == 4
    assert place["grid"] <= 19


def test_heavy_tails_take_a_logarithmic_grid_where_the_linear_one_is_much_larger():
    rng = np.random.default_rng(2)
    edges = {name: quantile_edges(draw(rng, ROWS), 20) for name, draw in DISTRIBUTIONS.items()}
    modes = {name: build_lookup([Numeric(each)]).columns["mode"].item() for name, each in edges.items()}
    assert [modes[name] for name in ("normal", "uniform", "exponential", "integers", "constant")] == [Mode.LINEAR] * 5
    assert modes["lognormal 3"] == Mode.LOG


def test_tables_are_small():
    """An idle endpoint keeps nothing but its lookup: 20 bins of a common shape take less than 600 bytes."""
    for name in ("normal", "uniform", "exponential", "cauchy", "lognormal 3", "constant"):
        lookup = build_lookup([Numeric(quantile_edges(DISTRIBUTIONS[name](np.random.default_rng(1), ROWS), 20))])
        assert sum(part.nbytes for part in lookup[:3]) < 600, name


@pytest.mark.parametrize("edges", [[], [1.0], [1.0, 1.0], [2.0, 1.0], [0.0, np.nan], [0.0, np.inf], [0.0, -0.0]])
def test_edges_that_do_not_rise_are_refused(edges):
    with pytest.raises(ValueError, match="each above the one before"):
        build_lookup([Numeric(edges)])


def test_a_column_of_too_many_slots_is_refused():
    assert build_lookup([Numeric(np.arange(4097.0))]).slots == 4099
    with pytest.raises(ValueError, match="over 4099"):
        build_lookup([Numeric(np.arange(4098.0))])
