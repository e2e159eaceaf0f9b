"""Counts of references and streams equal a brute-force count, for every type and strategy, however they are split."""

import decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.building import counts_of, reference_of, window_of
from tests.core.oracle import count

from driftline_core.schema import BinsSpec, EndpointSpec, Kind

ROWS = 700


def numbers(rng: np.random.Generator, rows: int) -> dict[str, pa.Array]:
    """A column of every numeric type, with nulls, NaN, infinities and extremes where it has them."""
    floats = rng.standard_t(2, rows) * 10
    floats[:6] = [np.nan, np.inf, -np.inf, -0.0, 5e-324, 1e308]
    holes = rng.random(rows) < 0.1
    integers = {
        str(kind): pa.array(rng.integers(np.iinfo(kind).min, np.iinfo(kind).max, rows, kind, endpoint=True), mask=holes)
        for kind in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
    }
    return {
        **{f"i{i}": array for i, array in enumerate(integers.values())},
        "f64": pa.array(floats),
        "f64_null": pa.array(floats, mask=holes),
        "f32": pa.array(np.clip(floats, -3e38, 3e38).astype(np.float32), mask=holes),
        "f16": pa.array(np.clip(floats, -6e4, 6e4).astype(np.float16)),
        "decimal": pa.array([decimal.Decimal(int(v)).scaleb(-2) for v in rng.integers(-9999, 9999, rows)], pa.decimal128(7, 2)),
        "flag01": pa.array(rng.integers(0, 2, rows), mask=holes),
        "constant": pa.array(np.full(rows, 4.25)),
        "few": pa.array(rng.integers(0, 7, rows).astype(float), mask=holes),
    }


def categories(rng: np.random.Generator, rows: int) -> dict[str, pa.Array]:
    """A column of every type that holds categories or booleans."""
    words = rng.choice(["a", "b", "other", "null", "", "é", "日本"], rows).tolist()
    holes = (rng.random(rows) < 0.1).tolist()
    holed = [None if hole else word for word, hole in zip(words, holes, strict=True)]
    return {
        "text": pa.array(holed),
        "large": pa.array(holed, pa.large_string()),
        "view": pa.array(holed, pa.string_view()),
        "coded": pa.array(holed).dictionary_encode(),
        "coded8": pa.array(holed).dictionary_encode().cast(pa.dictionary(pa.uint8(), pa.string())),
        "truth": pa.array((rng.random(rows) < 0.3).tolist(), mask=np.array(holes)),
    }


def table(seed: int, rows: int = ROWS) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table({**numbers(rng, rows), **categories(rng, rows)})


@pytest.fixture(scope="module")
def reference_table() -> pa.Table:
    return table(0)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_counts_equal_the_oracle_for_every_type(reference_table: pa.Table, strategy: str) -> None:
    reference = reference_of(reference_table, EndpointSpec("m", bins=BinsSpec(strategy)))
    stream = table(1)
    window = window_of(reference, stream.to_batches())
    for column, bins in zip(reference.layout.columns, reference.layout.bins, strict=True):
        index = reference.layout.index(column.name)
        assert reference.layout.counts(reference.profile, index).tolist() == count(reference_table[column.name], bins), column
        assert counts_of(window)[column.name] == count(stream[column.name], bins), column


def test_edges_a_person_chose_are_the_bins() -> None:
    reference = reference_of(pa.table({"x": [0.5, 5.0, 11.0]}), EndpointSpec("m", bins=BinsSpec(edges={"x": (0.0, 1.0, 10.0)})))
    assert reference.layout.bins[0].edges == (0.0, 1.0, 10.0)
    values = pa.table({"x": [-np.inf, -1e-300, 0.0, 1.0, 10.0, np.nextafter(10.0, 11), np.inf, np.nan, None]})
    assert counts_of(window_of(reference, values.to_batches())) == {"x": [2, 1, 2, 2, 2]}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_other_than_the_types_own_is_counted_as_that_kind(kind: Kind) -> None:
    source = pa.table(
        {"n": pa.array([0.0, 1.0, 2.5, None, np.nan, -0.0]), "i": [0, 1, 2, 3, None, 1], "b": [True, False, None, True, True, True]}
    )
    spec = EndpointSpec("m", kinds=dict.fromkeys("nib", kind))
    reference = reference_of(source, spec)
    window = window_of(reference, source.to_batches())
    for column, bins in zip(reference.layout.columns, reference.layout.bins, strict=True):
        wanted = count(source[column.name], bins)
        assert counts_of(window)[column.name] == wanted, column


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, ROWS), max_size=6), shuffle=st.randoms(use_true_random=False))
def test_any_split_and_order_gives_equal_counts(seed: int, cuts: list[int], shuffle) -> None:
    reference, stream = reference_of(table(0)), table(seed).combine_chunks()
    borders = [0, *sorted(cuts), ROWS]
    parts = [stream.slice(a, b - a) for a, b in pairwise(borders)]
    shuffle.shuffle(parts)
    batches = [batch for part in parts for batch in part.to_batches()]
    assert counts_of(window_of(reference, batches)) == counts_of(window_of(reference, stream.to_batches()))


def test_a_missing_column_is_counted_apart_and_takes_no_part_in_the_shares() -> None:
    reference = reference_of(pa.table({"x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}))
    window = window_of(reference, pa.table({"y": [1.0, 2.0]}).to_batches())
    assert window.profile.missing.tolist() == [2, 0]
    assert counts_of(window)["x"] == [0, 0, 0, 0, 0, 0]


def test_only_the_256_most_frequent_categories_have_a_slot() -> None:
    words = [f"w{i:04}" for i in range(300) for _ in range(1 + (i < 256))]
    reference = reference_of(pa.table({"w": words}))
    assert reference.layout.bins[0].categories == tuple(f"w{i:04}" for i in range(256))
    assert counts_of(window_of(reference, pa.table({"w": words}).to_batches()))["w"][-2:] == [44, 0]
