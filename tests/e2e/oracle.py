"""Counting by numpy, the slow and obvious way, over the bins that GetHistogram shows: what the server must equal."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftline_proto.v1 import metrics_pb2 as pb

Counts = npt.NDArray[np.int64]


def count(bins: Sequence[pb.Bin], array: pa.Array) -> Counts:
    """Counts of an array by bin, in the order of the bins."""
    if bins[0].name == "below":
        return _numeric(np.array([each.lower for each in bins[1:-1]]), array)
    labels = {each.category: slot for slot, each in enumerate(bins) if each.HasField("category")}
    null, other = len(bins) - 1, len(bins) - 2
    slots = [null if text is None else labels.get(text, other) for text in map(_text, array.to_pylist())]
    return np.bincount(slots, minlength=len(bins)) if slots else np.zeros(len(bins), np.int64)


def _numeric(edges: npt.NDArray[np.float64], array: pa.Array) -> Counts:
    """Edges e0 … eB, the last being the lower bound of `above`; bin i is [e_i, e_i+1), the last one closed."""
    values = np.array([np.nan if value is None else float(value) for value in array.to_pylist()])
    slots = np.searchsorted(edges, values, side="right")
    slots[values == edges[-1]] = len(edges) - 1
    slots[np.isnan(values)] = len(edges) + 1
    return np.bincount(slots, minlength=len(edges) + 2)


def _text(value: object) -> str | None:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return None if value != value else str(int(value)) if value == int(value) else repr(value)
        case None:
            return None
        case _:
            return str(value)
