"""Distances: laws that hold for the whole catalogue, published values, and MLRun's own numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from driftline import report
from driftline_core.alerts import catalogue
from driftline_core.drift import CONVENTIONS, DISTANCES, Status, hellinger, kld, status_of, tvd, worst
from driftline_core.errors import InvalidInput
from driftline_core.schema import Thresholds

VECTORS = json.loads((Path(__file__).parent.parent / "golden" / "mlrun_drift.json").read_text())

counts = arrays(np.int64, st.shared(st.integers(1, 40), key="bins"), elements=st.integers(0, 10**9))


@pytest.mark.parametrize("name", DISTANCES)
@given(current=counts, reference=counts, times=st.integers(1, 1000))
def test_every_distance_is_zero_on_equal_shares_and_never_negative(name: str, current, reference, times: int) -> None:
    distance = DISTANCES[name]
    value = distance(current, reference)
    if not current.any() or not reference.any():
        assert np.isnan(value)
        return
    assert value >= 0
    assert np.isfinite(value)
    assert distance(current, current) == 0
    if name != "kld":  # whose half counts weigh less as evidence grows
        assert distance(current * times, current) == pytest.approx(0, abs=1e-12)
        assert value <= 1 + 1e-12


@given(counts)
def test_tvd_and_hellinger_of_a_column_with_itself_are_exactly_zero(column) -> None:
    if column.any():
        assert (tvd(column, column), hellinger(column, column)) == (0.0, 0.0)


@given(counts, counts)
def test_distances_agree_with_one_liners(current, reference) -> None:
    if not current.any() or not reference.any():
        return
    p, q = current / current.sum(), reference / reference.sum()
    assert tvd(current, reference) == pytest.approx(np.maximum(p - q, 0).sum(), abs=1e-12)
    assert hellinger(current, reference) == pytest.approx(np.sqrt(max(0, 1 - np.sqrt(p * q).sum())), abs=1e-7)
    used = (current > 0) | (reference > 0)
    assert kld(current, reference) == pytest.approx(entropy(current[used] + 0.5, reference[used] + 0.5), abs=1e-9)
    # Known inequalities: H² <= tvd <= √2·H, and Lin's bound of the Jensen–Shannon divergence.
    assert hellinger(current, reference) ** 2 <= tvd(current, reference) + 1e-12
    assert jensenshannon(p, q, base=2) ** 2 <= tvd(current, reference) + 1e-9


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("name", DISTANCES)
def test_lists_do_as_well_as_arrays(name: str, convention: str) -> None:
    distance = CONVENTIONS[convention][name]
    assert distance([8, 2, 0], (5, 5, 1)) == distance(np.array([8, 2, 0]), np.array([5, 5, 1]))
    for odd in ([1, 2], [[1], [2], [3]], 3):
        with pytest.raises(InvalidInput, match="are not two vectors of equal length"):
            distance([1, 2, 3], odd)


def test_a_published_value() -> None:
    # Evidently's tests/stattests: Hellinger of these counts is 0.06812.
    assert hellinger(np.array([16, 16, 16, 16, 16, 8]), np.array([16, 18, 16, 14, 12, 12])) == pytest.approx(0.06812, abs=5e-5)


def mlrun_pairs() -> list:
    pairs = [(p["name"], p["current_counts"], p["reference_counts"], p["result"]) for p in VECTORS["pairs"]]
    for case in VECTORS["end_to_end"]:
        for feature, wanted in case.get("per_feature", {}).items():
            current, reference = case["current"][feature], case["reference"][feature]
            if adds_up(current) and adds_up(reference):
                pairs.append((f"{case['name']}/{feature}", current["hist"][0], reference["hist"][0], wanted))
    return pairs


def adds_up(column: dict) -> bool:
    """Whether a column's bins hold all its values: MLRun divides by the one and sums the other."""
    return sum(column["hist"][0]) == column["count"]


def mlrun_windows() -> list[dict]:
    """The windows of several columns, or one, all of whose counts add up."""
    cases = [case for case in VECTORS["end_to_end"] if case.get("per_feature")]
    return [
        case
        for case in cases
        if all(adds_up(case[side][name]) for side in ("current", "reference") for name in case["per_feature"])
    ]


@pytest.mark.parametrize(("name", "current", "reference", "wanted"), mlrun_pairs(), ids=lambda v: v if isinstance(v, str) else "")
def test_mlruns_convention_gives_mlruns_values(name: str, current, reference, wanted) -> None:
    got = {measure: f(np.array(current), np.array(reference)) for measure, f in CONVENTIONS["mlrun"].items()}
    got["drift"] = (got["tvd"] + got["hellinger"]) / 2
    for measure, value in got.items():
        expected = np.nan if wanted[measure] is None else wanted[measure]
        assert value == pytest.approx(expected, abs=1e-12, rel=0, nan_ok=True), measure
    status = [Status.NO_DETECTION, Status.POTENTIAL, Status.DETECTED][wanted["status"]]
    assert status_of(got["drift"], Thresholds()) is status


@pytest.mark.parametrize("case", mlrun_windows(), ids=lambda case: case["name"])
def test_mlruns_mean_and_verdict_of_a_window_are_those_of_its_columns(case: dict) -> None:
    counts = [[np.array(case[side][name]["hist"][0]) for side in ("current", "reference")] for name in case["per_feature"]]
    means = {measure: np.mean([f(*each) for each in counts]) for measure, f in CONVENTIONS["mlrun"].items()}
    drift = (means["tvd"] + means["hellinger"]) / 2
    wanted = {measure: case[f"{measure}_mean"] for measure in means} | {"general": case["general_drift"]}
    for measure, value in (means | {"general": drift}).items():
        expected = np.nan if wanted[measure] is None else wanted[measure]
        assert value == pytest.approx(expected, abs=1e-12, rel=0, nan_ok=True), measure
    assert status_of(drift, Thresholds()) is [Status.NO_DETECTION, Status.POTENTIAL, Status.DETECTED][case["status"]]


def test_every_convention_has_every_name() -> None:
    assert all(set(measures) == set(DISTANCES) for measures in CONVENTIONS.values())


def test_a_clients_report_and_rules_have_every_distance() -> None:
    assert set(report.DISTANCES) == set(DISTANCES) <= catalogue.COLUMN_METRICS


def test_too_few_rows_never_hide_a_finding() -> None:
    assert worst([Status.DETECTED, Status.INSUFFICIENT_DATA]) is Status.DETECTED
    assert worst([Status.POTENTIAL, Status.INSUFFICIENT_DATA]) is Status.POTENTIAL
    assert worst([Status.NO_DETECTION, Status.INSUFFICIENT_DATA]) is Status.INSUFFICIENT_DATA
    assert worst([]) is Status.INSUFFICIENT_DATA
