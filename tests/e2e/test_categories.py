"""One value is one category, whichever way it comes: in the reference, in a logged row, in a table."""

import decimal
import enum
import re
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline import InvalidInput
from driftline.columns import Unfit, plan_for
from driftline.layout import layout_for, loose_row
from driftline.payload import plain
from driftline.problems import Problems
from driftline.reference import reader_of
from driftline.rows import RowEncoder
from driftline.shape import Shape, shape_from
from driftline.tables import batches_of
from driftline.values import shown
from driftline_core.coercion import cast_for
from driftline_core.schema import Kind
from driftline_proto.v1 import ingest_pb2 as pb
from driftline_proto.v1 import schema_pb2


class Grade(enum.Enum):
    FIRST = 1
    SECOND = "second"


def shape_of(kind: int) -> Shape:
    return shape_from(pb.Opened(columns=[schema_pb2.Column(name="x", role=schema_pb2.ROLE_FEATURE, kind=kind)]))


SHAPE = shape_of(schema_pb2.KIND_CATEGORICAL)
NUMERIC = shape_of(schema_pb2.KIND_NUMERIC)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 1e16, 1e22, 1e-7]),
    st.text(st.characters(codec="utf-8"), max_size=5),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
    st.sampled_from([decimal.Decimal(each) for each in ("2.50", "2.00", "-0.0", "1E+3", "0E-10", "1.50E-8", "1E-7", "0.0000010")]),
    st.uuids(),
    st.sampled_from(list(Grade)),
    st.builds(np.float32, st.floats(width=32)),
    st.builds(np.float16, st.floats(width=16)),
    st.builds(np.int8, st.integers(-128, 127)),
    st.builds(np.bool_, st.booleans()),
)
BESIDE = st.sampled_from([None, "a", 2.5, 7, True, decimal.Decimal("1.5")])


def categories(batch: pa.RecordBatch) -> list[Any]:
    """What the server makes of a batch."""
    column = batch.column("x")
    cast = cast_for(column.type, Kind.CATEGORICAL, "x")
    return list((cast(column) if cast else column).to_pylist())


def logged(values: list[Any]) -> list[Any]:
    layouts: list[Any] = []
    packed = layout_for(SHAPE, layouts).row
    encoded = []
    for row in (loose_row, packed):
        rows = [row({"x": value}, None, None, None, None, None, None)[0] for value in values]
        batch = RowEncoder(lambda: None, Problems("m"), layouts).encode(rows, SHAPE).batch
        encoded.append([None] * len(values) if batch is None else categories(batch))
    assert encoded[0] == encoded[1]
    return encoded[0]


def in_reference(table: Any) -> list[Any]:
    (batch,) = reader_of(table, lambda name: True)
    return categories(plain(batch))


def in_table(table: Any) -> list[Any]:
    (batch,) = batches_of(table, {})
    return categories(plan_for(batch.schema, SHAPE).apply(batch))


def frame_of(values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, dtype=object)})


@settings(deadline=None, max_examples=1000)
@given(value=SCALARS, beside=BESIDE)
def test_a_value_is_one_category_in_reference_row_and_table(value: Any, beside: Any) -> None:
    values = [value, beside]
    assert logged(values) == in_reference(frame_of(values)) == in_table(frame_of(values))


@settings(deadline=None)
@given(value=st.sampled_from([date(2026, 1, 31), datetime(2026, 1, 31, 12), datetime(2026, 1, 31, 12, 0, 0, 5)]))  # noqa: DTZ001
def test_a_time_among_texts_is_a_text(value: Any) -> None:
    assert logged([value, "a"]) == in_reference(frame_of([value, "a"])) == in_table(frame_of([value, "a"]))
    assert logged([value]) == in_table(pa.table({"x": [value]}))


ARRAYS = {
    "decimal of hundreds": pa.array([decimal.Decimal("1E+3"), decimal.Decimal("2.5E+3")], pa.decimal128(10, -2)),
    "float": pa.array([-0.0, 1.0, float("nan"), None]),
    "float32": pa.array([-0.0, 0.1, None], pa.float32()),
    "float16": pa.array(np.float16([-0.0, 0.1, 2.0])),
    "decimal": pa.array([decimal.Decimal("2.50"), decimal.Decimal("2"), None]),
    "truths": pa.array([True, None, False]),
    "integers": pa.array([7, None]),
}


@pytest.mark.parametrize("is_coded", [False, True])
@pytest.mark.parametrize("column", ARRAYS.values(), ids=ARRAYS)
def test_a_column_of_arrow_is_of_the_same_categories(column: pa.Array, is_coded: bool) -> None:
    table = pa.table({"x": column.dictionary_encode() if is_coded else column})
    assert in_reference(table) == in_table(table) == logged(column.to_pylist())


def test_truths_in_bytes_are_truths() -> None:
    table = pa.table({"x": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, None, 0], pa.int8()))})
    assert in_reference(table) == in_table(table) == logged([True, None, False]) == ["true", None, "false"]


def test_objects_of_several_types_are_the_categories_that_each_of_them_is() -> None:
    values = [1.0, 2.5, True, "a", -0.0, None, float("nan")]
    assert in_table(frame_of(values)) == in_reference(frame_of(values)) == ["1", "2.5", "true", "a", "0", None, None]


@pytest.mark.parametrize("beside", ["a", True, 2**60], ids=str)
def test_a_fraction_is_the_category_of_its_double(beside: Any) -> None:
    values = [Fraction(1, 3), Fraction(4, 2), beside]
    assert logged(values) == in_table(frame_of(values)) == in_reference(frame_of(values))
    assert logged(values)[:2] == ["0.3333333333333333", "2"]


def test_fractions_are_numbers_in_a_reference_as_decimals_are() -> None:
    (batch,) = reader_of(frame_of([Fraction(1, 4), 2, np.int8(-128), None]), lambda name: True)
    assert batch.column("x").equals(pa.array([0.25, 2.0, -128.0, None]))


NO_CATEGORIES = {"tuple": (1, 2), "set": {1}, "surrogate": "\ud800", "object": object(), "complex": 1j, "span": timedelta(1)}


@pytest.mark.parametrize("value", NO_CATEGORIES.values(), ids=NO_CATEGORIES)
def test_what_is_no_category_is_one_nowhere(value: Any) -> None:
    frame, told = frame_of([value, "a"]), re.escape(str(shown(value)[:20]))
    row, _ = loose_row({"x": value}, None, None, None, None, None, None)
    encoded = RowEncoder(lambda: None, Problems("m"), []).encode([row], SHAPE)
    assert encoded.batch is None and re.match(f"x: {told}", encoded.reason)
    (batch,) = batches_of(frame, {})
    with pytest.raises(Unfit, match=f"^x: {told}"):
        plan_for(batch.schema, SHAPE)
    with pytest.raises(InvalidInput, match=rf"^reference: column 'x' cannot be sent: {told}.*leave it out .*exclude=\['x'\]"):
        reader_of(frame, lambda name: True)
    assert reader_of(frame, lambda name: False).read_all()["x"].to_pylist() == [None, None]


def test_truths_among_numbers_are_numbers_where_those_are_wanted() -> None:
    (batch,) = batches_of(frame_of([1.5, True, False, None]), {})
    assert plan_for(batch.schema, NUMERIC).apply(batch).column("x").to_pylist() == [1.5, 1.0, 0.0, None]


def test_a_period_is_refused_as_other_times_are() -> None:
    frame = pd.DataFrame({"x": pd.period_range("2026-01-31", periods=2, freq="D")})
    (batch,) = reader_of(frame, lambda name: True)
    with pytest.raises(InvalidInput, match=r"column 'x': periods .*, as series.astype\(str\), or leave it out \(exclude=\['x'\]\)"):
        plain(batch)
    (batch,) = batches_of(frame, {})
    with pytest.raises(ValueError, match=r"^x: a column of type .* does not fit: periods are"):
        plan_for(batch.schema, NUMERIC).apply(batch)


def test_what_is_no_number_is_no_truth_either() -> None:
    column = pa.array(np.array([0.5, np.nan, 0.0], "f2"))
    table = pa.table({"x": column})
    shape = shape_of(schema_pb2.KIND_BOOLEAN)
    (batch,) = table.to_batches()
    assert plan_for(batch.schema, shape).apply(batch).column("x").to_pylist() == [True, None, False]


@pytest.mark.parametrize("scale", [2, 9, 18])
def test_decimals_are_the_same_numbers_in_a_table_and_in_rows(scale: int) -> None:
    values = [decimal.Decimal(number).scaleb(-2) for number in range(1000)]
    batch = pa.record_batch({"x": pa.array(values, pa.decimal128(30, scale))})
    assert plan_for(batch.schema, NUMERIC).apply(batch).column("x").to_pylist() == list(map(float, values))


@pytest.mark.parametrize("whole", [2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**63)], ids=str)
@pytest.mark.parametrize("is_coded", [False, True])
def test_integers_beyond_doubles_are_the_nearest_ones(whole: int, is_coded: bool) -> None:
    column = pa.array([whole, None], pa.uint64() if whole >= 2**63 else pa.int64())
    batch = pa.record_batch({"x": column.dictionary_encode() if is_coded else column})
    sent = plan_for(batch.schema, NUMERIC).apply(batch).column("x")
    assert sent.cast(pa.float64(), safe=False).to_pylist() == [float(whole), None]
