"""Moments equal numpy's, and stay numbers whatever the values are."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.kernels.conftest import DISTRIBUTIONS, tally

from driftline_core.kernels import Numeric


def moments_of(values, shift, **options):
    return tally([Numeric([0.0, 1.0], shift=shift)], pa.record_batch({"0": values}), **options)[1][0]


@pytest.mark.parametrize("rows", [1, 31, 32, 100, 1024, 50_000])
@pytest.mark.parametrize("name", [name for name in DISTRIBUTIONS if name != "near the largest"])
def test_moments_of_a_distribution_equal_numpy(name, rows):
    values = DISTRIBUTIONS[name](np.random.default_rng(rows), rows)
    shift = float(np.median(values))
    distance = values - shift
    moments = moments_of(values, shift)
    assert moments["n"] == rows
    assert (moments["low"], moments["high"]) == (values.min(), values.max())
    np.testing.assert_allclose(moments["sum"], distance.sum(), atol=1e-14 * np.abs(distance).sum())
    np.testing.assert_allclose(moments["squares"], np.square(distance).sum(), rtol=1e-12)


def test_variance_of_data_far_from_zero_is_not_lost():
    values = np.random.default_rng(1).normal(1e6, 1, 100_000)
    moments = moments_of(values, shift=1e6)
    variance = (moments["squares"] - moments["sum"] ** 2 / moments["n"]) / (moments["n"] - 1)
    np.testing.assert_allclose(variance, values.var(ddof=1), rtol=1e-9)


def test_nulls_nan_and_infinities_have_their_places():
    values = pa.array([1.0, None, np.nan, np.inf, 3.0, -np.inf, 1e141, -1e300])
    moments = moments_of(values, shift=0.0)
    assert moments.tolist() == (2, 4.0, 10.0, -np.inf, np.inf)


@given(st.lists(st.floats(width=64), max_size=100), st.floats(width=64))
def test_sums_are_always_numbers(values, shift):
    moments = moments_of(np.array(values, np.float64), shift)
    assert np.isfinite(moments["sum"])
    assert np.isfinite(moments["squares"])
    numbers = [value for value in values if value == value]
    assert (moments["low"], moments["high"]) == (min(numbers, default=np.inf), max(numbers, default=-np.inf))


def test_values_of_1e308_leave_the_mean_finite():
    moments = moments_of(np.array([1e308] * 5000 + [2.0] * 10), shift=0.0)
    assert moments.tolist() == (10, 20.0, 40.0, 2.0, 1e308)
