"""Search tables: from the bins of an endpoint's columns to arrays that give the slot of a value in a few instructions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from driftline_core.kernels.cells import linear_cells, log_cells
from driftline_core.kernels.moments import HUGE

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.uint32]

CELLS_MAX = 4_096
DROP_BITS_MAX = 56
LOG_WORTH = 2
"""LOG takes a little longer a value than LINEAR: it is chosen where its grid is this many times smaller."""
SLOTS_MAX = 4_099
"""Slots of the widest column: 4,096 bins, below, above, null."""


class Mode(IntEnum):
    """How a column finds its slots."""

    LINEAR = 0
    """Numeric, by a grid that is uniform in the value."""
    LOG = 1
    """Numeric, by a grid that is uniform in the top bits of the value's magnitude: for heavy tails."""
    CODES = 2
    """Categorical, by dictionary codes."""
    BITS = 3
    """Boolean, by a bitmap."""


@dataclass(frozen=True, slots=True)
class Numeric:
    """A numeric column: finite edges e0 < … < eB, and the shift of its moments (the reference's mean).

    Slots: 0 below, 1 … B the bins, B + 1 above, B + 2 null. A shift beyond ±1e140 is brought to there; the one used is in
    `lookup.columns["shift"]`.
    """

    edges: Sequence[float] | Floats
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Categorical:
    """A categorical column. Slots: 0 … categories − 1, then other, then null."""

    categories: int


@dataclass(frozen=True, slots=True)
class Boolean:
    """A boolean column. Slots: 0 false, 1 true, 2 null."""


PLACE = np.dtype(
    [
        ("mode", np.int64),
        ("slots_at", np.int64),  # where the column's counts begin in a tally
        ("slots", np.int64),  # how many they are
        ("shift", np.float64),  # of the moments
        # Numeric columns, see cells.py:
        ("low", np.float64),  # the first threshold and the last: the grid lies between them, since outer edges may be far out
        ("high", np.float64),
        ("grid", np.int64),  # cells between them
        ("cells_at", np.int64),  # where the column's cells begin in cell_start
        ("thresholds_at", np.int64),
        ("levels", np.int64),  # of the search within a cell: a cell has less than 2**levels thresholds
        ("origin", np.float64),
        ("scale", np.float64),  # LINEAR: cells per unit
        ("base", np.int64),  # LOG: bits of the magnitude up to which values share the central cell
        ("drop_bits", np.int64),  # LOG: low bits that do not matter
        ("centre", np.int64),  # LOG: the central cell
    ]
)


class Lookup(NamedTuple):
    """Layout and search tables of D columns, frozen with the reference.

    columns     PLACE[D]: `slots_at` and `slots` say where a column's counts lie; the rest is for the kernels
    cell_start  uint16, all columns' cells one after the other: how many thresholds lie in the cells before
    thresholds  float64, all columns' one after the other, some NaN behind those of each
    slots       length of the counts of a tally
    """

    columns: npt.NDArray[np.void]
    cell_start: npt.NDArray[np.uint16]
    thresholds: Floats
    slots: int


def build_lookup(columns: Sequence[Numeric | Categorical | Boolean]) -> Lookup:
    """Search tables of an endpoint's columns, in the order of its layout.

    Raises ValueError for edges that are not finite and rising, and for a column of more than SLOTS_MAX slots.

    >>> lookup = build_lookup([Numeric([0.0, 1.0, 2.0]), Categorical(3), Boolean()])
    >>> lookup.columns["slots"].tolist(), lookup.columns["slots_at"].tolist(), lookup.slots
    ([5, 5, 3], [0, 5, 10], 13)
    """
    tables = [_TABLE[type(column)](column) for column in columns]
    places = np.array([table.place for table in tables], PLACE)
    if (places["slots"] > SLOTS_MAX).any():
        raise ValueError(f"a column has {places['slots'].max()} slots, over {SLOTS_MAX}")
    places["slots_at"] = _starts(places["slots"].tolist())
    places["cells_at"] = _starts([len(table.cell_start) for table in tables])
    places["thresholds_at"] = _starts([len(table.thresholds) for table in tables])
    cell_start = np.concatenate([np.empty(0, np.uint16), *(table.cell_start for table in tables)])
    thresholds = np.concatenate([np.empty(0), *(table.thresholds for table in tables)])
    return Lookup(places, cell_start, thresholds, int(places["slots"].sum()))


def _starts(lengths: list[int]) -> npt.NDArray[np.int64]:
    return np.cumsum([0, *lengths], dtype=np.int64)[:-1]


class _Table(NamedTuple):
    """One column of a lookup."""

    place: np.void
    cell_start: npt.NDArray[np.uint16] = np.empty(0, np.uint16)
    thresholds: Floats = np.empty(0)


def _categorical(column: Categorical) -> _Table:
    return _Table(_place(Mode.CODES, slots=column.categories + 2))


def _boolean(_: Boolean) -> _Table:
    return _Table(_place(Mode.BITS, slots=3))


def _numeric(column: Numeric) -> _Table:
    edges = np.asarray(column.edges, dtype=np.float64)
    if len(edges) < 2 or not np.isfinite(edges).all() or not (edges[1:] > edges[:-1]).all():
        raise ValueError(f"edges {edges} are not two or more finite numbers, each above the one before")
    # With the last threshold just above the last edge, the slot of a value is the number of thresholds up to it.
    with np.errstate(over="ignore"):
        thresholds = np.append(edges[:-1], np.nextafter(edges[-1], np.inf))
    slots = len(thresholds) + 2
    place, cells = _grid(thresholds)
    place["slots"], place["shift"] = slots, np.clip(np.nan_to_num(column.shift), -HUGE, HUGE)
    before = 1 + np.searchsorted(cells, np.arange(1, place["grid"] + 1))
    cell_start = np.concatenate([[0], before, [slots - 2, slots - 1]]).astype(np.uint16)
    return _Table(place, cell_start, np.append(thresholds, np.full(1 + (1 << int(place["levels"])), np.nan)))


_TABLE: dict[type, Callable[[Any], _Table]] = {Numeric: _numeric, Categorical: _categorical, Boolean: _boolean}


class _Grid(NamedTuple):
    place: np.void
    cells: Cells
    """Of the inner thresholds."""


def _grid(thresholds: Floats) -> _Grid:
    """The grid that needs the fewest levels, then the smaller one; LOG only where it is much smaller."""
    linear = _best(_linear_grids(thresholds[1:-1]), linear_cells, thresholds)
    if linear and linear.place["levels"] == 1 and linear.place["grid"] < LOG_WORTH * len(thresholds):
        return linear
    log = _best(_log_grids(thresholds[1:-1]), log_cells, thresholds)
    assert log is not None, "the coarsest LOG grid takes any thresholds"
    if linear is None or _rank(log, LOG_WORTH) < _rank(linear, 1):
        return log
    return linear


def _rank(grid: _Grid, weight: int) -> tuple[int, int]:
    return int(grid.place["levels"]), int(grid.place["grid"]) * weight


def _best(grids: Iterator[np.void], cells_of: Callable[..., None], thresholds: Floats) -> _Grid | None:
    """Of ever finer grids, the first with at most one threshold in each cell, else the one with the fewest."""
    inner, best = thresholds[1:-1], None
    for place in grids:
        cells = np.empty(len(inner), np.uint32)
        place["low"], place["high"] = thresholds[0], thresholds[-1]
        cells_of(inner, place, cells)
        place["levels"] = max(1, int(np.bincount(cells, minlength=1).max()).bit_length())
        if best is None or place["levels"] < best.place["levels"]:
            best = _Grid(place, cells)
        if place["levels"] == 1:
            break
    return best


def _linear_grids(inner: Floats) -> Iterator[np.void]:
    """Grids from the first inner threshold to the last, each some percent finer than the one before."""
    with np.errstate(over="ignore"):
        span = inner[-1] - inner[0] if len(inner) > 1 else 1.0
    grid = max(1, len(inner))
    while grid <= CELLS_MAX:
        with np.errstate(over="ignore"):
            scale = grid / span
        # A scale of infinity would make NaN of the origin, one of zero of infinity.
        if np.isfinite(scale) and scale > 0:
            yield _place(Mode.LINEAR, grid=grid, origin=inner[0] if len(inner) else 0.0, scale=scale)
        grid += 1 + grid // 16


def _log_grids(inner: Floats) -> Iterator[np.void]:
    """Grids around zero and around the middle threshold, each twice as fine as the one before."""
    origins = {0.0, inner[len(inner) // 2]}
    for drop_bits in range(DROP_BITS_MAX, -1, -1):
        for origin in sorted(origins, key=abs):
            place = _log_grid(inner, origin, drop_bits)
            if place is not None:
                yield place


def _log_grid(inner: Floats, origin: float, drop_bits: int) -> np.void | None:
    with np.errstate(over="ignore"):
        distances = inner - origin
    bits = np.abs(distances).view(np.int64)
    # The threshold nearest to the origin falls into the centre, the next one just outside.
    base = max(0, int(np.partition(bits, 1)[1]) - (1 << drop_bits))
    keys = np.maximum(bits - base >> drop_bits, 0)
    left, right = int(keys[distances < 0].max(initial=0)), int(keys[distances >= 0].max(initial=0))
    if left + 1 + right > CELLS_MAX:
        return None
    return _place(Mode.LOG, grid=left + 1 + right, origin=origin, base=base, drop_bits=drop_bits, centre=left + 1)


def _place(mode: Mode, **fields: float) -> np.void:
    place: np.void = np.zeros(1, PLACE)[0]
    place["mode"] = mode
    for name, value in fields.items():
        place[name] = value
    return place
