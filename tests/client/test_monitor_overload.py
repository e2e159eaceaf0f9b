"""When the server is slower than the model: memory stays bounded, what is dropped is counted and told, nobody is held up."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import FakeServer

import driftline

FLUSH_S = 30.0
LOGS = 10_000


@pytest.fixture
def silent(fake: FakeServer) -> Iterator[FakeServer]:
    """It takes the connection and never answers."""
    fake.is_silent = True
    yield fake
    fake.is_silent = False


def test_a_server_that_never_answers_holds_nobody_up(silent: FakeServer, monitor: driftline.Monitor) -> None:
    row = {f"f{i}": float(i) for i in range(20)}
    started = time.thread_time(), time.perf_counter()
    for _ in range(LOGS):
        monitor.log(row)
    assert time.thread_time() - started[0] < 0.5
    assert time.perf_counter() - started[1] < 2.0  # other processes may have had the core meanwhile
    assert monitor.stats.buffered == LOGS
    silent.until(lambda silent: silent.opens)


def test_flush_gives_up_in_time(silent: FakeServer, monitor: driftline.Monitor) -> None:
    monitor.log({"amount": 1.0})
    started = time.perf_counter()
    assert not monitor.flush(0.2)
    assert 0.2 <= time.perf_counter() - started < 2.0
    started = time.perf_counter()
    monitor.close(0.2)
    assert time.perf_counter() - started < 4.0
    assert (monitor.stats.buffered, monitor.stats.dropped) == (0, 1)


def test_a_full_buffer_drops_the_oldest_and_tells(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    fake.missing = {"tests/client/model:v1"}
    monitor = monitor_of(buffer_bytes_max=200_000)
    for number in range(20_000):
        monitor.log({"amount": float(number)})
    stats = monitor.stats
    assert stats.dropped + stats.buffered == 20_000 and stats.dropped > 10_000 and stats.buffered > 100
    assert "the buffer is full" in str(stats.last_error) or "no endpoint" in str(stats.last_error)
    fake.missing = set()
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [float(number) for number in range(stats.dropped, 20_000)]
    fake.until(lambda fake: fake.lost == (stats.dropped, 0, 0))


def test_memory_stays_bounded_for_tables_too(silent: FakeServer, monitor_of: MakeMonitor) -> None:
    table = pa.table({"amount": np.arange(4096.0)})
    limit = 20 * table.nbytes
    monitor = monitor_of(buffer_bytes_max=limit)
    for _ in range(200):
        monitor.log_batch(table)
    assert monitor.stats.buffered * 8 <= limit
    assert monitor.stats.buffered + monitor.stats.dropped == 200 * 4096


def test_a_blocking_monitor_waits_and_loses_nothing(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    fake.ack_level = None
    monitor = monitor_of(on_full="block", buffer_bytes_max=100_000, batch_rows=100)
    rows = 5000

    def log() -> None:
        for number in range(rows):
            monitor.log({"amount": float(number)})

    logger = threading.Thread(target=log, daemon=True)
    logger.start()
    fake.until(lambda fake: fake.received)
    logger.join(0.3)
    assert logger.is_alive(), "nothing is acknowledged, and yet there is room"
    held = monitor.stats
    assert held.dropped == 0 and held.buffered == held.logged < rows
    fake.ack_level = fake.level
    fake.acknowledge()
    logger.join(FLUSH_S)
    assert not logger.is_alive() and monitor.flush(FLUSH_S)
    assert fake.column("amount") == [float(number) for number in range(rows)]
    assert (monitor.stats.acknowledged, monitor.stats.dropped) == (rows, 0)


def test_closing_lets_go_of_those_who_wait_for_room(silent: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(on_full="block", buffer_bytes_max=20_000)
    logger = threading.Thread(target=lambda: [monitor.log({"amount": 1.0}) for _ in range(1000)], daemon=True)
    logger.start()
    silent.until(lambda silent: silent.opens)
    monitor.close(0.0)
    logger.join(FLUSH_S)
    assert not logger.is_alive()
    assert monitor.stats.logged == 1000 == monitor.stats.dropped + monitor.stats.buffered
