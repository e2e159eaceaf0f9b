"""Counting by numpy and pandas, the slow and obvious way: what the engine must equal."""

from itertools import pairwise

import numpy as np
import pyarrow as pa

from driftline_core.binning import Bins, BooleanBins, CategoricalBins, NumericBins


def count(array: pa.Array | pa.ChunkedArray, bins: Bins) -> list[int]:
    """Counts of a column by slot."""
    match bins:
        case NumericBins(edges):
            return _numeric(array, np.asarray(edges))
        case CategoricalBins(categories):
            return _categorical(array, list(categories))
        case BooleanBins():
            values = [None if value is None or value != value else bool(value) for value in array.to_pylist()]
            return [values.count(False), values.count(True), values.count(None)]


def _numeric(array: pa.Array | pa.ChunkedArray, edges: np.ndarray) -> list[int]:
    values = np.array([np.nan if value is None else float(value) for value in array.to_pylist()])
    known = values[~np.isnan(values)]
    inside = [int(((known >= low) & (known < high)).sum()) for low, high in pairwise(edges)]
    inside[-1] += int((known == edges[-1]).sum())
    return [int((known < edges[0]).sum()), *inside, int((known > edges[-1]).sum()), len(values) - len(known)]


def _categorical(array: pa.Array | pa.ChunkedArray, categories: list[str]) -> list[int]:
    values = [text(value) for value in array.to_pylist()]
    known = [values.count(category) for category in categories]
    nulls = values.count(None)
    return [*known, len(values) - sum(known) - nulls, nulls]


def text(value: object) -> str | None:
    """A value as a category."""
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case float():
            if value != value:
                return None
            return str(int(value)) if value == int(value) else repr(value)
        case _:
            return str(value)
