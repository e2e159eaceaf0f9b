"""Arrow columns from plain Python values.

Made from buffers and not by `pa.array`, which imports pandas where it is installed: a second and 100 MB in a
model server.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TIMESTAMP = pa.timestamp("us", "UTC")
TEXT_BYTES_MAX = 2**31 - 1


def floats(values: npt.NDArray[np.float64]) -> pa.Array:
    """A float64 column, not copied; NaN is null.

    >>> floats(np.array([1.5, np.nan])).to_pylist()
    [1.5, None]
    """
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.float64(), len(values), [_valid(~np.isnan(values)), data])


def integers(values: Sequence[int | None]) -> pa.Array:
    """An int64 column. Raises OverflowError.

    >>> integers([1, None]).to_pylist()
    [1, None]
    """
    return _whole(values, np.int64, pa.int64())


def timestamps(values: Sequence[int | None]) -> pa.Array:
    """A column of instants from epoch microseconds. Raises OverflowError."""
    return _whole(values, np.int64, TIMESTAMP)


def truths(values: npt.NDArray[np.float64]) -> pa.Array:
    """A boolean column from numbers; NaN is null.

    >>> truths(np.array([1.0, np.nan, 0.0])).to_pylist()
    [True, None, False]
    """
    data = pa.py_buffer(np.packbits(values != 0, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [_valid(~np.isnan(values)), data])


def texts(values: Sequence[str | None]) -> pa.Array:
    """A string column. Raises UnicodeEncodeError for what is no text, OverflowError past 2 GiB.

    >>> texts(["a", None, ""]).to_pylist()
    ['a', None, '']
    """
    encoded = [b"" if value is None else value.encode() for value in values]
    ends = list(accumulate(map(len, encoded), initial=0))
    if ends[-1] > TEXT_BYTES_MAX:
        raise OverflowError(f"{ends[-1]} bytes of text do not fit a column")
    offsets = np.array(ends, np.int32)
    return pa.Array.from_buffers(
        pa.string(), len(values), [_validity(values), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    )


def categories(values: Sequence[str | None]) -> pa.Array:
    """A dictionary column, its categories in the order they first came.

    >>> column = categories(["b", None, "a", "b"])
    >>> column.to_pylist(), column.dictionary.to_pylist()
    (['b', None, 'a', 'b'], ['b', 'a'])
    """
    slots: dict[str, int] = {}
    indices = [None if value is None else slots.setdefault(value, len(slots)) for value in values]
    return pa.DictionaryArray.from_arrays(_whole(indices, np.int32, pa.int32()), texts(list(slots)))


def _whole(values: Sequence[int | None], width: type[np.signedinteger[Any]], kind: pa.DataType) -> pa.Array:
    whole = np.array([0 if value is None else value for value in values], width)
    return pa.Array.from_buffers(kind, len(values), [_validity(values), pa.py_buffer(whole)])


def _validity(values: Sequence[object]) -> pa.Buffer | None:
    if None not in values:
        return None
    return _valid(np.array([value is not None for value in values], np.bool_))


def _valid(is_there: npt.NDArray[np.bool_]) -> pa.Buffer | None:
    return None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))
