"""The kind that a column has by itself."""

import pyarrow as pa
import pytest

from driftline_core.coercion import natural_kind
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
