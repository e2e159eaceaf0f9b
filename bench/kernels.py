"""How fast the kernels are: against numpy, against fast_histogram, and as rows, columns and bins double.

    python bench/kernels.py [--json] [--quick]

Every figure is a median; candidates of a table take turns within each round of one run, with the garbage collector off. Compare
ratios, not nanoseconds: machines differ, and a shared one differs from minute to minute.
"""

import argparse
import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import thread_time

import fast_histogram
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from machine import Others

from driftline_core import kernels

Floats = npt.NDArray[np.float64]
Counted = kernels.Numeric | kernels.Categorical | kernels.Boolean
Remaps = dict[int, npt.NDArray[np.uint32]]
Call = Callable[[], object]

ROWS = 65_536
SAMPLE_SECONDS = 0.003


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio of two medians, and what it is to be."""

    name: str
    ours_ns: float
    other_ns: float
    ratio: float
    goal: str
    met: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A median, by itself and relative to the first of its table."""

    name: str
    ns: float
    relative: float


@dataclass(frozen=True, slots=True)
class Doubling:
    """What it costs to have twice as many of something."""

    what: str
    at: int
    us: float
    us_doubled: float
    ratio: float
    ns_per_value: float


def medians(calls: dict[str, Call], rounds: int) -> dict[str, float]:
    """Median seconds of each call on the processor, in turns: each sample repeats a call for some milliseconds."""
    repeats = {}
    for name, call in calls.items():
        call()
        start = thread_time()
        call()
        repeats[name] = max(1, int(SAMPLE_SECONDS / max(thread_time() - start, 1e-7)))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    gc.disable()
    for _ in range(rounds):
        for name, call in calls.items():
            start = thread_time()
            for _ in range(repeats[name]):
                call()
            samples[name].append((thread_time() - start) / repeats[name])
    gc.enable()
    return {name: median(of) for name, of in samples.items()}


def update_of(
    arrays: Sequence[pa.Array], columns: Sequence[Counted], remaps: Remaps | None = None, rows: int | None = None
) -> Call:
    """A call that counts all rows of columns, ready to be timed."""
    lookup = kernels.build_lookup(columns)
    names = [str(position) for position in range(len(arrays))]
    batch = pa.RecordBatch.from_arrays(list(arrays), names)
    pinned = kernels.pin(batch, kernels.with_remaps(kernels.bind(batch.schema, names, lookup), remaps or {}))
    tally, scratch, stop = kernels.empty_tally(lookup), kernels.new_scratch(), batch.num_rows if rows is None else rows
    return lambda: kernels.update(tally, pinned, lookup, scratch=scratch, start=0, stop=stop)


def numeric(values: Floats, bins: int, array: pa.Array | None = None) -> Call:
    """A call that counts one column by the quantiles of its values."""
    return update_of(
        [pa.array(values) if array is None else array], [kernels.Numeric(quantiles(values, bins), float(np.median(values)))]
    )


def quantiles(values: Floats, bins: int) -> Floats:
    return np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)))


def by_numpy(values: Floats, bins: int) -> Call:
    """The plain way in numpy, which knows neither guards nor nulls nor moments."""
    inner = quantiles(values, bins)[1:-1]
    return lambda: np.bincount(np.searchsorted(inner, values, side="right"), minlength=bins)


def goals(rng: np.random.Generator, rounds: int) -> list[Goal]:
    normal, uniform = rng.normal(size=ROWS), rng.uniform(-4, 4, ROWS)
    cauchy, lognormal = rng.standard_cauchy(ROWS), rng.lognormal(0, 3, ROWS)
    nulls = pa.array(normal, mask=rng.random(ROWS) < 0.05)
    edges = quantiles(normal, 20)
    even = kernels.Numeric(np.linspace(-4, 4, 21), 0.0)
    seconds = medians(
        {
            "ours 20": numeric(normal, 20),
            "numpy 20": by_numpy(normal, 20),
            "ours 256": numeric(normal, 256),
            "numpy 256": by_numpy(normal, 256),
            "ours 1024": numeric(normal, 1024),
            "numpy 1024": by_numpy(normal, 1024),
            "np.histogram 20": lambda: np.histogram(normal, edges),
            "ours even": update_of([pa.array(uniform)], [even]),
            "fast_histogram": lambda: fast_histogram.histogram1d(uniform, range=(-4, 4), bins=20),
            "cauchy": numeric(cauchy, 20),
            "lognormal": numeric(lognormal, 20),
            "nulls": numeric(normal, 20, nulls),
        },
        rounds,
    )

    def goal(name: str, ours: str, other: str, *, at_least: float = 0.0, at_most: float = 0.0) -> Goal:
        a, b = seconds[ours], seconds[other]
        ratio = b / a if at_least else a / b
        text = f">= {at_least:g}x" if at_least else f"<= {at_most:g}x"
        return Goal(name, a / ROWS * 1e9, b / ROWS * 1e9, ratio, text, ratio >= at_least if at_least else ratio <= at_most)

    return [
        goal("20 quantile bins: speed against searchsorted + bincount", "ours 20", "numpy 20", at_least=12),
        goal("256 quantile bins: speed against searchsorted + bincount", "ours 256", "numpy 256", at_least=20),
        goal("1024 quantile bins: speed against searchsorted + bincount", "ours 1024", "numpy 1024", at_least=20),
        goal("20 quantile bins: speed against np.histogram, which sorts", "ours 20", "np.histogram 20", at_least=2),
        goal("20 even bins: speed against fast_histogram (counts only)", "ours even", "fast_histogram", at_least=0.75),
        goal("Cauchy, 20 bins: time against normal", "cauchy", "ours 20", at_most=1.5),
        goal("lognormal of sigma 3, 20 bins: time against normal", "lognormal", "ours 20", at_most=1.5),
        goal("5% nulls: time against none", "nulls", "ours 20", at_most=1.5),
    ]


def kinds(rng: np.random.Generator, rounds: int) -> list[Figure]:
    normal = rng.normal(size=ROWS)
    clusters = np.where(rng.random(ROWS) < 0.5, normal, 1e6 + rng.normal(size=ROWS))
    whole = rng.integers(0, 100, ROWS)
    entries = pa.array([f"category {n}" for n in range(100)])
    remap: Remaps = {0: np.arange(100, dtype=np.uint32)}
    missing = rng.random(ROWS) < 0.05

    def codes(dtype: type, mask: npt.NDArray[np.bool_] | None = None) -> Call:
        indices = pa.array(whole.astype(dtype), mask=mask)
        return update_of([pa.DictionaryArray.from_arrays(indices, entries)], [kernels.Categorical(100)], remap)

    return figures(
        {
            "float64": numeric(normal, 20),
            "float64, every value the same": update_of([pa.array(np.full(ROWS, 0.1))], [kernels.Numeric(quantiles(normal, 20))]),
            "float64, 5% nulls": numeric(normal, 20, pa.array(normal, mask=missing)),
            "float64, two far clusters": numeric(clusters, 20),
            "float64, two far clusters, 256 bins": numeric(clusters, 256),
            "float32": numeric(normal, 20, pa.array(normal.astype(np.float32))),
            "int64": numeric(whole.astype(np.float64), 20, pa.array(whole)),
            "int8": numeric(whole.astype(np.float64), 20, pa.array(whole.astype(np.int8))),
            "dictionary, int32 codes": codes(np.int32),
            "dictionary, int8 codes": codes(np.int8),
            "dictionary, int32 codes, 5% nulls": codes(np.int32, missing),
            "boolean": update_of([pa.array(normal > 0)], [kernels.Boolean()]),
            "boolean, 5% nulls": update_of([pa.array(normal > 0, mask=missing)], [kernels.Boolean()]),
        },
        rounds,
    )


def figures(calls: dict[str, Call], rounds: int) -> list[Figure]:
    seconds = medians(calls, rounds)
    first = next(iter(seconds.values()))
    return [Figure(name, each / ROWS * 1e9, each / first) for name, each in seconds.items()]


def doublings(rng: np.random.Generator, rounds: int) -> list[Doubling]:
    """Time at a size and at twice that size: the whole call from Python, and the taking of a batch's addresses."""
    wide = [rng.normal(size=1024) for _ in range(2000)]
    tall = [rng.normal(size=2 * ROWS) for _ in range(20)]

    def rows(n: int) -> Call:
        return update_of([pa.array(values) for values in tall], [kernels.Numeric(quantiles(v[:1000], 20)) for v in tall], rows=n)

    def columns(n: int, rows: int) -> Call:
        return update_of([pa.array(v) for v in wide[:n]], [kernels.Numeric(quantiles(v, 20)) for v in wide[:n]], rows=rows)

    def bins(n: int, rows: int) -> Call:
        return update_of([pa.array(values) for values in tall], [kernels.Numeric(quantiles(v[:ROWS], n)) for v in tall], rows=rows)

    def pins(n: int) -> Call:
        batch = pa.RecordBatch.from_arrays([pa.array(v) for v in wide[:n]], list(map(str, range(n))))
        binding = kernels.bind(batch.schema, batch.schema.names, kernels.build_lookup([kernels.Numeric([0.0, 1.0])] * n))
        return lambda: kernels.pin(batch, binding)

    sweeps: list[tuple[str, Sequence[int], Callable[[int], Call], Callable[[int], int]]] = [
        ("rows (20 columns, 20 bins)", (1, 100, 4096, ROWS), rows, lambda n: 20 * n),
        ("columns (1 row, 20 bins)", (1, 20, 100, 1000), lambda n: columns(n, 1), lambda n: n),
        ("columns (1024 rows, 20 bins)", (1, 20, 100, 1000), lambda n: columns(n, 1024), lambda n: 1024 * n),
        ("bins (1 row, 20 columns)", (20, 256, 1024), lambda n: bins(n, 1), lambda _: 20),
        ("bins (4096 rows, 20 columns)", (20, 256, 1024), lambda n: bins(n, 4096), lambda _: 20 * 4096),
        ("columns pinned", (1, 20, 100, 1000), pins, lambda n: n),
    ]
    table = []
    for what, sizes, call_of, values in sweeps:
        seconds = medians({str(n): call_of(n) for n in sorted({*sizes, *(2 * n for n in sizes)})}, max(3, rounds // 3))
        for n in sizes:
            once, twice = seconds[str(n)] * 1e6, seconds[str(2 * n)] * 1e6
            table.append(Doubling(what, n, once, twice, twice / once, once * 1e3 / values(n)))
    return table


def print_tables(goals: list[Goal], kinds: list[Figure], doublings: list[Doubling]) -> None:
    print(f"{ROWS:,} float64 in cache, one column: bins, guards and moments in one kernel. ns a value.\n")
    print(f"{'':58}{'ours':>8}{'other':>8}{'ratio':>8}  goal")
    for row in goals:
        verdict = "goal met" if row.met else "goal MISSED"
        print(f"{row.name:58}{row.ours_ns:8.2f}{row.other_ns:8.2f}{row.ratio:7.2f}x  {row.goal:9}{verdict}")
    print(f"\n{'by type':58}{'ns':>8}{'to float64':>14}")
    for figure in kinds:
        print(f"{figure.name:58}{figure.ns:8.2f}{figure.relative:13.2f}x")
    print(f"\n{'what a doubling costs':32}{'at':>8}{'us a call':>12}{'at twice':>12}{'ratio':>9}{'ns a value':>12}")
    for doubling in doublings:
        print(
            f"{doubling.what:32}{doubling.at:8}{doubling.us:12.2f}{doubling.us_doubled:12.2f}{doubling.ratio:8.2f}x{doubling.ns_per_value:12.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: about 15 seconds")
    options = parser.parse_args()
    rounds = 15 if options.quick else 61
    kernels.warm_up()
    others = Others()
    rng = np.random.default_rng(20)
    tables = goals(rng, rounds), kinds(rng, rounds), doublings(rng, rounds)
    if options.json:
        named: dict[str, Sequence[Goal | Figure | Doubling]] = dict(zip(("goals", "kinds", "doublings"), tables, strict=True))
        print(json.dumps({name: [asdict(row) for row in table] for name, table in named.items()}, indent=1))
    else:
        print_tables(*tables)
        print(f"\n{others}")


if __name__ == "__main__":
    main()
