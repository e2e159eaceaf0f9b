"""Columns beside a table, or in it, are what `log` would make of each value; what is refused is told with field and remedy."""

import re
import uuid
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.fake_server import FakeServer

import driftline

FLUSH_S = 20.0
TABLE = pa.table({"amount": [1.0, 2.5]})
IDS = [uuid.UUID(int=7), uuid.UUID(int=2**127)]
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LAST = 2**63 - 1
FIRST = -(2**63)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("str")


def sent(monitor: driftline.Monitor, table: Any, **beside: Any) -> driftline.Stats:
    monitor.log_batch(table, **beside)
    assert monitor.flush(FLUSH_S)
    return monitor.stats


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (IDS, list(map(str, IDS))),
        ([IDS[0], None], [str(IDS[0]), None]),
        ([IDS[0], 7], [str(IDS[0]), "7"]),
        (np.array(IDS), list(map(str, IDS))),
        (pa.array([each.bytes for each in IDS], pa.binary(16)).cast(pa.uuid()), list(map(str, IDS))),
        ([7, "nine"], ["7", "nine"]),
        (np.array([7, 8], ">i4"), [7, 8]),
    ],
    ids=lambda value: str(value)[:40].partition("0x")[0],
)
def test_ids_are_what_log_takes(fake: FakeServer, monitor: driftline.Monitor, given: Any, ids: list[Any]) -> None:
    assert sent(monitor, TABLE, ids=given).acknowledged == 2
    assert fake.column("id") == ids


def test_errors_are_what_log_takes(fake: FakeServer, monitor: driftline.Monitor) -> None:
    assert sent(monitor, TABLE, errors=[ValueError("x"), None]).acknowledged == 2
    assert sent(monitor, TABLE, errors=["late", KeyError()]).acknowledged == 4
    assert sent(monitor, TABLE, errors=[Unspeakable(), float("nan")]).acknowledged == 6
    assert fake.column("error") == ["x", None, "late", "KeyError", "Unspeakable", None]


@pytest.mark.parametrize(
    "given",
    [
        ["2026-05-01T12:00:00Z", "2026-05-01T12:00:00"],
        ["2026-05-01T14:00:00+02:00", "2026-05-01 12:00"],
        ["2026-05-01T12:00:00.000000000Z", " 2026-05-01T12:00:00 "],
        [NOON, NOON.timestamp()],
        [NOON, "2026-05-01T12:00:00"],
        [NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=2)))],
        np.array([NOON.timestamp()] * 2, ">f8"),
        np.array([NOON.timestamp()] * 2, np.longdouble),
    ],
    ids=lambda value: str(value)[:40].partition("0x")[0],
)
def test_times_may_be_written_in_several_ways(fake: FakeServer, monitor: driftline.Monitor, given: Any) -> None:
    assert sent(monitor, TABLE, timestamps=given).acknowledged == 2, monitor.stats
    assert fake.column("timestamp") == [NOON] * 2


@pytest.mark.parametrize(
    ("given", "micros"),
    [
        (pa.array([2**62, -(2**62)], pa.timestamp("s")), [LAST // 10**6 * 10**6, -(LAST // 10**6 * 10**6)]),
        (pa.array([2**62, None], pa.timestamp("ms", "UTC")), [LAST // 1000 * 1000, None]),
        (pa.array([2**63 - 1, 0], pa.timestamp("s")), [LAST // 10**6 * 10**6, 0]),
        (pa.array([2**31 - 1, -1], pa.date32()), [LAST // 1000 * 1000, -86_400 * 10**6]),
        ([1e300, -1e300], [2**63 - 1024, -(2**63) + 1024]),
        ([float("inf"), float("nan")], [2**63 - 1024, None]),
        ([2**62, 1], [2**63 - 1024, 10**6]),
    ],
    ids=lambda value: str(value)[:40].partition("0x")[0],
)
def test_times_beyond_time_never_wrap(fake: FakeServer, monitor: driftline.Monitor, given: Any, micros: list[int | None]) -> None:
    assert sent(monitor, TABLE, timestamps=given).acknowledged == 2, monitor.stats
    (table,) = fake.tables
    assert table["timestamp"].cast(pa.int64()).to_pylist() == micros


@pytest.mark.parametrize(
    "values", [[1.0, 2.5], np.array([1.0, 2.5], ">f8"), np.array([1.0, 2.5], np.longdouble)], ids=lambda value: str(value)[:40]
)
def test_numbers_in_any_width_and_order_of_bytes(fake: FakeServer, monitor: driftline.Monitor, values: Any) -> None:
    assert sent(monitor, TABLE, prediction=values, latencies=values).acknowledged == 2, monitor.stats
    assert fake.column("score") == fake.column("latency") == [1.0, 2.5]


def test_a_frame_of_foreign_numbers(fake: FakeServer, monitor: driftline.Monitor) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is no dependency of the client")
    for width in (">f8", np.longdouble):
        assert sent(monitor, pandas.DataFrame({"amount": np.array([1.0, 2.5], width)})).rejected == 0, monitor.stats
    assert fake.column("amount") == [1.0, 2.5] * 2


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ({"prediction": 0.5}, "prediction: a float is no column; give one value for each row of the table, in a list"),
        ({"label": "no"}, "label: a str is no column; give one value"),
        ({"prediction": np.zeros((2, 2))}, r"prediction: an array of shape \(2, 2\); give one value for each row"),
        ({"prediction": np.float64(0.5)}, r"prediction: an array of shape \(\); give one value for each row"),
        ({"ids": [2**80, 1]}, "id: int 1208925819614629174706176 is too large; give it as a string"),
        ({"ids": np.array([2**64 - 1, 1], np.uint64)}, "id: .* give ids beyond 64 bits as strings"),
        ({"timestamps": ["noon", "2026-05-01"]}, "timestamp: .* 'noon' is no instant; write ISO 8601, as 2026-01-31T12:00:00Z"),
        ({"timestamps": [NOON, object()]}, "timestamp: object .* is no instant; give datetimes, epoch seconds or ISO 8601 text"),
        ({"timestamps": ["9" * 4000, "x"]}, "timestamp: .{1,400}$"),
    ],
    ids=lambda value: str(value)[:40].partition("0x")[0],
)
def test_what_is_no_column_is_told_by_its_field(monitor: driftline.Monitor, beside: dict[str, Any], told: str) -> None:
    stats = sent(monitor, TABLE, **beside)
    assert (stats.acknowledged, stats.rejected) == (0, 2)
    assert re.search(f"^rows are rejected: {told}", str(stats.last_error))
