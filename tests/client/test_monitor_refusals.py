"""Logging never raises: what cannot be sent is rejected alone, counted, and told to the server; the rest goes."""

import logging
import sys
from typing import Any

import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import FakeServer

import driftline

ROW = {"amount": 12.5, "country": "DE", "known": True}
FLUSH_S = 20.0


class Hostile:
    """An object whose every method raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    def __float__(self) -> float:
        raise RuntimeError("float")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __iter__(self) -> Any:
        raise RuntimeError("iter")


@pytest.mark.parametrize(
    "bad",
    [
        {"amount": "much"},
        {"amount": [1.0, 2.0]},
        {"amount": {}},
        {"amount": b"12"},
        {"amount": 1j},
        {"amount": object()},
        {"country": ["DE"]},
        {"country": "\ud800"},
        {"country": b"\xff"},
        {"known": "perhaps"},
        {"weather": "fine"},
        {},
        (1.0, "DE"),
        (1.0, "DE", True, 4),
        "12.5",
        b"12.5",
        12.5,
        None,
        Hostile(),
        {"amount": Hostile()},
    ],
    ids=lambda bad: type(bad).__name__ if isinstance(bad, Hostile) else None,
)
def test_a_row_that_fits_in_no_way_is_rejected_alone(fake: FakeServer, monitor_of: MakeMonitor, bad: Any) -> None:
    monitor = monitor_of(linger=0.05)
    monitor.log(ROW)
    monitor.log(bad)
    monitor.log(ROW)
    assert monitor.flush(FLUSH_S)
    stats = monitor.stats
    assert (stats.logged, stats.acknowledged, stats.rejected, stats.dropped, stats.buffered) == (3, 2, 1, 0, 0)
    assert stats.last_error and "rows are rejected" in stats.last_error
    assert fake.rows == [ROW, ROW]
    fake.until(lambda fake: fake.lost == (0, 1, 0))


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("str")


class Unreadable:
    """A mapping that fails in the worst way when it is read."""

    def keys(self) -> Any:
        raise Unspeakable


@pytest.mark.parametrize("bad", [Hostile(), Unreadable(), object()], ids=lambda bad: type(bad).__name__)
def test_an_object_that_is_no_row_and_no_table_raises_nothing(monitor: driftline.Monitor, bad: Any) -> None:
    monitor.log(bad)
    monitor.log_batch(bad)
    assert monitor.flush(FLUSH_S)
    assert (monitor.stats.logged, monitor.stats.rejected, monitor.stats.buffered) == (2, 2, 0)


@pytest.mark.parametrize(
    "beside", [{"prediction": "high"}, {"id": [1]}, {"id": 2**80}, {"timestamp": "noon"}, {"latency": "slow"}, {"label": "maybe"}]
)
def test_a_value_beside_the_features_that_does_not_fit_rejects_its_row(
    fake: FakeServer, monitor_of: MakeMonitor, beside: dict[str, Any]
) -> None:
    monitor = monitor_of(linger=0.05)
    monitor.log(ROW)
    monitor.log(ROW, **beside)
    assert monitor.flush(FLUSH_S)
    assert (monitor.stats.acknowledged, monitor.stats.rejected) == (1, 1)
    assert next(iter(beside)) in str(monitor.stats.last_error)


def test_the_first_bad_row_is_a_line_in_the_log_and_the_thousandth_is_not(
    monitor: driftline.Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "driftline"):
        for _ in range(1000):
            monitor.log({"amount": "much"})
        assert monitor.flush(FLUSH_S)
        monitor.close()
    assert len(caplog.records) == 1 and "amount: str 'much' is not numeric" in caplog.text
    assert monitor.stats.rejected == 1000


def test_a_closed_monitor_takes_rows_and_drops_them(fake: FakeServer, monitor: driftline.Monitor) -> None:
    monitor.log(ROW)
    monitor.close()
    monitor.log(ROW)
    monitor.log_batch([ROW])
    monitor.close()
    assert (monitor.stats.logged, monitor.stats.acknowledged, monitor.stats.buffered) == (3, 1, 0)
    assert monitor.flush(0.0) and fake.rows == [ROW]


@pytest.mark.parametrize("target", ["127.0.0.1:1", "nowhere.invalid:7433"])
def test_without_a_server_rows_are_kept_and_the_reason_is_said(
    monitor_of: MakeMonitor, target: str, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = monitor_of(target=target)
    with caplog.at_level(logging.WARNING, "driftline"):
        for _ in range(10):
            monitor.log(ROW)
        assert not monitor.flush(0.5)
        assert monitor.stats.buffered == 10
        monitor.close(0.0)
    assert "rows are kept until the server takes them" in str(monitor.stats.last_error)
    assert [str(monitor.stats.last_error) in record.message for record in caplog.records] == [True, False]
    assert "10 rows could not be sent before the monitor was closed" in caplog.records[1].message
    assert (monitor.stats.buffered, monitor.stats.dropped) == (0, 10)


def test_an_unknown_endpoint_is_said_once_with_the_remedy(
    fake: FakeServer, monitor: driftline.Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    fake.missing = {"tests/client/model:v1"}
    with caplog.at_level(logging.WARNING, "driftline"):
        monitor.log(ROW)
        fake.until(lambda fake: len(fake.opens) >= 2)
        assert "driftline endpoints create tests/client/model:v1" in str(monitor.stats.last_error)
        fake.missing = set()
        assert monitor.flush(FLUSH_S)
    assert monitor.stats.last_error is None
    assert len(caplog.records) == 1


def test_a_huge_value_is_rejected_or_dropped_and_never_kept(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(buffer_bytes_max=2**20)
    monitor.log({"country": "x" * 2**20})
    monitor.log(ROW)
    monitor.log({"amount": sys.float_info.max})
    assert monitor.flush(FLUSH_S)
    assert (monitor.stats.acknowledged, monitor.stats.dropped, monitor.stats.buffered) == (2, 1, 0)
    fake.until(lambda fake: fake.lost == (1, 0, 0))


@pytest.mark.parametrize(
    "options",
    [{"on_full": "wait"}, {"level": "sure"}, {"buffer_bytes_max": 0}, {"batch_rows": 0}, {"linger": -1.0}],
    ids=lambda options: next(iter(options)),
)
def test_a_monitor_that_cannot_be_is_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(driftline.InvalidInput, match=next(iter(options))):
        driftline.Monitor("127.0.0.1:1", "m", **options)
