"""The kind that a column has by itself."""

import decimal

import numpy as np
import pyarrow as pa
import pytest

from driftline_core.coercion import cast_for, natural_kind
from driftline_core.errors import InvalidInput
from driftline_core.schema import Kind

KINDS = {
    Kind.NUMERIC: [pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.decimal128(9, 2), pa.null()],
    Kind.BOOLEAN: [pa.bool_()],
    Kind.CATEGORICAL: [
        *(pa.string(), pa.large_string(), pa.string_view()),
        *(pa.dictionary(pa.int8(), values) for values in (pa.string(), pa.int64(), pa.float32(), pa.bool_())),
    ],
}


@pytest.mark.parametrize(("kind", "arrow"), [(kind, arrow) for kind, types in KINDS.items() for arrow in types], ids=str)
def test_numbers_are_numeric_and_what_is_in_a_dictionary_is_a_category(kind: Kind, arrow: pa.DataType) -> None:
    assert natural_kind(arrow, "x") is kind


@pytest.mark.parametrize(
    "arrow",
    [pa.timestamp("us"), pa.dictionary(pa.int8(), pa.timestamp("us")), pa.date32(), pa.list_(pa.int8()), pa.binary()],
    ids=str,
)
def test_times_and_nested_types_are_refused_with_a_remedy(arrow: pa.DataType) -> None:
    with pytest.raises(InvalidInput, match="leave it out"):
        natural_kind(arrow, "x")


@pytest.mark.parametrize("arrow", [pa.decimal128(10, 2), pa.decimal128(38, 18), pa.decimal256(60, 20)], ids=str)
def test_a_decimal_is_the_nearest_double_as_python_s_is(arrow: pa.DataType) -> None:
    cents = [decimal.Decimal(number).scaleb(-2) for number in range(10_000)]
    cast = cast_for(arrow, Kind.NUMERIC, "x")
    assert cast is not None
    assert cast(pa.array([*cents, None], arrow)).to_pylist() == [*map(float, cents), None]


@pytest.mark.parametrize("arrow", [pa.uint64(), pa.int8(), pa.float16(), pa.decimal128(38, 0)], ids=str)
@pytest.mark.parametrize("is_coded", [False, True])
def test_a_number_is_true_unless_it_is_zero(arrow: pa.DataType, is_coded: bool) -> None:
    large = {pa.uint64(): 2**64 - 1, pa.int8(): -128, pa.decimal128(38, 0): decimal.Decimal(10**37)}.get(arrow, 0.5)
    numbers = pa.array(np.array([large, 0], "f2") if pa.types.is_float16(arrow) else [large, 0], arrow)
    column = numbers.dictionary_encode() if is_coded else numbers
    cast = cast_for(column.type, Kind.BOOLEAN, "x")
    assert cast is not None
    assert cast(column).to_pylist() == [True, False]
