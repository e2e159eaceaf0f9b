"""One table: which Arrow types a column of each kind takes, how each is brought to what kernels read, and why others are refused.

Kernels read float and integer buffers, boolean bitmaps and dictionary codes as they are. Everything else is cast here first.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from driftline_core.errors import InvalidInput
from driftline_core.schema import Kind

Cast = Callable[[pa.Array], pa.Array]


def natural_kind(arrow: pa.DataType, name: str) -> Kind:
    """The kind a reference's column has unless its creator says otherwise; raises InvalidInput for a type that cannot be binned.

    Who made a dictionary, of numbers too, meant categories.
    """
    if types.is_dictionary(arrow):
        natural_kind(arrow.value_type, name)
        return Kind.CATEGORICAL
    if types.is_boolean(arrow):
        return Kind.BOOLEAN
    if _is_number(arrow) or types.is_null(arrow):
        return Kind.NUMERIC
    if _is_text(arrow):
        return Kind.CATEGORICAL
    raise InvalidInput(
        f"column {name!r} is {arrow}, {_why(arrow)}; leave it out (exclude=[{name!r}]) or turn it into numbers or categories",
        field=name,
    )


def cast_for(arrow: pa.DataType, kind: Kind, name: str) -> Cast | None:
    """How an array of a type becomes one that kernels read for a kind; None where it is one already.

    Raises InvalidInput where the kind does not take the type.
    """
    if types.is_dictionary(arrow):
        return _cast_dictionary(arrow, kind, name)
    if _is_number(arrow) or types.is_boolean(arrow) or types.is_null(arrow):
        return _CASTS[kind](arrow)
    if kind is Kind.CATEGORICAL and _is_text(arrow):
        return _encode
    raise InvalidInput(f"column {name!r} is {arrow} where {_TAKES[kind]} are wanted; cast it before sending", field=name)


def require_flat(arrow: pa.DataType, name: str, of: str = "the batches") -> None:
    """Raises InvalidInput for a type whose buffers a header does not bound (nested, run-end, extension), used or not."""
    if types.is_nested(arrow) or types.is_run_end_encoded(arrow) or isinstance(arrow, pa.BaseExtensionType):
        raise InvalidInput(f"column {name!r} is {arrow}, {_why(arrow)}; leave it out of {of}", field=name)
    if types.is_dictionary(arrow):
        require_flat(arrow.value_type, name, of)


def as_string(array: pa.Array) -> pa.Array:
    """Text of any Arrow type as `string`.

    Raises InvalidInput where views, of which many may show the same bytes, would unfold to more than 64 MiB.
    """
    if types.is_string_view(array.type):
        array = _without_wild_views(array)
        unfolded = int(_views(array)[:, 0].sum(dtype=np.int64))
        if unfolded > _UNFOLDED_BYTES_MAX:
            raise InvalidInput(
                f"strings of a string_view column take {unfolded} bytes, over {_UNFOLDED_BYTES_MAX}; send smaller batches",
                field="payload",
            )
    return array if types.is_string(array.type) else array.cast(pa.string())


def _without_wild_views(array: pa.Array) -> pa.Array:
    """The same strings, each null's view made empty: validation passes over it, a cast follows it wherever it points."""
    if not array.null_count:
        return array
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    views = np.where(valid[:, np.newaxis], _views(array), np.int32(0))
    validity = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(array.type, len(array), [validity, pa.py_buffer(views), *array.buffers()[2:]])


def _views(array: pa.Array) -> npt.NDArray[np.int32]:
    """The views of a string_view array, one a row: length, then prefix and place, or the string itself."""
    stop = array.offset + len(array)
    flat = np.frombuffer(array.buffers()[1] or b"", np.int32, count=stop * _VIEW_WORDS)  # the buffer may go on
    return flat.reshape(-1, _VIEW_WORDS)[array.offset : stop]


_VIEW_WORDS = 4
_UNFOLDED_BYTES_MAX = 64 * 1024 * 1024
_WHOLE_MAX = 2.0**53

_TAKES = {
    Kind.NUMERIC: "numbers (integer, float, decimal or boolean)",
    Kind.CATEGORICAL: "categories (strings, integers, floats or booleans)",
    Kind.BOOLEAN: "booleans (or numbers, true unless zero)",
}


def _is_number(arrow: pa.DataType) -> bool:
    return bool(types.is_integer(arrow) or types.is_floating(arrow) or types.is_decimal(arrow))


def _is_text(arrow: pa.DataType) -> bool:
    return bool(types.is_string(arrow) or types.is_large_string(arrow) or types.is_string_view(arrow))


def _why(arrow: pa.DataType) -> str:
    if isinstance(arrow, pa.BaseExtensionType):
        return "an extension type"
    if types.is_nested(arrow) or types.is_run_end_encoded(arrow):
        return "a nested type"
    return "a moment or a length of time" if types.is_temporal(arrow) else "which has no bins"


def _numeric(arrow: pa.DataType) -> Cast | None:
    if types.is_float16(arrow):
        return lambda array: array.cast(pa.float32())
    if types.is_boolean(arrow):
        return lambda array: array.cast(pa.uint8())
    if types.is_decimal(arrow):  # by way of text: Arrow's own way may end at the neighbour of the nearest double
        return lambda array: array.cast(pa.string()).cast(pa.float64())
    if types.is_null(arrow):
        return lambda array: array.cast(pa.float64())
    return None


def _boolean(arrow: pa.DataType) -> Cast | None:
    if types.is_boolean(arrow):
        return None
    as_number = _numeric(arrow) or (lambda array: array)

    def truth(array: pa.Array) -> pa.Array:
        number = as_number(array)
        return _without_nan(number, pc.not_equal(number, pa.scalar(0, number.type)))

    return truth


def _categorical(arrow: pa.DataType) -> Cast | None:
    if types.is_boolean(arrow) or types.is_integer(arrow) or types.is_null(arrow):
        return lambda array: _encode(array.cast(pa.string()))
    if types.is_decimal(arrow):
        whole = pa.decimal256(76, 0) if arrow.scale < 0 else None  # those have an exponent where the integer has zeros
        return lambda array: _encode(_without_zeros((array.cast(whole) if whole else array).cast(pa.string())))

    def text(array: pa.Array) -> pa.Array:
        # 1.0 is the category "1", as the integer is; adding 0 makes -0.0 the same category as 0.0.
        number = pc.add(array.cast(pa.float64()), 0.0)
        return _encode(_without_nan(number, _digits(number)))

    return text


_CASTS: dict[Kind, Callable[[pa.DataType], Cast | None]] = {
    Kind.NUMERIC: _numeric,
    Kind.BOOLEAN: _boolean,
    Kind.CATEGORICAL: _categorical,
}


def _digits(number: pa.Array) -> pa.Array:
    """Floats as text; whole ones in all their digits, as integers are: Arrow writes those from 1e10 on with an exponent."""
    is_whole = pc.and_(pc.equal(pc.floor(number), number), pc.less_equal(pc.abs(number), _WHOLE_MAX))
    whole = pc.if_else(is_whole, number, 0.0).cast(pa.int64())
    return pc.if_else(is_whole, whole.cast(pa.string()), number.cast(pa.string()))


def _without_zeros(decimals: pa.Array) -> pa.Array:
    """Decimals in one form whatever their scale: 2.50 is the category "2.5", 2.00 is "2", as the float and the integer are."""
    shorter = pc.replace_substring_regex(decimals, r"(\.\d*?)0+(E.*)?$", r"\1\2")
    return pc.replace_substring_regex(pc.replace_substring_regex(shorter, r"\.(E.*)?$", r"\1"), r"^-?0E.*$", "0")


def _without_nan(number: pa.Array, value: pa.Array) -> pa.Array:
    if not types.is_floating(number.type):
        return value
    return pc.if_else(pc.is_nan(number), pa.scalar(None, value.type), value)


def _encode(array: pa.Array) -> pa.Array:
    return as_string(array).dictionary_encode()


def _cast_dictionary(arrow: pa.DataType, kind: Kind, name: str) -> Cast | None:
    values = arrow.value_type
    if kind is Kind.CATEGORICAL and types.is_string_view(values):
        return lambda array: pa.DictionaryArray.from_arrays(array.indices, as_string(array.dictionary))
    if kind is Kind.CATEGORICAL and _is_text(values):
        return None
    inner = cast_for(values, kind, name)

    def decoded(array: pa.Array) -> pa.Array:
        plain = array.dictionary_decode()
        return inner(plain) if inner else plain

    return decoded
