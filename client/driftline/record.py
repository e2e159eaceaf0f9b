"""One row as callers have it: a mapping, a sequence, a numpy or pandas row, taken as a dict by name or a tuple in order."""

from collections.abc import Iterable
from typing import Any

from driftline.errors import InvalidInput
from driftline.names import column_name


def record_of(features: Any) -> dict[Any, Any] | tuple[Any, ...]:
    """The values of a row that is no dict. Raises InvalidInput, and whatever the object's own methods raise.

    >>> record_of([1, 2]), record_of(range(2))
    ((1, 2), (0, 1))
    """
    if isinstance(features, dict):
        return dict(features)  # of a subclass, whose reading may add to it
    if hasattr(features, "tolist") and hasattr(features, "index") and not callable(features.index):  # a pandas Series
        return dict(zip(map(column_name, features.index), features.tolist(), strict=True))
    if hasattr(features, "keys"):
        return dict(features)
    if hasattr(features, "tolist"):  # numpy
        features = features.tolist()
    if isinstance(features, str | bytes | set | frozenset) or not isinstance(features, Iterable):
        raise InvalidInput(f"a {type(features).__name__} is no row; give a mapping by column, or the values in the schema's order")
    return tuple(features)
