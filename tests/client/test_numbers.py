"""A number is one whoever made it: Python or numpy, whole or not, wherever the client takes one."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.client.fake_server import FakeServer

import driftline
from driftline import hours
from driftline.client import _thresholds
from driftline.rule import rule_message
from driftline.span_message import span_message
from driftline.spans import duration_us, instant_us
from driftline.values import Unconvertible, micros

pd = pytest.importorskip("pandas", reason="pandas is no dependency of the client")

HOUR_US = 3_600_000_000
REFERENCE = pa.table({"x": [1.0]})
HOURS = [3600, 3600.0, np.int64(3600), np.uint16(3600), np.float32(3600), np.float64(3600), np.timedelta64(1, "h")]
NO_NUMBERS = [True, np.bool_(True), float("nan"), np.float32("nan"), np.timedelta64("NaT"), np.array([3600]), None, 1j, b"3600"]


def kind(value: Any) -> str:
    return f"{type(value).__name__} {value}"


def rule(**keys: Any) -> Any:
    return rule_message("r", template=None, severity=None, reset=None, receivers=(), **(KEYS | keys))


KEYS: dict[str, Any] = {"window": None, "hold": None, "cooldown": None, "criteria": None, "metric": "drift", "above": 0.5}


@pytest.mark.parametrize("given", HOURS, ids=kind)
def test_a_duration_may_be_any_number_of_seconds(given: Any) -> None:
    assert duration_us(given) == HOUR_US
    assert hours.span_us(given, None, 2 * HOUR_US) == (HOUR_US, None)
    made = rule(window=given, hold=given, cooldown=given, criteria={"count": 3, "within": given})
    assert {made.window_us, made.hold_us, made.cooldown_us, made.criteria.within_us} == {HOUR_US}


@pytest.mark.parametrize("given", NO_NUMBERS, ids=kind)
def test_what_is_no_number_is_no_duration(given: Any) -> None:
    with pytest.raises(driftline.InvalidInput, match="is no duration"):
        duration_us(given)


def test_whole_seconds_keep_every_microsecond() -> None:
    assert duration_us(np.int64(999_999_999_999)) == duration_us(999_999_999_999) == 999_999_999_999 * 10**6
    assert duration_us(np.timedelta64(1, "us")) == duration_us(timedelta(microseconds=1)) == 1


@pytest.mark.parametrize("count", [3, np.int64(3), np.uint8(3)], ids=kind)
def test_a_count_may_be_any_whole_number(fake: FakeServer, count: Any) -> None:
    assert rule(criteria={"count": count, "within": "1h"}).criteria.count == 3
    with driftline.Monitor(fake.target, "m", batch_rows=count, buffer_bytes_max=np.int64(2**20), linger=count) as monitor:
        monitor.log({"amount": 1.0})
        assert monitor.flush(np.int64(20))
    with driftline.connect("127.0.0.1:1") as client, pytest.raises(driftline.Unavailable):
        client.create_endpoint("m", reference=REFERENCE, rows_min=count, stale_after=count)


@pytest.mark.parametrize("count", [True, np.bool_(True), 2.5, np.float64(3), "3", np.timedelta64(3, "s"), None], ids=kind)
def test_what_is_no_whole_number_is_no_count(count: Any) -> None:
    with pytest.raises(driftline.InvalidInput, match="batch_rows="):
        driftline.Monitor("127.0.0.1:1", "m", batch_rows=count)
    with pytest.raises(driftline.InvalidInput, match=r"criteria\.count"):
        rule(criteria={"count": count, "within": "1h"})
    with (
        driftline.connect("127.0.0.1:1") as client,
        pytest.raises(driftline.InvalidInput, match=r"rows_min: .* is no number of rows"),
    ):
        client.create_endpoint("m", reference=REFERENCE, rows_min=count)


@pytest.mark.parametrize("unit", ["ns", "s", "h"])
def test_a_time_of_numpy_is_no_number_of_seconds(unit: Any) -> None:
    with pytest.raises(driftline.InvalidInput, match=r"linger=.*: it is a number of seconds"):
        driftline.Monitor("127.0.0.1:1", "m", linger=np.timedelta64(100, unit))


@pytest.mark.parametrize("level", [np.float32(0.5), np.float64(0.5), np.float16(0.5)], ids=kind)
def test_a_level_may_be_any_number(level: Any) -> None:
    assert rule(above=level).above == 0.5
    pair = _thresholds((level, np.int64(1)), "thresholds")
    assert (pair.potential, pair.detected) == (0.5, 1.0)


NO_INSTANTS = [pd.NaT, np.datetime64("NaT"), 5, np.timedelta64(1, "s"), float("nan")]


@pytest.mark.parametrize("given", NO_INSTANTS, ids=kind)
def test_what_is_missing_is_no_instant(given: Any) -> None:
    for ends in ({"start": given}, {"end": given}):
        with pytest.raises(driftline.InvalidInput, match=r"is no instant; give a datetime or ISO 8601 text"):
            span_message(None, **({"start": None, "end": None} | ends))


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "15m", "s", "ms", "us", "ns"])
@pytest.mark.parametrize("year", ["1901", "2026"])
def test_an_instant_may_be_one_of_numpy(year: str, unit: Any) -> None:
    given = np.datetime64(f"{year}-05-01T12:34:56.789012").astype(f"M8[{unit}]")
    meant = given.astype("M8[us]").item()
    assert instant_us(given) == micros(given) == instant_us(meant)
    assert hours.span_us(given, given, 0) == (instant_us(meant), instant_us(meant))
    assert span_message(None, given, None).start_us == span_message(None, None, given).end_us == instant_us(meant)


@pytest.mark.parametrize("unit", ["W", "D", "h", "m", "s", "ms"])
@pytest.mark.parametrize("sign", [1, -1])
def test_what_is_beyond_time_is_told_so(unit: Any, sign: int) -> None:
    count = sign * 2**62
    with pytest.raises(driftline.InvalidInput, match="is outside of time"):
        instant_us(np.datetime64(count, unit))
    with pytest.raises((driftline.InvalidInput, Unconvertible), match="is outside of time"):
        micros(np.datetime64(count, unit))
    with pytest.raises(driftline.InvalidInput, match="is longer than time itself" if sign > 0 else "must be longer than nothing"):
        duration_us(np.timedelta64(count, unit))
