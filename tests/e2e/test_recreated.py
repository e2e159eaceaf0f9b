"""An endpoint is deleted and created anew under a live monitor: rows reach the new one, which is told nothing of the old one."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from tests.e2e.server import Server
from tests.server.archive.life import until

import driftline

NAME = "default/default/recreated:latest"
FLUSH_S = 30.0


def reference(column: str) -> pa.Table:
    return pa.table({column: [float(number) for number in range(100)]})


@pytest.fixture(params=["in memory", "durable"])
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    data = "none" if request.param == "in memory" else tmp_path / "data"
    with Server(data=data) as started:
        yield started


@pytest.fixture
def client(own_server: Server) -> Iterator[driftline.Client]:
    with driftline.connect(own_server.address) as connected:
        connected.create_endpoint(NAME, reference=reference("a"))
        yield connected


def losses(client: driftline.Client) -> tuple[int, int]:
    counters = client.endpoint(NAME).counters
    return counters.unconvertible_rows, counters.lost_rows


def test_rows_that_share_no_column_with_the_old_endpoint_reach_the_new_one(own_server: Server, client: driftline.Client) -> None:
    with driftline.Monitor(own_server.address, NAME) as monitor:
        for _ in range(10):
            monitor.log({"a": 1.0})
        assert monitor.flush(FLUSH_S)
        client.delete_endpoint(NAME)
        client.create_endpoint(NAME, reference=reference("b"))

        def has_arrived() -> bool:
            monitor.log({"b": 1.0})
            return client.endpoint(NAME).counters.rows > 0

        until(has_arrived)
        assert monitor.flush(FLUSH_S)
        stats = monitor.stats
        assert (stats.dropped, stats.buffered) == (0, 0)
        assert client.endpoint(NAME).counters.rows == stats.acknowledged - 10
        until(lambda: losses(client) == (stats.rejected, 0))  # of those that were logged before it knew, none is silent


def test_what_the_old_endpoint_was_told_is_not_the_new_one_s(own_server: Server, client: driftline.Client) -> None:
    with driftline.Monitor(own_server.address, NAME) as monitor:
        for value in [1.0] * 50 + ["no number"] * 7:
            monitor.log({"a": value})
        assert monitor.flush(FLUSH_S)
        until(lambda: losses(client) == (7, 0))
        client.delete_endpoint(NAME)
        client.create_endpoint(NAME, reference=reference("a"))
        for value in (1.0, "no number", 2.0):
            monitor.log({"a": value})
        assert monitor.flush(FLUSH_S)
        until(lambda: losses(client) == (1, 0))
    assert client.endpoint(NAME).counters.rows == 2
    assert losses(client) == (1, 0)


def test_a_monitor_that_had_nothing_acknowledged_learns_the_new_columns(own_server: Server, client: driftline.Client) -> None:
    with driftline.Monitor(own_server.address, NAME) as monitor:
        monitor.log({"a": "no number"})
        assert monitor.flush(FLUSH_S)
        until(lambda: losses(client) == (1, 0))
        client.delete_endpoint(NAME)
        client.create_endpoint(NAME, reference=pa.table({name: [float(number) for number in range(100)] for name in ("a", "b")}))
        for _ in range(60):
            monitor.log({"a": 1.0, "b": 2.0})
        assert monitor.flush(FLUSH_S)
        for _ in range(60):
            monitor.log({"a": 1.0, "b": 2.0})
        assert monitor.flush(FLUSH_S)
        assert client.endpoint(NAME).counters.rows == 120
        rows = {each["column"]: each["rows"] for each in client.drift(NAME).columns.to_pylist()}
        assert rows["b"] >= 60
        monitor.log({"a": "no number"})
        assert monitor.flush(FLUSH_S)
        until(lambda: losses(client) == (1, 0))
