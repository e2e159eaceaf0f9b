"""Rows of any schema in one: values as they are counted, nulls as they came, and each row's time."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline_core.rows import CODES, TIME, RowNames, RowPlan, compact, counted
from driftline_core.sampling import sampled
from driftline_core.schema import Column, Kind, Role

COLUMNS = (
    Column("x", Role.FEATURE, Kind.NUMERIC),
    Column("word", Role.FEATURE, Kind.CATEGORICAL),
    Column("flag", Role.PREDICTION, Kind.BOOLEAN),
)
RESERVED = {"id": "id", "timestamp": "timestamp", "latency": "latency", "error": "error"}
ARRIVAL_US = 1_700_000_000_000_000


def rows(batch: pa.RecordBatch, reserved: dict[str, str] = RESERVED) -> dict[str, list[object]]:
    """The rows of a batch, column by column; what is not in it is left out."""
    plan = RowPlan.of(batch.schema, COLUMNS, reserved)
    made = plan.rows(batch, ARRIVAL_US)
    made.validate(full=True)
    assert made.schema == plan.schema
    return {name: column for name, column in made.to_pydict().items() if any(value is not None for value in column)}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (pa.array([1, None], pa.int8()), [1.0, None]),
        (pa.array([2**53 + 1, 3], pa.uint64()), [2.0**53, 3.0]),
        (pa.array([0.5, float("inf")], pa.float32()), [0.5, float("inf")]),
        (pa.array([True, None]), [1.0, None]),
        (pa.array([Decimal("1.25"), None]), [1.25, None]),
        (pa.array([7, None]).dictionary_encode(), [7.0, None]),
    ],
)
def test_numbers_are_float64(given: pa.Array, wanted: list[float | None]) -> None:
    assert rows(pa.record_batch({"x": given}))["x"] == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (pa.array(["a", None, "a"]), ["a", None, "a"]),
        (pa.array(["a", "", "a"], pa.large_string()), ["a", "", "a"]),
        (pa.array(["a", None, "b"], pa.string_view()), ["a", None, "b"]),
        (pa.array([7, None, 8]), ["7", None, "8"]),
        (pa.array([1.0, float("nan"), 2.5]), ["1", None, "2.5"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, 2], pa.int8()), pa.array(["a", None, "a"])), ["a", None, "a"]),
    ],
)
def test_categories_are_words_by_code(given: pa.Array, wanted: list[str | None]) -> None:
    assert rows(pa.record_batch({"word": given}))["word"] == wanted


def test_booleans_are_true_unless_zero() -> None:
    assert rows(pa.record_batch({"flag": pa.array([0.0, 2.0, None])}))["flag"] == [False, True, None]


def test_nan_stays_nan_and_null_stays_null() -> None:
    found = rows(pa.record_batch({"x": pa.array([None, float("nan")], pa.float64(), from_pandas=False)}))["x"]
    assert found[0] is None
    assert found[1] != found[1]


def test_a_row_has_the_time_it_came_with_or_that_of_its_arrival() -> None:
    batch = pa.record_batch({"x": [1, 2, 3], "timestamp": pa.array([1.5, None, 2.0])})
    plan = RowPlan.of(batch.schema, COLUMNS, RESERVED)
    assert plan.rows(batch, ARRIVAL_US).column("timestamp").cast(pa.int64()).to_pylist() == [1_500_000, ARRIVAL_US, 2_000_000]
    assert plan.rows(batch, ARRIVAL_US).column("_arrival").cast(pa.int64()).to_pylist() == [ARRIVAL_US] * 3
    bare = pa.record_batch({"x": [1]})
    assert RowPlan.of(bare.schema, COLUMNS, RESERVED).rows(bare, ARRIVAL_US).column("timestamp").type == TIME


def test_what_was_told_of_a_row_goes_with_it_and_what_cannot_be_read_is_null() -> None:
    found = rows(
        pa.record_batch(
            {
                "id": pa.array([3, 4], pa.uint8()),
                "latency": pa.array([0.5, None], pa.float32()),
                "error": pa.array(["timeout", None]).dictionary_encode(),
            }
        )
    )
    assert (found["id"], found["latency"], found["error"]) == ([3, 4], [0.5, None], ["timeout", None])
    assert "id" not in rows(pa.record_batch({"id": pa.array([b"\xff"])}))


@pytest.mark.parametrize(
    ("given", "type_"),
    [
        (pa.array([1]), pa.int64()),
        (pa.array([1], pa.uint64()), pa.string()),
        (pa.array(["r"]), pa.string()),
        (pa.array([1.5]), pa.string()),
    ],
)
def test_ids_are_whole_numbers_or_text(given: pa.Array, type_: pa.DataType) -> None:
    plan = RowPlan.of(pa.schema([("id", given.type)]), COLUMNS, RESERVED)
    assert plan.has_id
    assert plan.schema.field("id").type == type_


def test_reserved_columns_keep_the_names_of_the_batches() -> None:
    reserved = {"timestamp": "when", "latency": "seconds"}
    found = rows(pa.record_batch({"when": [1.0], "seconds": [0.25], "id": [5], "x": [1]}), reserved)
    assert set(found) == {"when", "seconds", "x", "_arrival"}


def test_an_endpoint_that_has_columns_of_these_names_keeps_them() -> None:
    columns = (Column("timestamp", Role.FEATURE, Kind.NUMERIC), Column("_arrival", Role.FEATURE, Kind.NUMERIC))
    assert RowNames.of(columns, {}) == RowNames("", "_timestamp", "", "", "__arrival")


def test_rows_too_far_from_their_arrival_are_not_counted() -> None:
    times = np.array([89, 90, 100, 105, 106])
    assert counted(times, 100, future_max_us=5, retention_us=10).tolist() == [False, True, True, True, False]


@given(st.lists(st.none() | st.sampled_from(["a", "b", "c"]), max_size=90), st.permutations(["a", "b", "c", "a", None]))
def test_a_compact_dictionary_says_the_same_in_few_words(words: list[str | None], dictionary: list[str | None]) -> None:
    array = pa.DictionaryArray.from_arrays(
        pa.array([None if word is None else dictionary.index(word) for word in words], pa.int32()), pa.array(dictionary)
    )
    made = compact(array)
    assert made.to_pylist() == words
    assert made.type == CODES
    assert len(set(made.dictionary.to_pylist()) - {None}) == len(made.dictionary)
    if len(words) < 40:
        assert sorted(made.dictionary.to_pylist()) == sorted({word for word in words if word is not None})


@given(st.integers(1, 2**62), st.floats(0, 1), st.floats(0, 1))
def test_a_smaller_sample_is_part_of_a_larger_one(position: int, one: float, other: float) -> None:
    smaller, larger = sampled(position, 1_000, min(one, other)), sampled(position, 1_000, max(one, other))
    assert not (smaller & ~larger).any()
    assert (smaller == sampled(position, 1_000, min(one, other))).all()


def test_a_sample_has_its_share_whatever_the_batches_sizes() -> None:
    for rows_each in (1, 7, 4096):
        taken = sum(int(sampled(position, rows_each, 0.1).sum()) for position in range(1, 40_000 // rows_each + 1))
        assert abs(taken - 4_000) < 6 * 60
