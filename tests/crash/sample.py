"""What model servers send: blocks of rows made beforehand, given event times as they go out."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tests.e2e.oracle import slots_of
from tests.e2e.push import payload_of

from driftline_proto.v1 import metrics_pb2

MINUTE_US = 60_000_000
HOUR_US = 5 * MINUTE_US  # of these servers: snapshot_minutes=5
SPEED = 720  # event time against the clock: an hour takes 0.4 s
SPREAD_US = 2 * MINUTE_US
ROWS = 600
BLOCKS = 24

Ints = npt.NDArray[np.int64]
Bins = dict[str, list[metrics_pb2.Bin]]

NUMERIC = pa.schema([(f"f{i}", pa.float64()) for i in range(5)])
MIXED = pa.schema(
    [("amount", pa.float64()), ("clicks", pa.int32()), ("country", pa.dictionary(pa.int8(), pa.string())), ("known", pa.bool_())]
)
FLAGS = pa.schema([("a", pa.bool_()), ("b", pa.bool_()), ("plan", pa.string())])


def rows_of(schema: pa.Schema, rows: int, seed: int) -> pa.RecordBatch:
    """Rows with nulls, infinities, and categories that the reference may not have."""
    rng = np.random.default_rng(seed)
    return pa.record_batch([_column(field.type, rows, rng) for field in schema], schema=schema)


def _column(arrow: pa.DataType, rows: int, rng: np.random.Generator) -> pa.Array:
    holes = rng.random(rows) < 0.03
    if pa.types.is_floating(arrow):
        values = rng.normal(100, 30, rows)
        values[rng.random(rows) < 0.02] = np.inf
        return pa.array(values, mask=holes)
    if pa.types.is_integer(arrow):
        return pa.array(rng.poisson(4, rows).astype(np.int32), mask=holes)
    if pa.types.is_boolean(arrow):
        return pa.array(rng.random(rows) < 0.3, mask=holes)
    words = np.array(["DE", "FR", "other", "", f"new-{rng.integers(1000)}"])[rng.choice(5, rows, p=[0.4, 0.3, 0.1, 0.1, 0.1])]
    plain = pa.array(words, mask=holes)
    return plain.dictionary_encode().cast(arrow) if pa.types.is_dictionary(arrow) else plain


@dataclass(frozen=True, slots=True)
class Block:
    """Rows without times, and the bin of each value."""

    batch: pa.RecordBatch
    slots: dict[str, Ints]


@dataclass(frozen=True, slots=True)
class Portion:
    """A block's rows at some times."""

    block: Block
    times_us: Ints

    def batch(self) -> pa.RecordBatch:
        names = ["timestamp", *self.block.batch.schema.names]
        return pa.record_batch([pa.array(self.times_us, pa.timestamp("us", "UTC")), *self.block.batch.columns], names=names)

    def payload(self) -> bytes:
        return payload_of(self.batch())


def blocks(schema: pa.Schema, bins: Bins) -> list[Block]:
    """Blocks of different rows and sizes."""
    made = []
    for seed in range(1, BLOCKS + 1):
        batch = rows_of(schema, ROWS if seed % 4 else 7 * seed, seed)
        made.append(Block(batch, {name: slots_of(each, batch.column(name).to_pylist()) for name, each in bins.items()}))
    return made


class Timeline:
    """Event time: runs from `start_us`, faster than the clock, and stays behind it; some of what is sent is late."""

    def __init__(self, seconds: float) -> None:
        now_us = time.time_ns() // 1000
        self.start_us = (now_us - int(seconds * SPEED * 1e6)) // HOUR_US * HOUR_US - 12 * HOUR_US
        self._end_us = now_us - 4 * HOUR_US
        self._began = time.monotonic()
        self.hours = (self._end_us - self.start_us) // HOUR_US + 1

    def now_us(self) -> int:
        passed_us = int((time.monotonic() - self._began) * SPEED * 1e6)
        return min(self.start_us + SPREAD_US + passed_us, self._end_us)

    def times(self, rows: int, chance: random.Random) -> Ints:
        """Times of rows that are sent now: most of them just now, or late within an hour, or all over."""
        now_us, rng = self.now_us(), np.random.default_rng(chance.getrandbits(32))
        kind = chance.random()
        if kind < 0.85:
            return rng.integers(now_us - SPREAD_US, now_us, rows)
        if kind < 0.98:
            hour_us = self.start_us + chance.randrange((now_us - self.start_us) // HOUR_US + 1) * HOUR_US
            return rng.integers(hour_us, min(hour_us + HOUR_US, now_us), rows)
        return rng.integers(self.start_us, now_us, rows)

    def portion(self, made: Sequence[Block], chance: random.Random) -> Portion:
        """Rows to be sent now."""
        block = chance.choice(made)
        return Portion(block, self.times(block.batch.num_rows, chance))
