"""A logged row as it is kept until it is sent: its numbers packed, its texts beside them, its size known.

Packed so, a row takes a third of the memory of its objects, is little to the garbage collector of the process that serves, cannot
be changed by the caller any more, and becomes columns at next to no cost. What does not fit this form is kept as it was given.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import itemgetter
from sys import getsizeof
from typing import Any

import numpy as np

from driftline.shape import Shape
from driftline.values import said, scalar

ROLES = ("prediction", "id", "timestamp", "latency", "error", "label")
Given = tuple[Any, ...]  # a value for each of ROLES; the timestamp is in whole microseconds

# A row is (number of its layout, numbers, texts, *given). With one of these two in place of the number, what stands for the numbers
# are all values as they were given: a mapping, or a tuple in the order of the endpoint's features.
BY_NAME, IN_ORDER = -1, 0
Row = tuple[Any, ...]
Record = dict[Any, Any] | tuple[Any, ...]

PACKED_KINDS = ("numeric", "boolean")
SCALARS = frozenset({float, int, bool, str, type(None)})
FLAT = frozenset({float, type(None)})  # counted in ROW_BYTES
ROW_BYTES = getsizeof((None,) * 9) + 128  # what every row takes, its place in lists included
TEXT_BYTES = 64  # what a text takes beside its characters
SAMPLE_ITEMS, DEPTH_MAX, UNKNOWN_BYTES = 100, 4, 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """The form of rows of a shape, numbered from 1. `numbers` are the features that are packed as float64, NaN where missing."""

    number: int
    features: tuple[str, ...]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    texts_bytes: int
    read_numbers: Callable[[Any], tuple[Any, ...]]
    read_texts: Callable[[Any], tuple[Any, ...]]
    pack: Callable[..., bytes]

    def row(  # noqa: PLR0917 - by position, and not as a tuple: this is called for every prediction
        self, features: Record, prediction: Any, id_: Any, timestamp: int | None, latency: Any, error: str | None, label: Any
    ) -> tuple[Row, int]:
        """The row as it is kept, and its bytes. Called for every prediction."""
        texts: tuple[str, ...] = ()
        try:
            numbers = self.pack(*self.read_numbers(features))
            size_bytes = len(numbers) + ROW_BYTES
            if self.texts:
                texts = self.read_texts(features)
                size_bytes += getsizeof("".join(texts)) + self.texts_bytes
        except (KeyError, TypeError, OverflowError, struct.error):
            return self._uneven_row(features, (prediction, id_, timestamp, latency, error, label))
        if id_ is None and error is None and label is None and type(prediction) in FLAT and type(latency) in FLAT:
            return (self.number, numbers, texts, prediction, id_, timestamp, latency, error, label), size_bytes
        given, given_bytes = _taken((prediction, id_, timestamp, latency, error, label))
        return (self.number, numbers, texts, *given), size_bytes + given_bytes

    def record(self, row: Row) -> dict[str, Any]:
        """The features of a row again, by name."""
        numbers = struct.unpack(f"{len(self.numbers)}d", row[1])
        return dict(zip((*self.numbers, *self.texts), (*numbers, *row[2]), strict=True))

    def _uneven_row(self, features: Record, given: Given) -> tuple[Row, int]:
        """A row in order, with missing values, or with integers for categories; else kept as it was given."""
        try:
            named = features if isinstance(features, dict) else dict(zip(self.features, features, strict=True))
            numbers = self.pack(*[math.nan if value is None else value for value in self.read_numbers(named)])
            texts = tuple([str(value) if type(value) is int else value for value in self.read_texts(named)])
            texts_bytes = getsizeof("".join([text for text in texts if text is not None])) + self.texts_bytes
        except Exception:  # whatever an object's own methods raise
            return loose_row(features, *given)
        given, given_bytes = _taken(given)
        return (self.number, numbers, texts, *given), len(numbers) + texts_bytes + ROW_BYTES + given_bytes


def layout_for(shape: Shape, layouts: list[Layout]) -> Layout:
    """The layout of a shape: one of these, or a new one at their end."""
    numbers = tuple(name for name in shape.features if shape.kinds[name] in PACKED_KINDS)
    texts = tuple(name for name in shape.features if shape.kinds[name] not in PACKED_KINDS)
    for layout in layouts:
        if layout.features == shape.features and layout.numbers == numbers:
            return layout
    pack = struct.Struct(f"{len(numbers)}d").pack
    number, texts_bytes = len(layouts) + 1, len(texts) * TEXT_BYTES
    layouts.append(Layout(number, shape.features, numbers, texts, texts_bytes, _reader(numbers), _reader(texts), pack))
    return layouts[-1]


def loose_row(features: Record, *given: Any) -> tuple[Row, int]:
    """The row as it was given, and an estimate of its bytes; `given` is a value for each of ROLES."""
    given, given_bytes = _taken(given)
    if isinstance(features, dict):
        features = dict(zip(features, map(_taken_now, features.values()), strict=True))
        size_bytes = _bytes_of(tuple(features.values())) + getsizeof(features)
        return (BY_NAME, features, None, *given), size_bytes + ROW_BYTES + given_bytes
    features = tuple(map(_taken_now, features))
    return (IN_ORDER, features, None, *given), _bytes_of(features) + ROW_BYTES + given_bytes


def given_error(error: Any) -> str:
    """What an error says, at once: an exception holds the frames it went through, and all that is in them."""
    try:
        return said(error) or ""
    except Exception:  # its own
        return type(error).__name__


def _taken(given: Given) -> tuple[Given, int]:
    """What was given beside the features as it is now, and its bytes."""
    if SCALARS.issuperset(map(type, given)):
        return given, sum(map(getsizeof, given))
    given = tuple(map(_taken_now, given))
    return given, sum(map(_bytes_of, given))


def _taken_now(value: Any) -> Any:
    """What an array of one value holds now: servers write the next prediction into the same array. Others as they are."""
    try:
        if type(value) in SCALARS or isinstance(value, np.generic) or not hasattr(value, "item"):
            return value
        return scalar(value)
    except Exception:  # of several values, which is told when it is sent, or the object's own
        return value


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple([row[name] for name in names])


def _bytes_of(value: Any, depth: int = 0) -> int:
    """The memory of a value: exact for numbers and texts and what holds them, sampled where it is long."""
    try:
        size_bytes = getsizeof(value)
        if not isinstance(value, dict | list | tuple | set | frozenset):
            return size_bytes if type(value) in SCALARS else max(size_bytes, int(getattr(value, "nbytes", 0)))
        items = value.values() if isinstance(value, dict) else value
        if not items or depth == DEPTH_MAX:
            return size_bytes
        some = list(islice(items, SAMPLE_ITEMS))
        measure = getsizeof if SCALARS.issuperset(map(type, some)) else partial(_bytes_of, depth=depth + 1)
        return size_bytes + sum(map(measure, some)) * len(items) // len(some)
    except Exception:  # the object's own
        return UNKNOWN_BYTES
