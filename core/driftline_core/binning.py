"""Cutting a column into bins: edges from a reference's values, categories from its counts, and the slots they count into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from driftline_core.errors import InvalidInput

Floats = npt.NDArray[np.float64]

BINS = 20
BINS_MAX = 4096
CATEGORIES_MAX = 256
CATEGORY_BYTES_MAX = 1024
STRATEGIES = ("quantile", "uniform")
_MAX = float(np.finfo(np.float64).max)


@dataclass(frozen=True, slots=True)
class NumericBins:
    """Edges e0 < … < eB: bin i is [e_i, e_i+1), the last closed. Slots: below, the bins, above, null."""

    edges: tuple[float, ...]

    @property
    def slots(self) -> int:
        return len(self.edges) + 2

    @property
    def names(self) -> list[str]:
        return ["below", *map(str, range(len(self.edges) - 1)), "above", "null"]


@dataclass(frozen=True, slots=True)
class CategoricalBins:
    """The reference's categories, the most frequent first. Slots: the categories, other (unseen), null."""

    categories: tuple[str, ...]

    @property
    def slots(self) -> int:
        return len(self.categories) + 2

    @property
    def names(self) -> list[str]:
        return [*map(str, range(len(self.categories))), "other", "null"]


@dataclass(frozen=True, slots=True)
class BooleanBins:
    """Slots: false, true, null."""

    @property
    def slots(self) -> int:
        return 3

    @property
    def names(self) -> list[str]:
        return ["0", "1", "null"]


Bins = NumericBins | CategoricalBins | BooleanBins


def numeric_bins(values: Floats, strategy: str, name: str) -> NumericBins:
    """Bins of a reference's finite values (NaN and infinities are passed over; they only count in the guards).

    A column of at most 20 distinct values gets a bin a value under `quantile`, and so does a constant one under `uniform`: the
    edges are the values and the next float64 above the largest. Sorts a copy of `values`: O(n log n), twice their size.

    Raises InvalidInput where no value is finite, and for an unknown strategy.

    >>> numeric_bins(np.array([0.0, 1.0, 1.0]), "quantile", "flag").edges == (0.0, 1.0, np.nextafter(1.0, 2.0))
    True
    >>> len(numeric_bins(np.arange(1000.0), "uniform", "x").edges)
    21
    """
    if strategy not in STRATEGIES:
        raise InvalidInput(f"bins {strategy!r} is no strategy; take one of {', '.join(STRATEGIES)}, or edges", field="bins")
    ordered = np.sort(values[np.isfinite(values)])
    if not len(ordered):
        raise InvalidInput(
            f"column {name!r} has no finite value in the reference, so it has no bins; leave it out (exclude=[{name!r}])",
            field=name,
        )
    distinct = _few_distinct(ordered)
    if distinct is not None and (strategy == "quantile" or len(distinct) == 1):
        edges = _a_bin_a_value(distinct)
    elif strategy == "quantile":
        edges = _quantiles(ordered)
    else:
        edges = _spaced(ordered[0], ordered[-1])
    # -0.0 and 0.0 are one value; edges show the plain one.
    return NumericBins(tuple((np.unique(edges) + 0.0).tolist()))


def explicit_bins(edges: Sequence[float], name: str) -> NumericBins:
    """Bins of edges a person chose; raises InvalidInput unless they are 2 to 4097 finite numbers, strictly rising."""
    array = np.asarray(edges, dtype=np.float64)
    if not 2 <= len(array) <= BINS_MAX + 1 or not np.isfinite(array).all() or not (array[1:] > array[:-1]).all():
        raise InvalidInput(
            f"edges of column {name!r} are not 2 to {BINS_MAX + 1} finite numbers, each above the one before",
            field=f"bins[{name!r}]",
        )
    return NumericBins(tuple((array + 0.0).tolist()))


def single_bins(bins: NumericBins) -> NumericBins:
    """The same bins for values of single precision, in which float64 fall as if they were rounded to that.

    A model trained on float32 is served Python's floats: 0.1 is less than float32's 0.1, and would be below all bins. So an edge
    that is no whole number moves halfway towards the float32 below it, the last one towards that above it; between neighbours
    there is no value of the reference, so none changes its bin.

    >>> single_bins(NumericBins((float(np.float32(0.1)), 1.0, 2.0))).edges
    (0.09999999776482582, 1.0, 2.0)
    """
    edges = np.array(bins.edges)
    with np.errstate(over="ignore"):
        near = edges.astype(np.float32)
        above = np.where(near < edges, np.nextafter(near, np.float32(np.inf)), near).astype(np.float32)
        between = (above.astype(np.float64) + np.nextafter(above, np.float32(-np.inf))) / 2
        below = np.nextafter(near[-1], np.float32(-np.inf)) if near[-1] > edges[-1] else near[-1]
        between[-1] = (float(below) + float(np.nextafter(below, np.float32(np.inf)))) / 2
    moves = np.isfinite(between) & (edges != np.rint(edges))
    return NumericBins(tuple((np.unique(np.where(moves, between, edges)) + 0.0).tolist()))


def categorical_bins(categories: Sequence[str], counts: npt.NDArray[np.int64], name: str) -> CategoricalBins:
    """The 256 most frequent categories, ties by their text; the rest will count as `other`.

    Raises InvalidInput where there is none, and for one longer than 1,024 bytes (free text is not a category).
    """
    ranked = sorted(zip(categories, counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))[:CATEGORIES_MAX]
    if not ranked:
        raise InvalidInput(f"column {name!r} has no value in the reference; leave it out (exclude=[{name!r}])", field=name)
    for category, _ in ranked:
        if len(category.encode()) > CATEGORY_BYTES_MAX:
            raise InvalidInput(
                f"column {name!r} has a category of {len(category.encode())} bytes, over {CATEGORY_BYTES_MAX}; free text is no "
                f"category: leave it out (exclude=[{name!r}])",
                field=name,
            )
    return CategoricalBins(tuple(category for category, _ in ranked))


def _few_distinct(ordered: Floats) -> Floats | None:
    rises = np.flatnonzero(ordered[1:] != ordered[:-1])
    return np.append(ordered[rises], ordered[-1]) if len(rises) < BINS else None


def _a_bin_a_value(distinct: Floats) -> Floats:
    if distinct[-1] < _MAX:
        return np.append(distinct, np.nextafter(distinct[-1], np.inf))
    # No float64 is above the largest: it shares the last, closed bin with the value before it.
    return distinct if len(distinct) > 1 else np.array([np.nextafter(_MAX, 0), _MAX])


def _quantiles(ordered: Floats) -> Floats:
    """20 bins of equal counts (linear interpolation, Hyndman & Fan's type 7), ties to be merged."""
    at = np.linspace(0, 1, BINS + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.quantile(ordered, at)
    # Neighbours further apart than the largest float64: interpolate at half scale.
    return edges if np.isfinite(edges).all() else np.clip(np.quantile(ordered / 2, at), -_MAX / 2, _MAX / 2) * 2


def _spaced(low: float, high: float) -> Floats:
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.linspace(low, high, BINS + 1)
    edges = edges if np.isfinite(edges).all() else np.linspace(low / 2, high / 2, BINS + 1) * 2
    edges[0], edges[-1] = low, high
    return edges
