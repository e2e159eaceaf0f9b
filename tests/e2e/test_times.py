"""Event times: what each row's says, which rows it makes countable, and which window they are in."""

import datetime
import time

import grpc
import numpy as np
import pyarrow as pa
import pytest
from tests.e2e.failure import failing
from tests.e2e.push import payload_of
from tests.e2e.server import Server
from tests.e2e.watched import Watched, says

from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from driftline_proto.v1 import metrics_pb2

REFERENCE = pa.record_batch({"x": np.arange(100.0)})


def now_us() -> int:
    return time.time_ns() // 1000


def hour_ago_us() -> int:
    """The start of the last whole hour but one: a time that nothing about the clock makes special."""
    return now_us() // HOUR_US * HOUR_US - HOUR_US


MICROS = pa.timestamp("us")


class Timed(Watched):
    """An endpoint of one column `x`, its rows sent with event times."""

    def __init__(self, server: Server, times: pa.DataType = MICROS) -> None:
        super().__init__(server, reference=REFERENCE, wire=pa.schema([("timestamp", times), ("x", pa.float64())]))

    def send(self, times: pa.Array, *, counted: list[bool] | None = None) -> None:
        """Pushes a row for each time; the first has x = 0, the next 1 and so on; those not counted are left out of the oracle."""
        values = pa.array(np.arange(float(len(times))) % 100)
        batch = pa.record_batch([times, values], names=["timestamp", "x"])
        self.stream.push(self.handle, payload_of(batch))
        self.expect(batch if counted is None else batch.filter(pa.array(counted)))

    def rows_in(self, start_us: int, end_us: int) -> tuple[int, int, int]:
        """Span used, and rows in it."""
        self.stream.settle()
        report = self.drift(metrics_pb2.Span(start_us=start_us, end_us=end_us))
        return report.start_us, report.end_us, report.rows


def test_rows_ahead_of_the_clock_are_refused_and_counted_as_such(server: Server) -> None:
    with Timed(server) as timed:
        now = now_us()
        ahead = [0, 4 * MINUTE_US, 6 * MINUTE_US, 10 * DAY_US, -MINUTE_US]
        timed.send(pa.array([now + each for each in ahead], pa.timestamp("us")), counted=[True, True, False, False, True])
        timed.send(pa.array([now + DAY_US] * 50, pa.timestamp("us")), counted=[False] * 50)
        timed.check()
        counters = timed.endpoint().counters
        assert (counters.future_rows, counters.expired_rows) == (52, 0)
        assert timed.endpoint().watermark_us == now + 4 * MINUTE_US


def test_rows_older_than_is_kept_are_expired(server: Server) -> None:
    with Timed(server) as timed:
        now = now_us()
        age = [0, 399 * DAY_US, 401 * DAY_US, 4000 * DAY_US]
        timed.send(pa.array([now - each for each in age], pa.timestamp("us")), counted=[True, True, False, False])
        timed.check()
        counters = timed.endpoint().counters
        assert (counters.future_rows, counters.expired_rows) == (0, 2)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "+05:30", "Mars/Olympus"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_timestamp_means_the_same_in_every_unit_and_zone(server: Server, unit: str, zone: str | None) -> None:
    at = hour_ago_us() + 30 * SECOND_US
    per_unit = {"s": SECOND_US, "ms": 1000, "us": 1}
    value = at * 1000 if unit == "ns" else at // per_unit[unit]
    with Timed(server, pa.timestamp(unit, zone)) as timed:
        timed.send(pa.array([value] * 3, pa.int64()).cast(pa.timestamp(unit, zone)))
        timed.stream.settle()
        assert timed.endpoint().watermark_us == at


@pytest.mark.parametrize(
    "times", [pa.int32(), pa.int64(), pa.uint32(), pa.uint64(), pa.float64(), pa.float32()], ids=lambda each: str(each)
)
def test_a_number_is_epoch_seconds(server: Server, times: pa.DataType) -> None:
    seconds = hour_ago_us() // SECOND_US
    with Timed(server, times) as timed:
        timed.send(pa.array([seconds], times, safe=False) if times != pa.float32() else pa.array([np.float32(seconds)], times))
        timed.stream.settle()
        assert timed.endpoint().watermark_us == int(np.float32(seconds) if times == pa.float32() else seconds) * SECOND_US


def test_a_fraction_of_a_second_is_kept(server: Server) -> None:
    at = hour_ago_us() + 123_456
    with Timed(server, pa.float64()) as timed:
        timed.send(pa.array([at / SECOND_US]))
        timed.stream.settle()
        assert timed.endpoint().watermark_us == at


@pytest.mark.parametrize("times", [pa.timestamp("us"), pa.float64(), pa.int64(), pa.null()], ids=lambda each: str(each))
def test_no_time_is_the_time_of_arrival(server: Server, times: pa.DataType) -> None:
    with Timed(server, times) as timed:
        before = now_us()
        timed.send(pa.nulls(4, times))
        if times == pa.float64():
            timed.send(pa.array([np.nan, None]))
        timed.stream.settle()
        endpoint = timed.endpoint()
        assert before <= endpoint.watermark_us <= now_us()
        assert endpoint.watermark_us <= endpoint.last_arrival_us


EDGES = [-(2**63), -(2**63) + 1, -(2**62), -1, 0, 1, 2**62, 2**63 - 1]
YEARS = [datetime.datetime(year, 9, 21, tzinfo=datetime.UTC) for year in (1, 1677, 1970, 2262, 9999)]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_ends_of_time_are_refused_or_expired_and_nothing_wraps(server: Server, unit: str) -> None:
    def of(value: int) -> str:
        per = {"s": SECOND_US, "ms": 1000, "us": 1}.get(unit)
        at = value // 1000 if per is None else value * per
        return "expired_rows" if at < now_us() - 400 * DAY_US else "future_rows"

    with Timed(server, pa.timestamp(unit)) as timed:
        timed.send(pa.array(EDGES, pa.int64()).cast(pa.timestamp(unit)), counted=[False] * len(EDGES))
        timed.check()
        counters = timed.endpoint().counters
        verdicts = [of(edge) for edge in EDGES]
        assert (counters.expired_rows, counters.future_rows) == (verdicts.count("expired_rows"), verdicts.count("future_rows"))
        if unit in ("s", "ms", "us"):
            timed.send(pa.array(YEARS, pa.timestamp("us")).cast(pa.timestamp(unit)), counted=[False] * len(YEARS))
        timed.send(pa.array([now_us() // 1000], pa.int64()).cast(pa.timestamp("ms")).cast(pa.timestamp(unit), safe=False))


def test_numbers_beyond_time_are_refused_or_expired(server: Server) -> None:
    with Timed(server, pa.float64()) as timed:
        timed.send(pa.array([1e300, -1e300, np.inf, -np.inf, 0.0, 1e13, -1e13]), counted=[False] * 7)
        timed.check()
        counters = timed.endpoint().counters
        assert (counters.future_rows, counters.expired_rows) == (3, 4)


@pytest.mark.parametrize(
    "times", [pa.string(), pa.bool_(), pa.date32(), pa.duration("us"), pa.binary()], ids=lambda each: str(each)
)
def test_a_time_of_no_such_type_is_refused(server: Server, times: pa.DataType) -> None:
    with Timed(server) as timed:
        refused = timed.stream.open(timed.name, pa.schema([("timestamp", times), ("x", pa.float64())]), number=9).refused
        assert [(each.code, each.field) for each in refused] == [(3, "timestamp")]
        assert says(refused[0].reason, "where event times are wanted; send an Arrow timestamp, or numbers: epoch seconds")


def test_rows_out_of_order_are_counted_where_they_belong(server: Server) -> None:
    rng = np.random.default_rng(3)
    start = hour_ago_us()
    at = start + rng.integers(0, 8 * MINUTE_US, 5000)
    with Timed(server) as timed:
        for part in np.array_split(at, 7):
            timed.send(pa.array(part, pa.timestamp("us")))
        timed.check()
        minutes = (at - start) // MINUTE_US
        for minute in range(8):
            span = start + minute * MINUTE_US, start + (minute + 1) * MINUTE_US
            assert timed.rows_in(*span) == (*span, int((minutes == minute).sum()))
        assert timed.rows_in(start, start + 8 * MINUTE_US)[2] == 5000


def test_windows_are_half_open_and_widened_to_the_minute(server: Server) -> None:
    start = hour_ago_us()
    with Timed(server) as timed:
        timed.send(pa.array([start - 1, start, start + MINUTE_US - 1, start + MINUTE_US], pa.timestamp("us")))
        assert timed.rows_in(start, start + MINUTE_US) == (start, start + MINUTE_US, 2)
        assert timed.rows_in(start + 1, start + 2) == (start, start + MINUTE_US, 2)
        assert timed.rows_in(start + 1, start + MINUTE_US + 1) == (start, start + 2 * MINUTE_US, 3)
        assert timed.rows_in(start - 1, start + 1) == (start - MINUTE_US, start + MINUTE_US, 3)


def test_a_window_ends_with_the_newest_row_and_not_now(server: Server) -> None:
    newest = hour_ago_us() - 30 * DAY_US + 7 * SECOND_US
    with Timed(server) as timed:
        ages = [0, 4 * MINUTE_US, 59 * MINUTE_US, 70 * MINUTE_US, 90 * MINUTE_US]
        timed.send(pa.array([newest - age for age in ages], pa.timestamp("us")))
        timed.stream.settle()
        end = newest // MINUTE_US * MINUTE_US + MINUTE_US
        for window_us, rows in ((MINUTE_US, 1), (5 * MINUTE_US, 2), (HOUR_US, 3), (2 * HOUR_US, 5)):
            report = timed.drift(metrics_pb2.Span(window_us=window_us))
            assert report.end_us == end
            assert end - window_us - HOUR_US < report.start_us <= end - window_us
            assert report.rows == rows
        assert timed.drift().rows == 3  # an hour, unless said
        open_ended = timed.drift(metrics_pb2.Span(start_us=newest - 71 * MINUTE_US))
        assert (open_ended.end_us, open_ended.rows) == (end, 4)
        closed = timed.drift(metrics_pb2.Span(end_us=newest - 30 * MINUTE_US))
        assert closed.rows == 3


def test_panes_grow_with_age_behind_the_newest_row(server: Server) -> None:
    start = hour_ago_us() - 10 * HOUR_US
    with Timed(server) as timed:
        timed.send(pa.array([start + 90 * SECOND_US, start + 4 * MINUTE_US], pa.timestamp("us")))
        assert timed.rows_in(start + MINUTE_US, start + 2 * MINUTE_US) == (start + MINUTE_US, start + 2 * MINUTE_US, 1)
        timed.send(pa.array([start + 40 * MINUTE_US], pa.timestamp("us")))
        assert timed.rows_in(start + MINUTE_US, start + 2 * MINUTE_US) == (start, start + 5 * MINUTE_US, 2)
        timed.send(pa.array([start + 5 * HOUR_US], pa.timestamp("us")))
        assert timed.rows_in(start + MINUTE_US, start + 2 * MINUTE_US) == (start, start + HOUR_US, 3)
        timed.send(pa.array([start + 2 * MINUTE_US], pa.timestamp("us")))  # late: it merges into its hour
        assert timed.rows_in(start, start + MINUTE_US) == (start, start + HOUR_US, 4)


SPANS = {
    "window and start": (metrics_pb2.Span(window_us=1, start_us=1), "span", "not both"),
    "window and end": (metrics_pb2.Span(window_us=1, end_us=1), "span", "not both"),
    "no window": (metrics_pb2.Span(window_us=0), "span.window_us", "give a positive length of time"),
    "negative window": (metrics_pb2.Span(window_us=-5), "span.window_us", "give a positive length of time"),
    "endless window": (metrics_pb2.Span(window_us=2**63 - 1), "span.window_us", "give a positive length of time"),
    "backwards": (metrics_pb2.Span(start_us=2, end_us=1), "span.start_us", "start is not before end"),
    "empty": (metrics_pb2.Span(start_us=1, end_us=1), "span.start_us", "start is not before end"),
    "before time": (metrics_pb2.Span(start_us=-(2**63)), "span.start_us", "out of range; give epoch microseconds"),
    "after time": (metrics_pb2.Span(end_us=2**63 - 1), "span.end_us", "out of range; give epoch microseconds"),
}


@pytest.mark.parametrize(("span", "field", "wrong"), SPANS.values(), ids=SPANS.keys())
def test_a_span_that_is_none_is_refused(server: Server, span: metrics_pb2.Span, field: str, wrong: str) -> None:
    with Timed(server) as timed:
        timed.send(pa.array([now_us()], pa.timestamp("us")))
        for question in (lambda: timed.drift(span), lambda: timed.counts(span)):
            with failing(grpc.StatusCode.INVALID_ARGUMENT) as failure:
                question()
            assert failure.fields == (field,)
            assert says(failure.message, wrong)


@pytest.mark.parametrize(
    "span", [{"start_us": -(2**61)}, {"end_us": 2**61}, {"window_us": 2**61}, {"start_us": -(2**61), "end_us": 2**61}]
)
def test_a_span_may_be_all_of_time(server: Server, span: dict[str, int]) -> None:
    with Timed(server) as timed:
        timed.send(pa.array([now_us()], pa.timestamp("us")))
        timed.stream.settle()
        assert timed.drift(metrics_pb2.Span(**span)).rows == 1


def test_an_endpoint_without_rows_answers(server: Server) -> None:
    with Timed(server) as timed:
        report = timed.drift()
        assert (report.rows, bool(np.isnan(report.drift))) == (0, True)
        assert HOUR_US <= report.end_us - report.start_us < HOUR_US + 5 * MINUTE_US
        assert report.start_us < now_us() <= report.end_us
        assert not timed.endpoint().HasField("watermark_us")
        assert not timed.endpoint().HasField("last_arrival_us")


def test_the_event_time_may_have_another_name(server: Server) -> None:
    at = hour_ago_us()
    wire = pa.schema([("when", pa.timestamp("us")), ("timestamp", pa.float64())])
    reference = pa.record_batch({"timestamp": np.arange(100.0)})
    with Watched(server, reference=reference, wire=wire, reserved={"timestamp": "when"}) as watched:
        watched.push(pa.record_batch([pa.array([at], pa.timestamp("us")), pa.array([5.0])], schema=wire))
        watched.stream.settle()
        assert watched.endpoint().watermark_us == at
        assert watched.endpoint().reserved["timestamp"] == "when"


def test_silence_is_told_by_the_clock(server: Server) -> None:
    with Watched(server, stale_after_us=1) as silent, Watched(server) as lively:
        for watched in (silent, lively):
            watched.good()
            watched.stream.settle()
        assert (silent.endpoint().stale, lively.endpoint().stale) == (True, False)


def test_hours_close_and_late_rows_are_still_counted(server: Server) -> None:
    start = hour_ago_us() - 3 * HOUR_US
    with Timed(server) as timed:
        for step in range(200):
            timed.send(pa.array([start + step * MINUTE_US, start], pa.timestamp("us")))
        timed.check()
        assert timed.rows_in(start, start + HOUR_US)[2] == 200 + 60
