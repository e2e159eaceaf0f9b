"""Columns that the endpoint does not know: left out, and said once for each set of them."""

import logging
import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

import driftline

ROW = {"amount": 12.5, "country": "DE", "known": True}
FLUSH_S = 20.0
STRANGE = "columns that the endpoint does not know are left out: "


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """What the client has said; with a number, once so many lines are said, since the threads that send say them."""

    def said(count: int = 0) -> list[str]:
        deadline = time.monotonic() + FLUSH_S
        while len(caplog.records) < count:
            assert time.monotonic() < deadline, [record.message for record in caplog.records]
            time.sleep(0.01)
        return [record.message.partition(": ")[2] for record in caplog.records]

    with caplog.at_level(logging.WARNING, "driftline"):
        yield said


def test_of_logged_rows(monitor: driftline.Monitor, lines: Any) -> None:
    for _ in range(3):  # before the endpoint's features are known, and after
        monitor.log(ROW | {"weather": "fine"})
        assert monitor.flush(FLUSH_S)
    assert lines(1) == [f"{STRANGE}weather"]
    for _ in range(2):
        monitor.log(ROW | {"weather": "fine", "moon": 1})
        monitor.log({"amount": 1.0, "country": "FR", "age": 3})  # as many as there are features
        assert monitor.flush(FLUSH_S)
    assert sorted(lines(3)[1:]) == [f"{STRANGE}age", f"{STRANGE}weather, moon"]
    assert monitor.stats.acknowledged == 7 and monitor.stats.last_error is None


def test_of_tables(monitor: driftline.Monitor, lines: Any) -> None:
    for strange in ("weather", "weather", "moon"):
        monitor.log_batch(pa.table({"amount": [1.0], "id": [1], "fraud": [True], strange: ["x"]}), prediction=[0.5])
        assert monitor.flush(FLUSH_S)
    assert lines(2) == [f"{STRANGE}weather", f"{STRANGE}moon"]


def test_what_belongs_beside_the_features_is_told_its_keyword(monitor: driftline.Monitor, lines: Any) -> None:
    monitor.log(ROW | {"score": 0.5, "id": "r-1"})
    assert monitor.flush(FLUSH_S)
    assert lines(2) == [
        "'score' is left out of the features; give it beside them, as prediction=",
        "'id' is left out of the features; give it beside them, as id=",
    ]


def test_columns_that_are_data_do_not_fill_the_log(monitor: driftline.Monitor, lines: Any) -> None:
    monitor.log(ROW)
    assert monitor.flush(FLUSH_S)
    for number in range(1000):
        monitor.log(ROW | {f"user {number}": 1.0})
    assert monitor.flush(FLUSH_S)
    assert 0 < len(lines(1)) <= 64
