"""Counting by numpy, the slow and obvious way, over the bins that GetHistogram shows: what the server must equal."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from driftline_proto.v1 import metrics_pb2 as pb

Counts = npt.NDArray[np.int64]


def count(bins: Sequence[pb.Bin], array: pa.Array) -> Counts:
    """Counts of an array by bin, in the order of the bins."""
    if not pa.types.is_dictionary(array.type):
        return count_values(bins, array.to_pylist())
    # Each entry once, as often as its code stands there: written out, a dictionary of long words is a long text.
    entries, codes = [*array.dictionary.to_pylist(), None], array.indices.fill_null(len(array.dictionary)).to_numpy()
    rows = np.bincount(codes.astype(np.int64), minlength=len(entries))
    return np.bincount(slots_of(bins, entries), weights=rows, minlength=len(bins)).astype(np.int64)


def count_values(bins: Sequence[pb.Bin], values: Sequence[object]) -> Counts:
    """Counts of plain values by bin, in the order of the bins."""
    return np.bincount(slots_of(bins, values), minlength=len(bins))


def slots_of(bins: Sequence[pb.Bin], values: Sequence[object]) -> Counts:
    """The bin each plain value is in, by its place."""
    if bins[0].name == "below":
        return _numeric(np.array([each.lower for each in bins[1:-1]]), values)
    labels = {each.category: slot for slot, each in enumerate(bins) if each.HasField("category")}
    null, other = len(bins) - 1, len(bins) - 2
    text = _text if bins[other].name == "other" else _truth
    return np.array([null if word is None else labels.get(word, other) for word in map(text, values)], np.int64)


def _numeric(edges: npt.NDArray[np.float64], given: Sequence[object]) -> Counts:
    """Edges e0 … eB, the last being the lower bound of `above`; bin i is [e_i, e_i+1), the last one closed."""
    values = np.array([np.nan if value is None else float(value) for value in given])
    slots = np.searchsorted(edges, values, side="right")
    slots[values == edges[-1]] = len(edges) - 1
    slots[np.isnan(values)] = len(edges) + 1
    return slots


def _truth(value: object) -> str | None:
    return None if value is None or value != value else str(bool(value)).lower()


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
