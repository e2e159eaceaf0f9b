"""References: what a creator may say, what is refused and why, and bins at the edges of what there is."""

import numpy as np
import pyarrow as pa
import pytest
from tests.core.building import counts_of, reference_of, window_of

from driftline_core.binning import explicit_bins, numeric_bins
from driftline_core.errors import InvalidInput
from driftline_core.reference import notes_of
from driftline_core.roles import normal, resolve
from driftline_core.schema import BinsSpec, Column, EndpointSpec, Kind, Role, Thresholds

TABLE = pa.table({"id": [1, 2, 3], "x": [1.0, 2.0, 3.0], "w": ["a", "b", "a"], "score": [0.1, 0.2, 0.3], "y": [0, 1, 1]})


def test_columns_take_their_roles_and_reserved_names_are_left_out_with_a_note() -> None:
    columns, notes = resolve(EndpointSpec("m", prediction="score", label="y"), TABLE.schema)
    assert columns == (
        Column("x", Role.FEATURE, Kind.NUMERIC),
        Column("w", Role.FEATURE, Kind.CATEGORICAL),
        Column("score", Role.PREDICTION, Kind.NUMERIC),
        Column("y", Role.LABEL, Kind.NUMERIC),
    )
    assert notes == ["column 'id' of the reference is the reserved column 'id' and no feature; reserved={'id': None} makes it one"]


def test_a_freed_reserved_name_is_a_feature() -> None:
    columns, notes = resolve(EndpointSpec("m", reserved={"id": ""}), TABLE.schema)
    assert (columns[0].name, notes) == ("id", [])


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        (EndpointSpec("m", prediction="nope"), "prediction", "it has id, x, w, score, y"),
        (EndpointSpec("m", label="x", prediction="x"), "label", "both prediction and label"),
        (EndpointSpec("m", features=("x", "x")), "x", "stands twice"),
        (EndpointSpec("m", features=("score",), prediction="score"), "features", "is a feature and the prediction"),
        (EndpointSpec("m", features=("x",), exclude=("w", "x")), "exclude", "column 'x' is a feature and excluded"),
        (EndpointSpec("m", prediction="score", exclude=("score",)), "exclude", "is the prediction or label and excluded"),
        (EndpointSpec("m", features=("id",)), "id", "free it with reserved={'id': None}"),
        (EndpointSpec("m", exclude=("x", "w", "score", "y")), "features", "no feature column"),
        (EndpointSpec("m", kinds={"w": Kind.NUMERIC}), "w", "where numbers"),
        (EndpointSpec("m", bins=BinsSpec("kmeans")), "bins", "quantile, uniform"),
        (EndpointSpec("m", bins=BinsSpec(edges={"w": (0.0, 1.0)})), "bins['w']", "takes no edges"),
        (EndpointSpec("m", column_thresholds={"z": Thresholds()}), "thresholds", "names 'z'"),
        (EndpointSpec("m", reserved={"when": "t"}), "reserved", "id, timestamp, latency, error"),
        (EndpointSpec("m", reserved={"id": "t", "error": "t"}), "reserved", "mapped to one name"),
        (EndpointSpec("m", rows_min=0), "rows_min", "at least 1"),
        (EndpointSpec("a//b"), "name", "names no endpoint"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_spec_that_cannot_be_is_refused_by_field_and_remedy(spec: EndpointSpec, field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        resolve(normal(spec), TABLE.schema)
    assert refused.value.field == field
    assert words in refused.value.reason


@pytest.mark.parametrize(
    "values", [pa.array([0], pa.timestamp("us")), pa.array([[1.0]]), pa.array([b"x"]), pa.array([0], pa.duration("s"))]
)
def test_types_without_bins_are_refused_with_the_reason_and_the_way_out(values: pa.Array) -> None:
    with pytest.raises(InvalidInput, match=r"column 'bad' is .*exclude=\['bad'\]"):
        reference_of(pa.table({"x": [1.0], "bad": values}))
    assert reference_of(pa.table({"x": [1.0], "bad": values}), EndpointSpec("m", exclude=("bad",))).profile.rows == 1


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (pa.table({"x": pa.array([], pa.float64())}), "no rows"),
        (pa.table({"x": pa.array([None, None], pa.float64())}), "no finite value"),
        (pa.table({"x": [np.nan, np.inf]}), "no finite value"),
        (pa.table({"w": pa.array([None], pa.string())}), "no value"),
        (pa.table({"w": ["x" * 2000]}), "free text"),
    ],
)
def test_a_sample_without_anything_to_bin_by_is_refused(table: pa.Table, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        reference_of(table)


def test_one_row_is_a_reference() -> None:
    reference = reference_of(pa.table({"x": [7.0], "w": ["a"], "b": [True]}))
    assert counts_of(window_of(reference, pa.table({"x": [7.0], "w": ["a"], "b": [True]}).to_batches())) == {
        "x": [0, 1, 0, 0],
        "w": [1, 0, 0],
        "b": [0, 1, 0],
    }


MAX = float(np.finfo(np.float64).max)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
@pytest.mark.parametrize(
    "values",
    [
        [0.0],
        [MAX],
        [-MAX],
        [-MAX, MAX],
        [0.0, MAX],
        [5e-324],
        [-0.0, 0.0],
        [1.0, np.nextafter(1.0, 2)],
        [scale * MAX for scale in np.linspace(-1, 1, 50).tolist()],
    ],
    ids=str,
)
def test_bins_at_the_ends_of_float64_hold_every_value_of_the_reference(values: list[float], strategy: str) -> None:
    edges = np.array(numeric_bins(np.array(values), strategy, "x").edges)
    assert np.isfinite(edges).all()
    assert (edges[1:] > edges[:-1]).all()
    reference = reference_of(pa.table({"x": values}), EndpointSpec("m", bins=BinsSpec(strategy)))
    below, *inside, above, null = reference.layout.counts(reference.profile, 0).tolist()
    assert (below, sum(inside), above, null) == (0, len(values), 0, 0)


def test_quantile_bins_hold_equal_counts() -> None:
    reference = reference_of(pa.table({"x": np.random.default_rng(1).normal(size=20_000)}))
    assert set(reference.layout.counts(reference.profile, 0)[1:-2].tolist()) == {1000}


@pytest.mark.parametrize("edges", [(), (1.0,), (1.0, 1.0), (2.0, 1.0), (0.0, np.nan), (0.0, np.inf), tuple(range(5000))])
def test_edges_that_do_not_rise_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match="each above the one before"):
        explicit_bins(edges, "x")


def test_categories_beyond_those_that_are_kept_are_noted() -> None:
    words = [f"{number:03}" for number in range(256)] * 3 + [f"rare {number}" for number in range(64)]
    many = pa.array([*words, *[None] * 200, *["000"] * 8])
    few = pa.array((["a", "b"] * len(many))[: len(many)])
    reference = reference_of(pa.table({"city": many, "few": few}))
    kept, others = (
        "has more categories than the 256 most frequent, which are kept",
        "the others, 6.2% of the rows, count as `other`",
    )
    assert notes_of(reference) == [f"column 'city' {kept}; {others}"]
