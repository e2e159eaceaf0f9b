"""What a caller may have meant: missing times are arrival times, what is no table is one row, what is no name is refused."""

import decimal
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import FakeServer

import driftline

pd = pytest.importorskip("pandas", reason="pandas is no dependency of the client")

FLUSH_S = 20.0
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MISSING = [None, math.nan, np.float64("nan"), np.float32("nan"), pd.NaT, pd.NA, np.datetime64("NaT"), decimal.Decimal("NaN")]


@pytest.mark.parametrize("missing", MISSING, ids=lambda value: type(value).__name__)
def test_a_missing_time_is_that_of_arrival(fake: FakeServer, monitor: driftline.Monitor, missing: Any) -> None:
    monitor.log({"amount": 1.0}, timestamp=NOON)
    monitor.log({"amount": 1.0}, timestamp=missing)
    assert monitor.flush(FLUSH_S)
    assert fake.column("timestamp") == [NOON, None]
    assert monitor.stats.acknowledged == 2


@pytest.mark.parametrize(
    "times",
    [
        [NOON, None],
        [pd.Timestamp(NOON), pd.NaT],
        [NOON.timestamp(), math.nan],
        [NOON.timestamp(), pd.NA],
        ["2026-01-31T12:00:00", None],
        pd.Series([pd.Timestamp(NOON), pd.NaT]),
        np.array([NOON.timestamp(), math.nan]),
        np.array([pd.Timestamp(NOON), pd.NaT], dtype=object),
    ],
    ids=lambda times: type(times[1]).__name__,
)
def test_a_missing_time_beside_a_table_too(fake: FakeServer, monitor: driftline.Monitor, times: Any) -> None:
    monitor.log_batch(pa.table({"amount": [1.0, 2.0]}), timestamps=times)
    assert monitor.flush(FLUSH_S)
    assert fake.column("timestamp") == [NOON, None]


def test_text_that_is_no_time_is_told_how_to_write_it(monitor: driftline.Monitor) -> None:
    monitor.log_batch(pa.table({"amount": [1.0]}), timestamps=["yesterday"])
    assert monitor.flush(FLUSH_S)
    assert "'yesterday'" in str(monitor.stats.last_error)
    assert "write ISO 8601, as 2026-01-31T12:00:00Z" in str(monitor.stats.last_error)


@pytest.mark.parametrize("seconds", [np.int64(1_769_860_800), np.float64(1_769_860_800)])
def test_numpy_seconds_are_seconds(fake: FakeServer, monitor: driftline.Monitor, seconds: Any) -> None:
    monitor.log({"amount": 1.0}, timestamp=seconds)
    assert monitor.flush(FLUSH_S)
    assert fake.column("timestamp") == [NOON]


@pytest.mark.parametrize("given", ["file.parquet", {"amount": [1.0, 2.0], "known": [True, True]}, [[1.0]] * 3, np.arange(5.0), 5])
def test_what_is_no_table_is_one_row(monitor: driftline.Monitor, given: Any) -> None:
    monitor.log_batch(given)
    assert (monitor.stats.logged, monitor.stats.rejected) == (1, 1)


def test_of_a_table_the_rows_are_counted(monitor: driftline.Monitor) -> None:
    for given in (pd.DataFrame({"amount": [1.0] * 7}), pa.table({"amount": [1.0] * 7}), np.ones((7, 2))):
        monitor.log_batch(given, prediction=[0.5])
    assert (monitor.stats.logged, monitor.stats.rejected) == (21, 21)


def test_an_empty_row_is_told_as_one(monitor: driftline.Monitor) -> None:
    monitor.log({})
    assert monitor.flush(FLUSH_S)
    assert monitor.stats.last_error == "rows are rejected: the row is empty; the endpoint has amount, country, known"


@pytest.mark.parametrize(
    "target", [None, "", 7433, "localhost", "http://host:1", "host:0", "host:port", "host:70000", "::1", "a b:1"]
)
def test_an_address_that_is_none(monitor_of: MakeMonitor, target: Any) -> None:
    for attempt in (lambda: driftline.Monitor(target, "m"), lambda: driftline.connect(target)):
        with pytest.raises(driftline.InvalidInput, match=r"is no server's address; give host:port, as '127"):
            attempt()


@pytest.mark.parametrize("endpoint", [None, "", 5, "../x", "a/b/c/d", "m:", "a b", "x" * 64])
def test_an_endpoint_that_is_none(endpoint: Any) -> None:
    with pytest.raises(driftline.InvalidInput, match="it is a name, as 'model' or 'project/function/model:version'"):
        driftline.Monitor("127.0.0.1:1", endpoint)


@pytest.mark.parametrize("target", ["localhost:1", "[::1]:1", "unix:/tmp/socket", "dns:///host:1", "ipv4:127.0.0.1:1"])
def test_an_address_that_grpc_takes(monitor_of: MakeMonitor, target: str) -> None:
    assert monitor_of(target=target).stats.logged == 0


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("batch_rows", ["a", 0, None, 1.5, True, math.nan]),
        ("buffer_bytes_max", [None, -1, "64 MiB"]),
        ("linger", [None, math.nan, math.inf, -1.0, "1s", True]),
        ("level", [["a"], None, "sure"]),
        ("on_full", [["block"], None, "wait"]),
    ],
)
def test_an_option_that_cannot_be_meant(option: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(driftline.InvalidInput, match=f"^{option}="):
            driftline.Monitor("127.0.0.1:1", "m", **{option: value})


@pytest.mark.parametrize("timeout", ["a", math.nan, True, [1]], ids=repr)
def test_a_time_to_wait_that_is_none(monitor: driftline.Monitor, timeout: Any) -> None:
    for call in (monitor.flush, monitor.close):
        with pytest.raises(driftline.InvalidInput, match=r"^timeout=.*: it is a number of seconds, or None to wait without limit"):
            call(timeout)
    monitor.log({"amount": 1.0})
    assert monitor.flush(FLUSH_S)


@pytest.mark.parametrize("timeout", [None, math.inf, 1e300, np.float32(20)])
def test_who_waits_without_limit_waits(fake: FakeServer, monitor: driftline.Monitor, timeout: Any) -> None:
    monitor.log({"amount": 1.0})
    assert monitor.flush(timeout)
    monitor.log({"amount": 2.0})
    monitor.close(timeout)
    assert fake.column("amount") == [1.0, 2.0]


def test_an_error_is_over_once_rows_are_acknowledged(fake: FakeServer, monitor: driftline.Monitor) -> None:
    fake.stop()
    monitor.log({"amount": 1.0})
    assert not monitor.flush(0.5)
    assert "rows are kept until the server takes them" in str(monitor.stats.last_error)
    fake.start()
    assert monitor.flush(FLUSH_S)
    assert monitor.stats.last_error is None


def test_why_rows_were_rejected_stays(fake: FakeServer, monitor: driftline.Monitor) -> None:
    monitor.log({"amount": "much"})
    assert monitor.flush(FLUSH_S)
    why = monitor.stats.last_error
    fake.stop()
    monitor.log({"amount": 1.0})
    assert not monitor.flush(0.5)
    fake.start()
    assert monitor.flush(FLUSH_S)
    assert why is not None and monitor.stats.last_error == why


def test_a_table_that_the_buffer_cannot_hold_names_the_remedies(monitor_of: MakeMonitor) -> None:
    table = pa.table({"amount": np.ones(200_000)})
    monitor = monitor_of(target="127.0.0.1:1", buffer_bytes_max=2**20)
    monitor.log_batch(table)
    assert monitor.stats.dropped > 0
    assert "take on_full='block', which waits, or raise buffer_bytes_max" in str(monitor.stats.last_error)
    blocking = monitor_of(buffer_bytes_max=2**20, on_full="block")
    blocking.log_batch(table)
    assert blocking.flush(FLUSH_S)
    assert (blocking.stats.acknowledged, blocking.stats.dropped) == (200_000, 0)
