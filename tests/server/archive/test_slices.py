"""Slices: pieces in any order become rows in the order of time, all of them, a bounded number at once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline_core.rows import TIME
from driftline_server.archive.slices import in_order

SCHEMA = pa.schema([("timestamp", TIME), ("number", pa.int64())])


@dataclass(frozen=True, slots=True)
class Held:
    """A piece that is in memory."""

    times: tuple[int, ...]
    first: int  # of its rows' numbers

    @property
    def rows(self) -> int:
        return len(self.times)

    @property
    def first_us(self) -> int:
        return min(self.times)

    @property
    def last_us(self) -> int:
        return max(self.times)

    def load(self) -> Iterator[pa.RecordBatch]:
        numbers = pa.array(range(self.first, self.first + self.rows), pa.int64())
        yield pa.RecordBatch.from_arrays([pa.array(self.times, pa.int64()).cast(TIME), numbers], schema=SCHEMA)


def pieces_of(times: list[list[int]]) -> list[Held]:
    firsts = np.cumsum([0, *(len(each) for each in times)]).tolist()
    return [Held(tuple(each), first) for each, first in zip(times, firsts, strict=False) if each]


def sliced(pieces: list[Held], start_us: int, end_us: int, bytes_max: int) -> list[list[tuple[int, int]]]:
    """Time and number of every row, table by table."""
    tables = in_order(pieces, start_us, end_us, schema=SCHEMA, time="timestamp", bytes_max=bytes_max)
    return [list(zip(t.column(0).cast(pa.int64()).to_pylist(), t.column(1).to_pylist(), strict=True)) for t in tables if t.num_rows]


TIMES = st.lists(st.lists(st.integers(-50, 50), max_size=30), max_size=12)


@given(TIMES, st.integers(-60, 60), st.integers(0, 80), st.sampled_from([16, 64, 100_000]))
def test_every_row_of_the_span_comes_once_and_in_order(times: list[list[int]], start_us: int, width: int, bytes_max: int) -> None:
    pieces = pieces_of(times)
    found = [row for table in sliced(pieces, start_us, start_us + width, bytes_max) for row in table]
    wanted = [
        (at, piece.first + row) for piece in pieces for row, at in enumerate(piece.times) if start_us <= at < start_us + width
    ]
    assert [at for at, _ in found] == sorted(at for at, _ in wanted)
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize("shape", ["even", "skewed", "one moment", "all over"])
def test_few_rows_are_in_memory_at_once(shape: str) -> None:
    random = np.random.default_rng(1)
    times = {
        "even": [list(range(1000 * piece, 1000 * (piece + 1))) for piece in range(50)],
        "skewed": [[0, *(random.exponential(20, 998).astype(int) + 40_000).tolist(), 100_000] for _ in range(50)],
        "one moment": [[77] * 1000 for _ in range(50)],
        "all over": [random.integers(0, 10**9, 1000).tolist() for _ in range(50)],
    }[shape]
    tables = sliced(pieces_of(times), 0, 10**9 + 1, 16 * 2_000)
    assert sum(map(len, tables)) == 50_000
    assert max(map(len, tables)) <= 4 * 2_000 + 1_000
