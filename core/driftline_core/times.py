"""Event times as they come, as epoch microseconds."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import types

from driftline_core.errors import InvalidInput
from driftline_core.panes import FAR_FUTURE_US, FAR_PAST_US, Micros

Mask = npt.NDArray[np.bool_]

_PER_UNIT = {"s": 1_000_000.0, "ms": 1_000.0}


def outside(times_us: Micros, arrival_us: int, *, future_max_us: int, retention_us: int) -> tuple[Mask, Mask]:
    """Which rows are too far ahead of their arrival to be counted, and which too far behind it.

    >>> [each.tolist() for each in outside(np.array([0, 50, 70]), 50, future_max_us=10, retention_us=40)]
    [[False, False, True], [True, False, False]]
    """
    return times_us > arrival_us + future_max_us, times_us < arrival_us - retention_us


def check_times(arrow: pa.DataType, name: str) -> None:
    """Raises InvalidInput unless a column of this type can be event times."""
    if not (types.is_timestamp(arrow) or types.is_integer(arrow) or types.is_floating(arrow) or types.is_null(arrow)):
        raise InvalidInput(
            f"column {name!r} is {arrow} where event times are wanted; send an Arrow timestamp, or numbers: epoch seconds",
            field=name,
        )


def times_us(array: pa.Array, default_us: int) -> Micros:
    """Epoch microseconds of a timestamp column of any unit and zone (naive means UTC), or of numbers (epoch seconds).

    Times outside ±73,000 years are cut to that; null and NaN become `default_us`.

    >>> times_us(pa.array([1.5, None]), 7).tolist()
    [1500000, 7]
    """
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    if types.is_timestamp(array.type) and array.type.unit in ("us", "ns"):
        whole = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        micros = whole // 1000 if array.type.unit == "ns" else np.clip(whole, FAR_PAST_US, FAR_FUTURE_US)
    else:
        scale = _PER_UNIT[array.type.unit] if types.is_timestamp(array.type) else 1_000_000.0
        number = (array.cast(pa.int64()) if types.is_timestamp(array.type) else array).cast(pa.float64(), safe=False)
        filled = np.where(missing, 0.0, number.to_numpy(zero_copy_only=False))
        micros = np.rint(np.clip(filled * scale, FAR_PAST_US, FAR_FUTURE_US)).astype(np.int64)
    return np.where(missing, default_us, micros)
