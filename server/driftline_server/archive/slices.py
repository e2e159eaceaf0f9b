"""Pieces in any order become rows in the order of their times, slice of time by slice, in bounded memory.

Where to cut is guessed from the pieces' spans, as if rows were spread evenly over them. A slice that turns out larger is cut again,
at the middle of what was read of it; one that lasts a microsecond needs no order.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from driftline_core.rows import TIME
from driftline_server.archive.pieces import Piece
from driftline_server.archive.tables import conformed, joined

_SLACK = 4  # how much larger than guessed a slice may be


def in_order(
    pieces: Sequence[Piece], start_us: int, end_us: int, *, schema: pa.Schema, time: str, bytes_max: int
) -> Iterator[pa.Table]:
    """The rows of [start, end) in tables of at most about `bytes_max`, each ordered and before the next."""
    rows_max = max(1, bytes_max // (8 * len(schema)))
    waiting = sorted((piece for piece in pieces if piece.last_us >= start_us and piece.first_us < end_us), key=lambda p: p.first_us)
    cuts = _cuts(waiting, start_us, end_us, rows_max)
    stack = list(reversed(list(zip([start_us, *cuts], [*cuts, end_us], strict=True))))
    while stack:
        start_us, end_us = stack.pop()
        waiting = [piece for piece in waiting if piece.last_us >= start_us]
        inside = [piece for piece in waiting if piece.first_us < end_us]
        if end_us - start_us == 1:
            yield from (pa.Table.from_batches([rows]) for rows in _loaded(inside, start_us, end_us, schema, time))
            continue
        read, size_bytes = [], 0
        for rows in _loaded(inside, start_us, end_us, schema, time):
            read.append(rows)
            size_bytes += rows.nbytes
            if size_bytes > _SLACK * bytes_max:
                cut = _middle(read, start_us, end_us, time)
                stack += [(cut, end_us), (start_us, cut)]
                break
        else:
            if read:
                yield joined(read, time)


def _loaded(pieces: Sequence[Piece], start_us: int, end_us: int, schema: pa.Schema, time: str) -> Iterator[pa.RecordBatch]:
    start, end = pa.scalar(start_us, pa.int64()).cast(TIME), pa.scalar(end_us, pa.int64()).cast(TIME)
    for piece in pieces:
        is_whole = piece.first_us >= start_us and piece.last_us < end_us
        for rows in piece.load():
            times = rows.column(time)
            kept = rows if is_whole else rows.filter(pc.and_(pc.greater_equal(times, start), pc.less(times, end)))
            if kept.num_rows:
                yield conformed(kept, schema)


def _cuts(pieces: Sequence[Piece], start_us: int, end_us: int, rows_max: int) -> list[int]:
    """Where to cut, so that about `rows_max` rows lie between two cuts; pieces begin in rising order."""
    changes: dict[int, float] = {}  # of rows a microsecond
    for piece in pieces:
        density = piece.rows / (piece.last_us - piece.first_us + 1)
        changes[piece.first_us] = changes.get(piece.first_us, 0.0) + density
        changes[piece.last_us + 1] = changes.get(piece.last_us + 1, 0.0) - density
    cuts: list[int] = []
    at, density, gathered = start_us, 0.0, 0.0
    for change_us in [*sorted(changes), end_us]:
        stop = min(max(change_us, start_us), end_us)
        while density > 0 and gathered + density * (stop - at) > rows_max:
            step = int((rows_max - gathered) / density)
            at, gathered = max(at + step, (cuts[-1] if cuts else start_us) + 1), 0.0
            if at >= stop:
                break
            cuts.append(at)
        gathered += max(0.0, density) * max(0, stop - at)
        at = max(at, stop)
        density += changes.get(change_us, 0.0)
    return [cut for cut in cuts if start_us < cut < end_us]


def _middle(read: Sequence[pa.RecordBatch], start_us: int, end_us: int, time: str) -> int:
    """A time that parts what was read of a slice, within it."""
    times = np.concatenate([rows.column(time).cast(pa.int64()).to_numpy() for rows in read])
    return min(max(int(np.median(times)), start_us + 1), end_us - 1)
