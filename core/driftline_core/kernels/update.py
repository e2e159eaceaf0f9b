"""Counting a batch: one kernel call over all its columns."""

from typing import Any

from driftline_core.kernels.arrow import PinnedBatch
from driftline_core.kernels.cells import linear_cells, log_cells, settle
from driftline_core.kernels.count import count_few, count_slots, fold_histogram
from driftline_core.kernels.jit import kernel, part
from driftline_core.kernels.load import load_bits, load_codes, load_numbers
from driftline_core.kernels.lookup import Lookup, Mode
from driftline_core.kernels.memory import BLOCK_ROWS, Scratch, Tally
from driftline_core.kernels.moments import add_moments
from driftline_core.kernels.pointers import borrowed

ROWS_MAX = 2**31
"""Rows of one call: counts of a call are 32 bits wide."""


def update(tally: Tally, batch: PinnedBatch, lookup: Lookup, *, scratch: Scratch, start: int, stop: int) -> None:
    """Add rows [start, stop) of a batch to a tally, all columns in one kernel call that releases the GIL.

    Raises ValueError where tally, batch and lookup are not of one layout, or the rows are not in the batch.
    """
    if not len(tally.moments) == len(batch.columns) == len(lookup.columns) or len(tally.counts) != lookup.slots:
        raise ValueError("tally, batch and lookup are not of one layout")
    if not 0 <= start <= stop <= batch.rows or stop - start > ROWS_MAX:
        raise ValueError(f"rows {start} to {stop} are not in a batch of {batch.rows}")
    update_columns(tally, batch.columns, batch.remap, lookup, scratch, start, stop)


@kernel
def update_columns(tally: Any, sources: Any, remap: Any, lookup: Any, scratch: Any, start: Any, stop: Any) -> None:  # noqa: PLR0917
    """The kernel behind `update`: see there. Positional, since numba's keywords cost more than its work on a small batch."""
    tally, lookup, scratch = _borrowed_tally(tally), _borrowed_lookup(lookup), _borrowed_scratch(scratch)
    sources, remap = borrowed(sources), borrowed(remap)
    for c in range(sources.size):
        source, place = sources[c], lookup.columns[c]
        if source.values == 0:
            continue
        # Folding costs as much as slots, so fewer rows than slots are counted straight into the tally.
        few = stop - start < place.slots
        counts = tally.counts[place.slots_at : place.slots_at + place.slots]
        for row in range(start, stop, BLOCK_ROWS):
            rows = min(BLOCK_ROWS, stop - row)
            slots = scratch.slots[:rows]
            first = source.offset + row
            if place.mode == Mode.CODES:
                load_codes(source, first, remap, slots, scratch.bits)
            elif place.mode == Mode.BITS:
                load_bits(source, first, slots, scratch.bits)
            else:
                values = load_numbers(source, first, rows, scratch)
                add_moments(values, place.shift, tally.moments[c])
                _locate(values, place, lookup, slots)
            if few:
                count_few(slots, counts)
            else:
                count_slots(slots, scratch.histograms)
        if not few:
            fold_histogram(scratch.histograms, counts)


@part
def _locate(values: Any, place: Any, lookup: Any, slots: Any) -> None:
    """The slots of numeric values."""
    if place.mode == Mode.LINEAR:
        linear_cells(values, place, slots)
    else:
        log_cells(values, place, slots)
    settle(values, slots, lookup.cell_start[place.cells_at :], lookup.thresholds[place.thresholds_at :], place.levels)


@part
def _borrowed_tally(tally: Any) -> Any:
    return Tally(borrowed(tally.counts), borrowed(tally.moments))


@part
def _borrowed_lookup(lookup: Any) -> Any:
    return Lookup(borrowed(lookup.columns), borrowed(lookup.cell_start), borrowed(lookup.thresholds), lookup.slots)


@part
def _borrowed_scratch(s: Any) -> Any:
    return Scratch(borrowed(s.values), borrowed(s.bits), borrowed(s.slots), borrowed(s.histograms))
