"""A row may be a mapping or a sequence, of Python's values or numpy's: what the server gets is the endpoint's schema."""

import logging
from array import array
from collections import OrderedDict, UserDict, deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import COLUMNS, RESERVED, FakeServer

import driftline

ROW = {"amount": 12.5, "country": "DE", "known": True}
FLUSH_S = 20.0


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        OrderedDict(ROW),
        UserDict(ROW),
        (12.5, "DE", True),
        [12.5, "DE", True],
        np.array([12.5, "DE", True], dtype=object),
        {"amount": np.float32(12.5), "country": np.str_("DE"), "known": np.bool_(True)},
        {"amount": Decimal("12.5"), "country": "DE", "known": 1},
        {"amount": "12.5", "country": "DE", "known": "true"},
        {"amount": np.array([12.5]), "country": "DE", "known": np.array(True)},
        iter((12.5, "DE", True)),
    ],
    ids=lambda row: type(row).__name__,
)
def test_one_row_written_in_any_way_is_one_row(fake: FakeServer, monitor: driftline.Monitor, row: Any) -> None:
    monitor.log(row)
    assert monitor.flush(FLUSH_S)
    assert fake.rows == [ROW]
    assert monitor.stats == driftline.Stats(logged=1, acknowledged=1, rejected=0, dropped=0, buffered=0, last_error=None)


def test_a_series_is_a_row_by_name(fake: FakeServer, monitor: driftline.Monitor) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is no dependency of the client")
    monitor.log(pandas.Series({"known": True, "amount": 12.5, "country": "DE"}))
    monitor.log(pandas.Series({"amount": pandas.NA, "country": None, "known": pandas.NaT}))
    assert monitor.flush(FLUSH_S)
    assert fake.rows == [ROW, dict.fromkeys(ROW)]


@pytest.mark.parametrize(
    "row",
    [array("d", [1, 1, 1]), memoryview(array("d", [1, 1, 1])), range(1, 2), deque([1, 1, 1])],
    ids=lambda row: type(row).__name__,
)
def test_any_sequence_is_a_row_in_order(fake: FakeServer, monitor: driftline.Monitor, row: Any) -> None:
    fake.columns = tuple(type(COLUMNS[0])(name=name, role=1, kind=1) for name in "abc"[: len(row)])
    monitor.log(row)
    assert monitor.flush(FLUSH_S)
    assert fake.rows == [dict.fromkeys("abc"[: len(row)], 1.0)]


def test_a_column_is_of_one_type_whatever_came(fake: FakeServer, monitor: driftline.Monitor) -> None:
    for amount in (1, 2, 1.5, None, True, np.int64(3), float("nan")):
        monitor.log({"amount": amount})
        assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [1.0, 2.0, 1.5, None, 1.0, 3.0, None]
    assert {table.schema.field("amount").type for table in fake.tables} == {pa.float64()}
    assert len([request for request in fake.opens if request.schema]) == 1


def test_missing_keys_are_null_and_extra_keys_are_left_out(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(linger=0.2)
    monitor.log({"amount": 1.0, "weather": "fine"})
    row: dict[Any, Any] = {"country": "FR", 7: 8}
    monitor.log(row)
    assert monitor.flush(FLUSH_S)
    assert fake.rows == [{"amount": 1.0, "country": None}, {"amount": None, "country": "FR"}]


def test_a_feature_that_no_row_has_is_not_sent(fake: FakeServer, monitor: driftline.Monitor) -> None:
    monitor.log({"amount": 1.0})
    assert monitor.flush(FLUSH_S)
    assert fake.tables[0].column_names == ["amount"]


def test_rows_logged_before_and_after_the_schema_is_known_are_alike(fake: FakeServer, monitor: driftline.Monitor) -> None:
    for number in range(3):
        monitor.log({"known": False, "country": "DE", "amount": float(number)})
        monitor.log((float(number), "DE", False))
        assert monitor.flush(FLUSH_S)
    assert fake.rows == [{"amount": float(number // 2), "country": "DE", "known": False} for number in range(6)]


def test_what_is_beside_the_features_goes_to_its_column(fake: FakeServer, monitor: driftline.Monitor) -> None:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    monitor.log(ROW, prediction=0.93, id="r-1", timestamp=at, latency=0.0031, error=ValueError("no model"), label=True)
    assert monitor.flush(FLUSH_S)
    beside = {"score": 0.93, "fraud": True, "id": "r-1", "timestamp": at, "latency": 0.0031, "error": "no model"}
    assert fake.rows == [ROW | beside]


@pytest.mark.parametrize(
    "timestamp",
    [1_777_636_800, 1_777_636_800.0, "2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12), np.datetime64("2026-05-01T12:00:00")],  # noqa: DTZ001
    ids=lambda value: type(value).__name__,
)
def test_an_instant_is_one_however_it_is_written(fake: FakeServer, monitor: driftline.Monitor, timestamp: Any) -> None:
    monitor.log(ROW, timestamp=timestamp)
    assert monitor.flush(FLUSH_S)
    assert fake.column("timestamp") == [datetime(2026, 5, 1, 12, tzinfo=UTC)]
    assert fake.column("timestamp")[0].utcoffset() == timedelta(0)


def test_whole_ids_stay_whole_until_one_is_text(fake: FakeServer, monitor: driftline.Monitor) -> None:
    for name in (7, np.int32(8), "nine", 10):
        monitor.log(ROW, id=name)
        assert monitor.flush(FLUSH_S)
    assert fake.column("id") == [7, 8, "nine", "10"]


@pytest.mark.parametrize("fake_reserved", [RESERVED | {"id": "request"}])
def test_reserved_names_go_to_the_columns_the_endpoint_gave_them(
    fake: FakeServer, monitor: driftline.Monitor, fake_reserved: dict[str, str]
) -> None:
    fake.reserved = fake_reserved
    monitor.log(ROW, id="r-1")
    assert monitor.flush(FLUSH_S)
    assert fake.rows == [ROW | {"request": "r-1"}]


def test_a_reserved_name_that_is_not_in_use_is_said_once_and_left_out(
    fake: FakeServer, monitor: driftline.Monitor, caplog: pytest.LogCaptureFixture
) -> None:
    fake.reserved = {}
    with caplog.at_level(logging.WARNING, "driftline"):
        for _ in range(3):
            monitor.log(ROW, latency=0.5)
            assert monitor.flush(FLUSH_S)
        monitor.close()
    assert fake.rows == [ROW] * 3
    assert [record.message for record in caplog.records if "latency" in record.message] == [
        "tests/client/model:v1: latency is ignored: the endpoint has no latency column; name one when it is created"
    ]


def test_a_score_is_ignored_with_one_line(fake: FakeServer, monitor: driftline.Monitor, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "driftline"):
        for _ in range(10):
            monitor.log(ROW, score=0.5)
        monitor.log_batch(pa.table({"amount": [1.0]}), score=[0.5])
        assert monitor.flush(FLUSH_S)
        monitor.close()
    assert len(fake.rows) == 11 and set(fake.column("score")) == {None}
    assert len([record for record in caplog.records if "score is not used yet" in record.message]) == 1
    assert monitor.stats.last_error is None
