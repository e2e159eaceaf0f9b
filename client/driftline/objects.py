"""Columns of Python's objects: as Arrow reads them, where it reads of each what `log` would, else one by one as `log` does."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from driftline import arrays
from driftline.errors import InvalidInput
from driftline.values import INT64_MAX, NULLS, micros, said, scalar, shown, text

UNREAD = (pa.ArrowException, TypeError, ValueError, OverflowError)
# That Arrow makes others of beside numbers: True the number 1, and a half where integers are the integer 0.
MISREAD = (frozenset({bool, np.bool_}), frozenset({np.float16}))


def column_of(values: Any, role: str = "") -> pa.Array:
    """The column of a list, an array or a Series of anything; `role` is that of a column given beside a table.

    Raises InvalidInput where a time or an id is none.

    >>> column_of([1.0, 2.5, True, "a", None]).to_pylist(), column_of([ValueError("late"), None], "error").to_pylist()
    (['1', '2.5', 'true', 'a', None], ['late', None])
    """
    if not _is_misread(values, role):
        try:
            column = pa.array(values, from_pandas=True)
        except UNREAD:
            pass
        else:
            return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    build, one = ONE_BY_ONE.get(role, (arrays.texts, _text))
    return build([None if _is_missing(value) else one(value) for value in values])


def _is_misread(values: Any, role: str) -> bool:
    """Whether Arrow would make other values of some of these, and say nothing."""
    if getattr(values, "dtype", np.dtype(object)) != np.dtype(object):
        return False
    kinds = set(map(type, values))
    if role == "timestamp":  # a number beside datetimes would be microseconds
        return len(kinds - {type(None)}) > 1
    return any(
        kinds & some
        and not kinds <= some | {type(None)}
        and any(type(value) not in some and not _is_missing(value) for value in values)
        for some in MISREAD
    )


def _is_missing(value: Any) -> bool:
    try:
        return value is None or type(value).__name__ in NULLS or bool(value != value)  # noqa: PLR0124 - NaN
    except Exception:  # the object's own
        return False


def _text(value: Any) -> str | None:
    """What is no category is written all the same: whether the endpoint knows the column, and as what, is seen later."""
    try:
        return text(scalar(value))
    except Exception:  # whatever an object's own methods raise
        return shown(value)


def _said(value: Any) -> str:
    try:
        return said(value) or ""
    except Exception:  # the exception's own
        return type(value).__name__


def _id(value: Any) -> str | None:
    value = scalar(value)
    if isinstance(value, int) and abs(value) > INT64_MAX:
        raise InvalidInput(f"id: {shown(value)} is too large; give it as a string")
    return _text(value)


def _micros(value: Any) -> int | None:
    try:
        return micros(value)
    except Exception:  # whatever an object's own methods raise
        raise InvalidInput(f"timestamp: {shown(value)} is no instant; give datetimes, epoch seconds or ISO 8601 text") from None


ONE_BY_ONE: dict[str, tuple[Callable[[Any], pa.Array], Callable[[Any], Any]]] = {
    "error": (arrays.texts, _said),
    "id": (arrays.texts, _id),
    "timestamp": (arrays.timestamps, _micros),
}


def native(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """A copy in this machine's order of bytes, and in no number wider than Arrow has."""
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="))


def listed(values: Any, role: str) -> list[Any]:
    """The values of a column given beside a table. Raises InvalidInput for what is one value."""
    if isinstance(values, str | bytes | dict | set | frozenset) or not isinstance(values, Iterable):
        raise InvalidInput(f"{role}: a {type(values).__name__} is no column; give one value for each row of the table, in a list")
    return list(values)
