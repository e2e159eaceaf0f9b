"""Columns of Python's objects: as Arrow reads them, where it reads of each what `log` would, else one by one as `log` does."""

import numbers
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from driftline import arrays
from driftline.carried import Columns, reading, without
from driftline.errors import InvalidInput
from driftline.values import INT64_MAX, NULLS, WHOLE_MAX, Unconvertible, micros, number, said, scalar, shown, text, truth

UNREAD = (pa.ArrowException, TypeError, ValueError, OverflowError)
# Types of which Arrow makes others where they come with something else, and says nothing: True is the number 1 among numbers, a
# half the integer 0 among integers, a number among instants microseconds, an instant among days a day.
FAMILIES: tuple[tuple[type, ...], ...] = ((bool, np.bool_), (np.float16,), (datetime, np.datetime64), (date,))
FAMILIES += ((timedelta, np.timedelta64),)
NESTED = (list, tuple, dict)  # no endpoint has such a column; and one that holds itself takes Arrow, which reads it, down
READINGS = ("timestamp", "error", "number", "truth")


def column_of(values: Any, role: str = "") -> pa.Array:
    """The column of a list, an array or a Series of anything; `role` is that of a column given beside a table.

    Raises InvalidInput where a time or an id is none, Unconvertible where a category is none.

    >>> column_of([1.0, 2.5, True, "a", None]).to_pylist(), column_of([ValueError("late"), None], "error").to_pylist()
    (['1', '2.5', 'true', 'a', None], ['late', None])
    """
    column = _read_by_arrow(values)
    return _one_by_one(values, role) if column is None else column


def columns_of(values: Any, name: str) -> Columns:
    """The columns as which such values travel where their role is not known yet: as categories, and as what else they can be read.

    >>> [str(column.type) for _, column in columns_of([0.5, "1970-01-01"], "at")]
    ['string', 'timestamp[us, tz=UTC]']
    """
    column = _read_by_arrow(values)
    if column is not None:
        return [(name, column)]
    try:
        columns = [(name, _one_by_one(values))]
    except UNREAD as error:
        columns = without(name, len(values), str(error))
        if _is_nested(_kinds(values)):
            return columns
    for kind in READINGS:
        try:
            column = _one_by_one(values, kind)
        except (InvalidInput, *UNREAD):
            continue
        if not column.equals(columns[0][1]):
            columns.append((reading(kind, name), column))
    return columns


def _read_by_arrow(values: Any) -> pa.Array | None:
    """None where Arrow does not know the values, or would make others of some and say nothing."""
    if _is_misread(values):
        return None
    try:
        column = pa.array(values, from_pandas=True)
    except UNREAD:
        return None
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _is_misread(values: Any) -> bool:
    kinds = _kinds(values)
    if _is_nested(kinds) or any(issubclass(kind, np.ndarray) for kind in kinds):
        return True
    families = {kind: _family(kind) for kind in kinds if kind is not type(None)}
    if len(set(families.values())) < 2:
        return False
    return len({families[type(value)] for value in values if not _is_missing(value)}) > 1


def _kinds(values: Any) -> set[type]:
    """The types of objects; none of an array that has one of its own."""
    return set(map(type, values)) if getattr(values, "dtype", np.dtype(object)) == np.dtype(object) else set()


def _is_nested(kinds: Iterable[type]) -> bool:
    return any(issubclass(kind, NESTED) for kind in kinds)


def _family(kind: type) -> int:
    return next((place for place, family in enumerate(FAMILIES) if issubclass(kind, family)), len(FAMILIES))


def _is_missing(value: Any) -> bool:
    try:
        return value is None or type(value).__name__ in NULLS or bool(value != value)  # noqa: PLR0124 - NaN
    except Exception:  # the object's own
        return False


def _one_by_one(values: Any, role: str = "") -> pa.Array:
    if role not in ONE_BY_ONE and _are_numbers(values):
        role = "number"
    build, one = ONE_BY_ONE.get(role, (arrays.texts, _text))
    return build([None if _is_missing(value) else one(value) for value in values])


def _are_numbers(values: Any) -> bool:
    """Whether these are numbers for which doubles stand: fractions, and at most other numbers among them."""
    there = [value for value in values if not _is_missing(value)]
    if all(isinstance(value, int | float | str) for value in there):
        return False  # as Arrow would have read them
    return all(map(_is_double, there))


def _is_double(value: Any) -> bool:
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return False
    return not isinstance(value, numbers.Integral) or -WHOLE_MAX <= int(value) <= WHOLE_MAX


def _text(value: Any) -> str | None:
    try:
        return text(scalar(value))
    except Unconvertible:
        raise
    except Exception:  # whatever an object's own methods raise
        raise Unconvertible(f"{shown(value)} is no category; give a string, a number or a boolean") from None


def _number(value: Any) -> float | None:
    try:
        return number(scalar(value))
    except Exception:  # whatever an object's own methods raise
        raise Unconvertible(f"{shown(value)} is no number") from None


def _truth(value: Any) -> bool | None:
    try:
        return truth(scalar(value))
    except Exception:  # whatever an object's own methods raise
        raise Unconvertible(f"{shown(value)} is not boolean") from None


def _floats(values: list[float | None]) -> pa.Array:
    return arrays.floats(np.array(values, np.float64))


def _truths(values: list[bool | None]) -> pa.Array:
    return arrays.truths(np.array(values, np.float64))


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
    "number": (_floats, _number),
    "truth": (_truths, _truth),
}


def native(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """A copy in this machine's order of bytes, and in no number wider than Arrow has; texts of numpy's own as objects."""
    if array.dtype.kind == "T":
        return array.astype(object)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="))


def listed(values: Any, role: str) -> list[Any]:
    """The values of a column given beside a table. Raises InvalidInput for what is one value."""
    if isinstance(values, str | bytes | dict | set | frozenset) or not isinstance(values, Iterable):
        raise InvalidInput(f"{role}: a {type(values).__name__} is no column; give one value for each row of the table, in a list")
    return list(values)
