"""The buffer: its bytes are bounded whatever the rows are, and every row is in exactly one account."""

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import FakeServer

from driftline.buffer import Buffer
from driftline.layout import Row, loose_row
from driftline.problems import Problems

MiB = 2**20


def buffer_of(bytes_max: int, *, batch_rows: int = 100, is_blocking: bool = False) -> Buffer:
    """A buffer that nobody empties unless asked."""
    return Buffer(
        bytes_max=bytes_max,
        batch_rows=batch_rows,
        linger=0.0,
        is_blocking=is_blocking,
        wake=lambda: None,
        problems=Problems("m"),
    )


def row(text: str) -> tuple[Row, int]:
    return loose_row({"c": text}, None, None, None, None, None, None)


def taken(buffer: Buffer) -> Iterator[Any]:
    """Everything that is still there, row by row, in order."""
    while buffer.oldest is not None:
        with buffer.lock:
            chunks = buffer.take()
        for chunk in chunks:
            yield from chunk.rows.column("c").to_pylist() if chunk.is_table else (each[1]["c"] for each in chunk.rows)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("row"), st.sampled_from([1, 10, 3_000, 90_000])),
        st.tuples(st.just("table"), st.sampled_from([1, 30, 250])),
        st.tuples(st.just("refuse"), st.sampled_from([1, 5])),
        st.tuples(st.just("take"), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps=STEPS, bytes_max=st.sampled_from([500, 20_000, 64_000, MiB]), batch_rows=st.sampled_from([1, 7, 100]))
def test_rows_leave_in_the_order_they_came_or_are_counted(steps: list[tuple[str, int]], bytes_max: int, batch_rows: int) -> None:
    buffer = buffer_of(bytes_max, batch_rows=batch_rows)
    logged, left = [], []
    refused = 0
    for number, (step, size) in enumerate(steps):
        match step:
            case "row":
                logged.append(f"{number}:".ljust(size, "."))
                buffer.append(*row(logged[-1]))
            case "table":
                texts = [f"{number}:{place}" for place in range(size)]
                logged += texts
                buffer.extend(pa.record_batch({"c": texts}))
            case "refuse":
                refused += size
                buffer.refuse(size, "kind", "reason")
            case _ if buffer.oldest is not None:
                with buffer.lock:
                    chunks = buffer.take()
                assert sum(len(chunk.rows) for chunk in chunks) <= max(batch_rows, len(chunks[0].rows))
                for chunk in chunks:
                    left += chunk.rows.column("c").to_pylist() if chunk.is_table else [each[1]["c"] for each in chunk.rows]
        assert buffer._size_bytes <= bytes_max
    left += taken(buffer)
    positions = {text: position for position, text in enumerate(logged)}
    assert [positions[text] for text in left] == sorted(positions[text] for text in left)
    assert buffer._size_bytes == 0
    stats = buffer.stats()
    assert stats.logged == len(logged) + refused
    assert stats.dropped == len(logged) - len(left)
    assert stats.rejected == refused
    assert stats.buffered == len(left)


@pytest.mark.parametrize(
    "rows",
    [
        lambda number: {"country": "x" * (100_000 if number % 2 else 1)},
        lambda number: {"country": "x" * (100_000 if number % 61 == 60 else 1)},
        lambda number: [1.0] * 2_000,
        lambda number: {"amount": [[float(number)] * 500] * 3},
        lambda number: {"amount": np.zeros(20_000)},
        lambda number: {f"a{place}": float(place) for place in range(100)},
    ],
    ids=["every other row large", "now and then a large one", "long rows", "nested", "arrays", "wide"],
)
@pytest.mark.parametrize("known", [True, False], ids=["the schema known", "not yet"])
def test_memory_is_bounded_whatever_the_rows_are(fake: FakeServer, monitor_of: MakeMonitor, rows: Any, known: bool) -> None:
    bytes_max = 4 * MiB
    fake.is_silent = not known
    monitor = monitor_of(buffer_bytes_max=bytes_max, linger=60.0, batch_rows=10**6)
    monitor.log({"amount": 1.0})
    assert monitor.flush(1.0) is known
    fake.is_silent = True
    tracemalloc.start()
    for number in range(2000):
        monitor.log(rows(number))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1.25 * bytes_max


def test_the_last_rows_of_a_large_table_do_not_hold_on_to_all_of_it() -> None:
    buffer = buffer_of(MiB, batch_rows=4096)
    before = pa.total_allocated_bytes()
    buffer.extend(pa.record_batch({"a": np.random.default_rng(1).normal(size=2_000_000)}))
    assert buffer.stats().dropped > 1_800_000
    assert pa.total_allocated_bytes() - before <= 2 * MiB


def test_a_row_larger_than_the_buffer_is_dropped_alone() -> None:
    buffer = buffer_of(64_000)
    buffer.append(*row("a"))
    buffer.append(*row("x" * 100_000))
    buffer.append(*row("b"))
    assert list(taken(buffer)) == ["a", "b"]
    assert buffer.stats().dropped == 1
    assert "raise buffer_bytes_max" in str(buffer.stats().last_error)


def test_a_reader_is_not_read_before_there_is_room(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(on_full="block", buffer_bytes_max=MiB)
    batches, read = 200, 0

    def parts() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for _ in range(batches):
            read += 1
            assert monitor.stats.buffered * 8 <= MiB
            yield pa.record_batch({"amount": np.zeros(4000)})

    monitor.log_batch(pa.RecordBatchReader.from_batches(pa.schema({"amount": pa.float64()}), parts()))
    assert monitor.flush(30.0)
    assert (read, monitor.stats.acknowledged, monitor.stats.dropped) == (batches, batches * 4000, 0)


def test_a_reader_that_fails_has_logged_what_came_before(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    def parts() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"amount": [1.0, 2.0]})
        raise OSError("the disk is gone")

    monitor = monitor_of()
    monitor.log_batch(pa.RecordBatchReader.from_batches(pa.schema({"amount": pa.float64()}), parts()))
    assert monitor.flush(30.0)
    assert fake.column("amount") == [1.0, 2.0]
    assert "the disk is gone" in str(monitor.stats.last_error)
    assert (monitor.stats.logged, monitor.stats.rejected) == (3, 1)  # how many more it had cannot be told
