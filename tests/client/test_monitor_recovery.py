"""Faults that happen once a year: fencing, silence, refusals out of turn, a schema that changes under packed rows."""

import time

import grpc
import pyarrow as pa
import pytest
from tests.client.conftest import MakeMonitor
from tests.client.fake_server import COLUMNS, FakeServer
from tests.client.test_monitor_rows import FLUSH_S, ROW

import driftline
from driftline_proto.v1 import ingest_pb2 as pb

INVALID_ARGUMENT, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, INTERNAL = 3, 8, 9, 13


def log(monitor: driftline.Monitor, *numbers: int) -> None:
    """Rows that can be told apart, each a batch of its own."""
    for number in numbers:
        monitor.log_batch(pa.table({"amount": [float(number)]}))


@pytest.mark.parametrize("status", [grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED, None], ids=str)
def test_a_stream_that_ends_is_followed_by_another(
    fake: FakeServer, monitor: driftline.Monitor, status: grpc.StatusCode | None
) -> None:
    log(monitor, 1)
    assert monitor.flush(FLUSH_S)
    fake.drop(status)
    log(monitor, 2)
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [1.0, 2.0]


def test_a_server_that_ends_every_stream_well_is_not_asked_without_rest(fake: FakeServer, monitor: driftline.Monitor) -> None:
    asked = 0

    def ends(request: pb.Open) -> None:
        nonlocal asked
        asked += 1
        fake.drop(None)

    fake.refuses = ends
    log(monitor, 1)
    assert not monitor.flush(1.0)
    assert 1 < asked < 10
    fake.refuses = lambda request: None
    assert monitor.flush(FLUSH_S)


def test_a_producer_that_is_fenced_becomes_another(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(linger=60.0)
    log(monitor, 1)
    assert monitor.flush(FLUSH_S)
    (fenced,) = fake.producers
    fake.refuses = lambda request: pb.Refused(code=FAILED_PRECONDITION) if request.producer_id == fenced else None
    log(monitor, 2)
    fake.drop()
    fake.until(lambda fake: len(fake.producers) == 2)
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [1.0, 2.0]
    assert len(fake.producers) == 2


@pytest.mark.parametrize("code", [INVALID_ARGUMENT, RESOURCE_EXHAUSTED, INTERNAL])
def test_an_open_that_is_refused_is_tried_again(
    fake: FakeServer, monitor: driftline.Monitor, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = [pb.Refused(code=code, field="endpoint", reason="not now") for _ in range(2)]
    fake.refuses = lambda request: refusals.pop() if refusals else None
    log(monitor, 1)
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [1.0]
    assert monitor.stats.last_error is None
    assert ["endpoint: not now" in record.message for record in caplog.records] == [True]


def test_a_schema_that_is_refused_costs_its_rows_only(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    def refuses(request: pb.Open) -> pb.Refused | None:
        is_single = request.schema and pa.ipc.read_schema(pa.py_buffer(request.schema)).field("amount").type == pa.float32()
        return pb.Refused(code=INVALID_ARGUMENT, field="amount", reason="no single precision here") if is_single else None

    fake.refuses = refuses
    monitor = monitor_of(batch_rows=1)
    log(monitor, 1)
    monitor.log_batch(pa.table({"amount": pa.array([2.0], pa.float32())}))
    log(monitor, 3)
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [1.0, 3.0]
    assert (monitor.stats.acknowledged, monitor.stats.rejected) == (2, 1)
    assert monitor.stats.last_error == "rows are rejected: amount: no single precision here"
    fake.until(lambda fake: fake.lost == (0, 1, 0))


def test_answers_out_of_turn_are_survived(fake: FakeServer, monitor: driftline.Monitor) -> None:
    log(monitor, 1)
    assert monitor.flush(FLUSH_S)
    handle = fake.opens[0].handle
    nonsense = pb.PushResponse(
        refused=[pb.Refused(handle=handle, code=INTERNAL, reason="someone tripped"), pb.Refused(handle=997)],
        acks=[pb.Ack(handle=999, sequence=1), pb.Ack(handle=handle, sequence=0, level=2, expected_sequence=10**9)],
        opened=[pb.Opened(handle=998), pb.Opened(handle=handle, endpoint_uid="another")],
    )
    for stream in fake.streams:
        stream.answers.put(nonsense)
    log(monitor, 2)
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [1.0, 2.0]


def test_what_is_not_answered_is_repeated(fake: FakeServer, monitor_of: MakeMonitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftline.producer.ANSWER_SECONDS_MAX", 0.2)
    fake.is_silent = True
    monitor = monitor_of(batch_rows=1)
    log(monitor, 1)
    fake.until(lambda fake: len(fake.opens) > 2)
    fake.is_silent = False
    assert monitor.flush(FLUSH_S)
    fake.ack_level = None
    log(monitor, 2)
    fake.until(lambda fake: fake.duplicates > 2)
    fake.acknowledge()
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [1.0, 2.0]


def test_what_is_older_than_a_day_is_not_sent_again(
    fake: FakeServer, monitor_of: MakeMonitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = monitor_of(batch_rows=1)
    fake.ack_level = None
    log(monitor, 1)
    fake.until(lambda fake: len(fake.received) == 1)
    fake.stop()
    fake.forget(after=0)
    now = time.monotonic
    monkeypatch.setattr("driftline.link.time.monotonic", lambda: now() + 86_401.0)
    log(monitor, 2)
    fake.ack_level = pb.ACK_LEVEL_DURABLE
    fake.start()
    assert monitor.flush(FLUSH_S)
    assert fake.column("amount") == [2.0]
    assert (monitor.stats.acknowledged, monitor.stats.dropped) == (1, 1)
    fake.until(lambda fake: fake.lost == (1, 0, 0))


def test_rows_packed_for_one_schema_reach_another(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(linger=60.0)
    monitor.log(ROW)
    assert monitor.flush(FLUSH_S)
    fake.stop()
    opened = len(fake.opens)
    for country in ("DE", None, "FR"):
        monitor.log({"amount": 1.0, "country": country, "known": False})
    fake.columns = (COLUMNS[2], COLUMNS[1], COLUMNS[3])  # without the amount, and in another order
    fake.recreate()
    fake.start()
    fake.until(lambda fake: len(fake.opens) > opened)  # or the rows are encoded for the stream that has just ended
    assert monitor.flush(FLUSH_S)
    monitor.log({"known": True, "country": "IT"})
    assert monitor.flush(FLUSH_S)
    assert fake.rows[1:] == [
        {"known": False, "country": "DE"},
        {"known": False, "country": None},
        {"known": False, "country": "FR"},
        {"known": True, "country": "IT"},
    ]
