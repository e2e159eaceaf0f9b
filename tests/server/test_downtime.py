"""A server that was away: the hours it missed are closed and stored, and late rows land where they belong."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from tests.e2e.push import PushClient, payload_of
from tests.e2e.watched import create
from tests.server.inside import CALL_S, WAIT_S, Inside, SetClock, records_of, stored_hours, writing_is_held_up

from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US
from driftline_proto.v1 import metrics_pb2
from driftline_server.records import Record

START_US = 1_700_000_000_000_000 // HOUR_US * HOUR_US
NAME = "tests/away/model:v1"
REFERENCE = pa.record_batch({"x": np.arange(100.0)})
ALL = metrics_pb2.Span(start_us=0)


def push(server: Inside, times_us: Sequence[int | None]) -> None:
    """Rows of some event times (None: when they arrive), acknowledged as durable."""
    batch = pa.record_batch({"timestamp": pa.array(times_us, pa.timestamp("us")), "x": np.arange(float(len(times_us)))})
    with PushClient(server.ingest) as stream:
        handle = stream.open(NAME, batch.schema)
        stream.push(handle, payload_of(batch))
        stream.settle()
        assert not handle.rejected


def rows_of(server: Inside, start_us: int = 0, end_us: int | None = None) -> int:
    span = metrics_pb2.Span(start_us=start_us, end_us=end_us)
    return server.metrics.GetDrift(metrics_pb2.GetDriftRequest(endpoint=NAME, span=span), timeout=CALL_S).rows


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it does not become so"
        time.sleep(0.05)


def test_a_day_without_a_server(tmp_path: Path) -> None:
    clock = SetClock(START_US + 10 * MINUTE_US)
    with Inside(tmp_path / "first", clock) as first:
        create(first, REFERENCE, name=NAME)
        push(first, [START_US + minute * MINUTE_US for minute in range(10)])
        folder = first.crashed(tmp_path / "second")
    clock.set(START_US + DAY_US + 30 * MINUTE_US)
    with Inside(folder, clock) as second:
        assert rows_of(second) == 10
        until(lambda: len(stored_hours(folder)) == 24)
        assert stored_hours(folder) == [(START_US + hour * HOUR_US, 1, 10 if hour == 0 else 0) for hour in range(24)]
        push(second, [START_US + 59 * MINUTE_US, START_US + 5 * HOUR_US, START_US + 5 * HOUR_US])
        assert rows_of(second) == 13
        assert rows_of(second, START_US, START_US + HOUR_US) == 11
        assert rows_of(second, START_US + 5 * HOUR_US, START_US + 6 * HOUR_US) == 2
        clock.set(START_US + DAY_US + 31 * MINUTE_US)
        until(lambda: (START_US + 5 * HOUR_US, 2, 2) in stored_hours(folder))
        until(lambda: (START_US, 2, 11) in stored_hours(folder))
        assert len(stored_hours(folder)) == 24


def test_an_hour_without_rows_is_stored_though_a_crash_came_first(tmp_path: Path) -> None:
    clock = SetClock(START_US)
    with Inside(tmp_path / "first", clock, checkpoint_seconds=1) as first:
        create(first, REFERENCE, name=NAME)
        with writing_is_held_up(first.folder):
            clock.set(START_US + 3 * HOUR_US + 10 * MINUTE_US)
            until(lambda: records_of(first.folder, Record.HOUR_CLOSED) == 3)
            folder = first.crashed(tmp_path / "second")
    with Inside(folder, clock):
        until(lambda: len(stored_hours(folder)) == 3)


def test_more_hours_than_can_wait_are_all_stored(tmp_path: Path) -> None:
    clock = SetClock(START_US)
    with Inside(tmp_path, clock) as server:
        create(server, REFERENCE, name=NAME)
        clock.set(START_US + 120 * DAY_US)
        until(lambda: len(stored_hours(tmp_path)) == 120 * 24 - 1)


def test_a_clock_that_steps_back_an_hour_closes_each_hour_with_all_of_its_rows(tmp_path: Path) -> None:
    clock = SetClock(START_US + 2 * HOUR_US + 30 * MINUTE_US)
    with Inside(tmp_path, clock) as server:
        create(server, REFERENCE, name=NAME)
        push(server, [None] * 10)
        clock.set(START_US + HOUR_US + 40 * MINUTE_US)
        push(server, [None] * 20)
        push(server, [START_US + 2 * HOUR_US + 30 * MINUTE_US])  # further ahead of the clock than a row may be
        clock.set(START_US + 2 * HOUR_US + 20 * MINUTE_US)
        push(server, [None] * 30)
        clock.set(START_US + 4 * HOUR_US + 10 * MINUTE_US)
        until(lambda: [rows for _, _, rows in stored_hours(tmp_path)] == [20, 40, 0])
        assert rows_of(server) == 60
