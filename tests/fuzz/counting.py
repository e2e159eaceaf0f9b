"""What accepted payloads must have counted, found out without any of our code, in a process that a payload may kill.

pyarrow decodes, numpy counts (`tests.e2e.oracle`), over the bins that GetHistogram shows.
"""

from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np
import pyarrow as pa
from tests.e2e.oracle import Counts, count_values

from driftline_proto.v1 import metrics_pb2

FUTURE_MAX_US = 5 * 60 * 1_000_000
RETENTION_US = 400 * 24 * 3_600_000_000


@dataclass(slots=True)
class Tallied:
    """Counts by column, and rows by what became of them."""

    counts: dict[str, Counts]
    missing: dict[str, int]
    rows: int = 0
    future_rows: int = 0
    expired_rows: int = 0
    batches: int = 0

    @classmethod
    def empty(cls, bins: dict[str, list[metrics_pb2.Bin]]) -> "Tallied":
        return cls({name: np.zeros(len(each), np.int64) for name, each in bins.items()}, dict.fromkeys(bins, 0))

    def add(self, other: "Tallied") -> None:
        """Adds what was tallied elsewhere."""
        for name in self.counts:
            self.counts[name] += other.counts[name]
            self.missing[name] += other.missing[name]
        self.rows += other.rows
        self.future_rows += other.future_rows
        self.expired_rows += other.expired_rows
        self.batches += other.batches


@dataclass(slots=True)
class Oracle:
    """Tallies payloads in a process of its own."""

    bins: dict[str, list[metrics_pb2.Bin]]
    _pool: ProcessPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def tally(self, schema: pa.Schema, payloads: list[bytes], now_us: int) -> "Future[Tallied]":
        """What payloads of a declared schema, arriving at a time, add to the counts."""
        return self._pool.submit(tally, self.bins, bytes(schema.serialize()), payloads, now_us)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def tally(bins: dict[str, list[metrics_pb2.Bin]], schema: bytes, payloads: list[bytes], now_us: int) -> Tallied:
    """The counts of payloads; raises where one is no single valid batch."""
    whole = Tallied.empty(bins)
    for payload in payloads:
        _add(whole, bins, _decode(schema, payload), now_us)
    return whole


def _decode(schema: bytes, payload: bytes) -> pa.RecordBatch:
    kind = pa.ipc.read_message(payload).type
    with pa.ipc.open_stream(payload if kind == "schema" else schema + payload) as reader:
        (batch,) = reader
    batch.validate(full=True)
    return batch


def _add(whole: Tallied, bins: dict[str, list[metrics_pb2.Bin]], batch: pa.RecordBatch, now_us: int) -> None:
    whole.batches += 1
    kept = np.ones(batch.num_rows, bool)
    if "timestamp" in batch.schema.names:
        times = batch.column("timestamp").cast(pa.int64()).fill_null(now_us).to_numpy()
        future, expired = times > now_us + FUTURE_MAX_US, times < now_us - RETENTION_US
        kept = ~(future | expired)
        whole.future_rows += int(future.sum())
        whole.expired_rows += int(expired.sum())
    rows = int(kept.sum())
    whole.rows += rows
    for name, each in bins.items():
        if name in batch.schema.names:
            whole.counts[name] += count_values(each, _rows(batch.column(name), kept))
        else:
            whole.missing[name] += rows


def _rows(array: pa.Array, kept: np.ndarray) -> list[object]:
    return [value for value, keep in zip(array.to_pylist(), kept.tolist(), strict=True) if keep]
