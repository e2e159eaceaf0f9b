"""A reference in float32 and rows in float64 of the same values are no drift."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.building import reference_of, window_of

from driftline_core.binning import NumericBins, numeric_bins, single_bins
from driftline_core.query import drift_report
from driftline_core.schema import BinsSpec, EndpointSpec

SAMPLES = [[0.1], [0.1, 0.7], [0.1, 0.2, 0.3, 0.7, 1.0], [0.3] * 50 + [number / 97 for number in range(400)]]
SINGLES = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=60)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
@pytest.mark.parametrize("values", SAMPLES, ids=len)
def test_rows_in_float64_are_in_the_bins_of_the_same_values(values: list[float], strategy: str) -> None:
    spec = EndpointSpec("m", bins=BinsSpec(strategy))
    reference = reference_of(pa.table({"x": pa.array(values, pa.float32())}), spec)
    for kind in (pa.float64(), pa.float32()):
        report = drift_report(window_of(reference, pa.table({"x": pa.array(values, kind)}).to_batches()), spec)
        assert report.columns[0].distances["tvd"] == 0.0, kind


@given(SINGLES, st.sampled_from(["quantile", "uniform"]))
def test_no_value_of_single_precision_changes_its_bin(values: list[float], strategy: str) -> None:
    column = np.array(values, np.float32).astype(np.float64)
    exact = numeric_bins(column, strategy, "x")
    moved = single_bins(exact)
    edges = np.array(moved.edges)
    assert (np.diff(edges) > 0).all()
    if len(edges) == len(exact.edges):  # else two stood between the same neighbours, and no value between them
        assert bins_of(column, moved) == bins_of(column, exact)
    assert all(0 <= place < len(edges) - 1 for place in bins_of(column, moved))


def bins_of(values: npt.NDArray[np.float64], bins: NumericBins) -> list[int]:
    edges = np.array(bins.edges)
    places = np.searchsorted(edges, values, "right") - 1
    places[values == edges[-1]] = len(edges) - 2
    return list(map(int, places))
