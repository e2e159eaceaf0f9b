"""Event times a monitor sends that the server refuses: whoever logged them learns it, and what to do."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.server import Server

import driftline

FLUSH_S = 30.0
NAME = "e2e/default/refused-times:latest"
Send = Callable[[driftline.Monitor, float], None]


def by_row(monitor: driftline.Monitor, seconds: float) -> None:
    for value in range(100):
        monitor.log({"x": value}, timestamp=seconds)


def by_table(monitor: driftline.Monitor, seconds: float) -> None:
    monitor.log_batch(pa.table({"x": np.arange(100.0)}), timestamps=[seconds] * 100)


@pytest.fixture
def monitor(server: Server) -> Iterator[driftline.Monitor]:
    with driftline.connect(server.address) as client:
        client.create_endpoint(NAME, reference=pa.table({"x": np.arange(100.0)}))
        with driftline.Monitor(server.address, NAME) as made:
            yield made
        client.delete_endpoint(NAME)


@pytest.mark.parametrize("send", [by_row, by_table])
@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (time.time() * 1e3, "in the future: epoch seconds are expected, got what looks like milliseconds"),
        (time.time() + 86_400, "they lie in the future, as 20"),
        (time.time() / 1e3, "in 1970: got what looks like epoch seconds in a column of a finer unit"),
        (datetime(2001, 1, 1, tzinfo=UTC).timestamp(), "older than what the server keeps, as 2001-01-01T00:00:00+00:00"),
    ],
    ids=["milliseconds", "tomorrow", "kiloseconds", "2001"],
)
def test_rows_that_no_window_can_hold_are_rejected_in_words(
    monitor: driftline.Monitor, caplog: pytest.LogCaptureFixture, send: Send, seconds: float, told: str
) -> None:
    with caplog.at_level(logging.WARNING, "driftline"):
        send(monitor, time.time())
        send(monitor, seconds)
        send(monitor, seconds)
        assert monitor.flush(FLUSH_S)
        stats = monitor.stats
        monitor.close()
    assert (stats.logged, stats.acknowledged, stats.rejected, stats.buffered) == (300, 100, 200, 0)
    assert stats.refused_by_time == 200
    assert told in str(stats.last_error)
    assert [told in record.message for record in caplog.records] == [True]


def test_what_is_told_is_what_the_server_counts(server: Server, monitor: driftline.Monitor) -> None:
    now = datetime.now(UTC)
    ages = [timedelta(days=days) for days in (-1, 0, 1, 500)]
    for day in range(400):
        monitor.log({"x": day}, timestamp=now - ages[day % 4])
    assert monitor.flush(FLUSH_S)
    with driftline.connect(server.address) as client:
        counters = client.endpoint(NAME).counters
    assert (counters.rows, counters.future_rows, counters.expired_rows) == (200, 100, 100)
    assert (monitor.stats.acknowledged, monitor.stats.refused_by_time) == (200, 200)
