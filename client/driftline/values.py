"""Python values as Arrow columns, by kind: a fast way for what is usual, value by value for the rest."""

import cmath
import decimal
import enum
import math
import numbers
import operator
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftline import arrays
from driftline.spans import instant_us, numpy_us

SECOND_US = 10**6
INT64_MAX = 2**63 - 1
WHOLE_MAX = 2**53
# What pandas and numpy's masked arrays have for a missing value; pandas itself is not imported here.
NULLS = frozenset({"NAType", "NaTType", "MaskedConstant"})
NUMBERS = frozenset({float, int, bool, np.float64, np.float32, type(None)})
NO_BYTES = "bytes are no number; decode them"
WORDS = {"true": True, "1": True, "false": False, "0": False}


class Unconvertible(ValueError):
    """A value that does not fit its column's kind."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How values of a kind become a column: those of `usual` types all at once by `build`, others each by `one` before it."""

    usual: frozenset[type]
    build: Callable[[Sequence[Any]], pa.Array]
    one: Callable[[Any], Any]


def convert(values: Sequence[Any], kind: str) -> tuple[pa.Array, dict[int, str]]:
    """The column, and the positions that could not be converted (null in it), each with the reason."""
    conversion = CONVERSIONS[kind]
    if conversion.usual.issuperset(map(type, values)):
        try:
            return conversion.build(values), {}
        except (OverflowError, ValueError):  # one of them is too large, or no text
            pass
    converted, bad = _one_by_one(values, kind, conversion.one)
    return conversion.build(converted), bad


def numbers_of(values: Sequence[Any], kind: str) -> tuple[npt.NDArray[np.float64], dict[int, str]]:
    """Values of kind "numeric" or "boolean" as float64, missing ones NaN; and the positions that could not be converted."""
    if NUMBERS.issuperset(map(type, values)):
        try:
            return np.array(values, np.float64), {}
        except OverflowError:  # one of them
            pass
    converted, bad = _one_by_one(values, kind, truth if kind == "boolean" else number)
    return np.array(converted, np.float64), bad


def _one_by_one(values: Sequence[Any], kind: str, one: Callable[[Any], Any]) -> tuple[list[Any], dict[int, str]]:
    converted: list[Any] = []
    bad: dict[int, str] = {}
    for position, value in enumerate(values):
        try:
            converted.append(None if value is None else one(scalar(value)))
        except Exception as error:  # whatever an object's own methods raise
            converted.append(None)
            bad[position] = str(error) if isinstance(error, Unconvertible) else _unfit(value, kind)
    return converted, bad


def _unfit(value: Any, kind: str) -> str:
    try:
        return f"{shown(value)} is not {kind}"
    except Exception:  # its repr
        return f"a {type(value).__name__} is not {kind}"


def scalar(value: Any) -> Any:
    """Numpy scalars, arrays of one value and tensors of one value as Python's own; missing values as None."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]  # which, unlike item(), knows an instant and what is masked
    if type(value).__name__ in NULLS:
        return None
    if isinstance(value, np.datetime64):
        return value
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, complex) and cmath.isnan(value) else value


def shown(value: Any) -> str:
    kind = type(value).__name__
    try:
        text = f"{kind} of shape {value.shape}" if hasattr(value, "shape") else f"{kind} {value!r}"
    except Exception:  # an object whose own methods raise costs its own row, not the batch
        text = f"{kind} that cannot be shown"
    return text if len(text) <= 80 else text[:77] + "..."


def number(value: Any) -> float | None:
    """A number as float64; integers beyond 2**53 are rounded. Text is one as tables have it: without spaces, "_" or "true"."""
    if isinstance(value, bytes | bytearray | memoryview):
        raise Unconvertible(NO_BYTES)
    if isinstance(value, str) and not (value.isascii() and value == value.strip() and "_" not in value):
        raise Unconvertible(f"{shown(value)} is not numeric")
    try:
        return None if value is None else float(value)
    except OverflowError:  # an integer beyond all doubles, as a table has it
        return math.inf if value > 0 else -math.inf


def truth(value: Any) -> bool | None:
    """A number is true unless it is zero; NaN is null."""
    if value is None:
        return None
    if isinstance(value, str):
        return WORDS[value.lower()]
    if not isinstance(value, numbers.Real | decimal.Decimal):
        raise Unconvertible(f"{shown(value)} is not boolean")
    return None if value != value else bool(value)  # noqa: PLR0124 - NaN of any type


def text(value: Any) -> str | None:
    """A category: 7, 2.5 and true as text; NaN is null; a list or a mapping is no category."""
    if value is None or isinstance(value, str):
        written = value
    elif isinstance(value, bool):
        written = "true" if value else "false"
    elif isinstance(value, enum.Enum):
        written = text(value.value)
    elif isinstance(value, float):
        written = None if math.isnan(value) else _float_text(value)
    elif isinstance(value, bytes):
        written = value.decode()
    elif isinstance(value, decimal.Decimal):
        written = _decimal_text(value)
    elif isinstance(value, np.datetime64):
        written = text(value.astype("datetime64[us]").item())
    elif isinstance(value, int | uuid.UUID | date | time):
        written = str(_in_micros(value))
    elif isinstance(value, numbers.Real):  # a fraction
        written = text(float(value))
    else:
        raise Unconvertible(f"{shown(value)} is no category; give a string, a number or a boolean")
    if written is not None and not written.isascii():
        _require_text(written)
    return written


def _in_micros(value: Any) -> Any:
    """The value; of pandas' instants, which have nanoseconds, what a column of them has."""
    return value.replace(nanosecond=0) if getattr(value, "nanosecond", 0) else value


def _require_text(written: str) -> None:
    try:
        written.encode()
    except UnicodeEncodeError:
        raise Unconvertible(
            f"{shown(written)} is no text: it holds half of a surrogate pair; write written.encode(errors='replace').decode()"
        ) from None


@lru_cache(maxsize=4096)
def _float_text(value: float) -> str:
    # As the server has it: whole numbers as integers, to which -0.0 is 0.
    if value.is_integer() and abs(value) <= WHOLE_MAX:
        return str(int(value))
    written: str = pa.scalar(value, pa.float64()).cast(pa.string()).as_py()
    return written


def _decimal_text(value: decimal.Decimal) -> str | None:
    """Without the zeros at its end, as the server writes it: 2.50 is the category of 2.5, and 2.00 that of 2."""
    if not value.is_finite():
        return text(float(value))
    written = format(value, "f") if value.adjusted() >= -6 or not value else str(value)
    digits, point, exponent = written.partition("E")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return "0" if not value else digits + point + exponent


def micros(value: Any) -> int | None:
    """Epoch microseconds of a datetime (naive is UTC), a number (epoch seconds), a datetime64 or ISO 8601 text.

    What is missing (None, NaN, NaT, NA) is None. Raises InvalidInput and whatever the object's own methods raise.
    """
    if value is None or type(value).__name__ in NULLS:
        return None
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else _within(numpy_us(value))
    if isinstance(value, np.number):
        value = value.item()
    if isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool):
        return None if math.isnan(value) else _within(round(value * SECOND_US))
    return instant_us(value)


def _within(us: int) -> int:
    if abs(us) > INT64_MAX:
        raise Unconvertible(f"{us:.3e} microseconds is outside of time")
    return us


def said(value: Any) -> str | None:
    """What an error says; an exception without words is named."""
    written = value if value is None or isinstance(value, str) else str(value) or type(value).__name__
    return None if written is None else written.encode(errors="replace").decode()


def _whole(value: Any) -> int:
    whole = operator.index(value)
    if not -INT64_MAX <= whole <= INT64_MAX:
        raise Unconvertible(f"id {whole} is too large; give it as a string")
    return whole


def _as_text(build: Callable[[Sequence[Any]], pa.Array]) -> Callable[[Sequence[Any]], pa.Array]:
    return lambda values: build([str(value) if type(value) is int else value for value in values])


def _usual(*types: type) -> frozenset[type]:
    return frozenset({*types, type(None)})


# By kind of column, and by name of the reserved ones. "id" is for integers, "id_text" for all else. A row's timestamp is in whole
# microseconds already.
CONVERSIONS = {
    "categorical": Conversion(_usual(str, int), _as_text(arrays.categories), text),
    "id": Conversion(_usual(int), arrays.integers, _whole),
    "id_text": Conversion(_usual(str, int), _as_text(arrays.texts), text),
    "timestamp": Conversion(_usual(int), arrays.timestamps, operator.index),
    "error": Conversion(_usual(str), arrays.texts, said),
}
