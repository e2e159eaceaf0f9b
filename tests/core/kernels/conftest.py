"""What the kernel tests share: named distributions, numpy's answers, and the short way through the kernels."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from driftline_core import kernels

Floats = npt.NDArray[np.float64]

DISTRIBUTIONS: dict[str, Callable[[np.random.Generator, int], Floats]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "normal at 1000": lambda rng, n: rng.normal(1000, 1, n),
    "normal at 1e6": lambda rng, n: rng.normal(1e6, 1, n),
    "uniform": lambda rng, n: rng.uniform(-4, 4, n),
    "lognormal 3": lambda rng, n: rng.lognormal(0, 3, n),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "cauchy at 1000": lambda rng, n: 1000 + rng.standard_cauchy(n),
    "pareto": lambda rng, n: 1 + rng.pareto(1.2, n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "two clusters": lambda rng, n: np.where(rng.random(n) < 0.5, rng.normal(0, 1, n), rng.normal(1e6, 1, n)),
    "integers": lambda rng, n: rng.integers(0, 40, n).astype(np.float64),
    "constant": lambda rng, n: np.full(n, 3.25),
    "denormals": lambda rng, n: rng.normal(size=n) * 1e-310,
    "near the largest": lambda rng, n: rng.uniform(-1, 1, n) * 1.797e308,
}


def quantile_edges(values: Floats, bins: int) -> Floats:
    """Edges as a reference has them: quantiles, ties merged, a constant with a bin of its own."""
    edges = np.unique(np.quantile(values / 4, np.linspace(0, 1, bins + 1)) * 4)
    return edges if len(edges) > 1 else np.array([edges[0], np.nextafter(edges[0], np.inf)])


def slots_by_numpy(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """The oracle: below 0, bins 1 … B, above B + 1, NaN B + 2."""
    with np.errstate(over="ignore"):
        thresholds = np.append(edges[:-1], np.nextafter(edges[-1], np.inf))
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(thresholds, values, side="right"))


def counts_by_numpy(values: Floats, edges: Floats) -> npt.NDArray[np.int64]:
    """Counts of the oracle's slots."""
    return np.bincount(slots_by_numpy(values, edges), minlength=len(edges) + 2)


def extremes(edges: Floats) -> Floats:
    """Values at which a search goes wrong if it ever does: the edges, their neighbours, and the ends of float64."""
    tiny, huge = 5e-324, np.finfo(np.float64).max
    ends = [0.0, -0.0, tiny, -tiny, 2.3e-308, -2.3e-308, huge, -huge, np.nextafter(huge, 0), np.inf, -np.inf, np.nan, -np.nan]
    with np.errstate(over="ignore"):
        near = [np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), edges * (1 + 1e-15), -edges]
        middle = edges[:-1] / 2 + edges[1:] / 2
    return np.concatenate([edges, *near, middle, ends])


def tally(
    columns: Sequence[kernels.Numeric | kernels.Categorical | kernels.Boolean],
    batch: pa.RecordBatch,
    *,
    remaps: dict[int, Any] | None = None,
    pieces: Sequence[tuple[int, int]] | None = None,
) -> tuple[list[list[int]], npt.NDArray[np.void]]:
    """Counts by column, and moments, of a batch whose columns are named "0", "1", … by their place in the layout."""
    lookup = kernels.build_lookup(columns)
    binding = kernels.bind(batch.schema, [str(position) for position in range(len(columns))], lookup)
    pinned = kernels.pin(batch, kernels.with_remaps(binding, remaps or {}))
    total, scratch = kernels.empty_tally(lookup), kernels.new_scratch()
    for start, stop in pieces or [(0, batch.num_rows)]:
        kernels.update(total, pinned, lookup, scratch=scratch, start=start, stop=stop)
    return [part.tolist() for part in np.split(total.counts, lookup.columns["slots_at"][1:])], total.moments


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    kernels.warm_up()
