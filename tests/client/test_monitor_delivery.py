"""Whatever happens to the connection and to the server: every row is counted once, or its loss is told."""

import threading

import pyarrow as pa
import pytest
from tests.client.conftest import ENDPOINT, MakeMonitor
from tests.client.fake_server import FakeServer

import driftline
from driftline_proto.v1 import ingest_pb2 as pb

FLUSH_S = 30.0


def log(monitor: driftline.Monitor, numbers: range, *, rows: int = 10) -> None:
    """Logs numbers, in tables of so many rows: each becomes a batch of its own."""
    for start in range(numbers.start, numbers.stop, rows):
        monitor.log_batch(pa.table({"amount": pa.array(range(start, min(start + rows, numbers.stop)), pa.float64())}))


def numbers(fake: FakeServer) -> list[int]:
    return [int(number) for number in fake.column("amount")]


@pytest.mark.parametrize("drop_after", [1, 2, 7])
@pytest.mark.parametrize("acks", [pb.ACK_LEVEL_DURABLE, None])
def test_a_connection_that_ends_loses_nothing_and_repeats_nothing(
    fake: FakeServer, monitor_of: MakeMonitor, drop_after: int, acks: int | None
) -> None:
    fake.drop_after, fake.ack_level = drop_after, acks
    monitor = monitor_of(batch_rows=10)
    log(monitor, range(200))
    fake.until(lambda fake: fake.drop_after is None and len(fake.rows) == 200)
    fake.ack_level = pb.ACK_LEVEL_DURABLE
    fake.acknowledge()
    log(monitor, range(200, 210))
    assert monitor.flush(FLUSH_S)
    assert numbers(fake) == list(range(210))
    assert [each.sequence for each in fake.received] == list(range(1, len(fake.received) + 1))
    assert len(fake.producers) == 1 and monitor.stats.acknowledged == 210


def test_a_server_that_was_away_gets_what_was_logged_meanwhile(fake: FakeServer, monitor: driftline.Monitor) -> None:
    log(monitor, range(20))
    assert monitor.flush(FLUSH_S)
    fake.stop()
    log(monitor, range(20, 60))
    assert not monitor.flush(0.1) and monitor.stats.buffered == 40
    fake.start()
    assert monitor.flush(FLUSH_S)
    assert numbers(fake) == list(range(60)) and fake.lost == (0, 0, 0)


@pytest.mark.parametrize(("forgotten_after", "lost"), [(0, 30), (1, 20), (2, 10), (3, 0)])
def test_a_server_that_forgot_gets_the_next_epoch_and_is_told(
    fake: FakeServer, monitor_of: MakeMonitor, forgotten_after: int, lost: int
) -> None:
    monitor = monitor_of(batch_rows=10)
    for start in range(0, 30, 10):
        log(monitor, range(start, start + 10))
        assert monitor.flush(FLUSH_S)
    fake.ack_level = None
    log(monitor, range(30, 40))
    fake.until(lambda fake: len(fake.rows) == 40)
    fake.ack_level = pb.ACK_LEVEL_DURABLE
    fake.forget(after=forgotten_after)
    log(monitor, range(40, 50))
    assert monitor.flush(FLUSH_S)
    assert numbers(fake) == [*range(10 * forgotten_after), *range(30, 50)]
    assert {each.epoch for each in fake.received[-2:]} == {2 if lost else 1}
    fake.until(lambda fake: fake.lost == (0, 0, lost))
    assert len(fake.producers) == 1


@pytest.mark.parametrize(("level", "lost"), [(pb.ACK_LEVEL_DURABLE, 0), (pb.ACK_LEVEL_ACCEPTED, 10)])
def test_an_endpoint_that_was_created_again_is_begun_again(
    fake: FakeServer, monitor: driftline.Monitor, level: pb.AckLevel, lost: int
) -> None:
    """A server that keeps its endpoints has lost nothing: the other one was deleted."""
    fake.level = level
    log(monitor, range(10))
    assert monitor.flush(FLUSH_S)
    fake.recreate()
    log(monitor, range(10, 20))
    assert monitor.flush(FLUSH_S)
    assert numbers(fake) == list(range(20))
    assert [(each.epoch, each.sequence) for each in fake.received] == [(1, 1), (2, 1)]
    assert monitor.close() is None
    assert fake.lost == (0, 0, lost)


def test_a_batch_that_went_missing_is_sent_again_with_those_behind_it(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    fake.lose = {3}
    monitor = monitor_of(batch_rows=10)
    log(monitor, range(100))
    assert monitor.flush(FLUSH_S)
    assert numbers(fake) == list(range(100)) and fake.out_of_sequence > 0


def test_a_batch_that_is_rejected_uses_its_sequence(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    fake.rejects = {2: ("amount", "it is too much")}
    monitor = monitor_of(batch_rows=10)
    log(monitor, range(50))
    assert monitor.flush(FLUSH_S), "what is rejected is settled"
    assert numbers(fake) == [*range(10), *range(20, 50)]
    assert [each.sequence for each in fake.received] == [1, 3, 4, 5]
    assert (monitor.stats.acknowledged, monitor.stats.rejected, monitor.stats.buffered) == (40, 10, 0)
    assert monitor.stats.last_error == "rows are rejected: amount: it is too much"
    assert fake.lost == (0, 0, 0), "the server has counted them itself"


def test_an_endpoint_may_be_created_after_the_rows_were_logged(fake: FakeServer, monitor: driftline.Monitor) -> None:
    fake.missing = {ENDPOINT}
    log(monitor, range(30))
    assert not monitor.flush(0.1)
    fake.until(lambda fake: len(fake.opens) >= 2)
    assert monitor.stats.buffered == 30
    fake.missing = set()
    assert monitor.flush(FLUSH_S)
    assert numbers(fake) == list(range(30))


def test_durable_means_durable(fake: FakeServer, monitor: driftline.Monitor) -> None:
    fake.ack_level = pb.ACK_LEVEL_ACCEPTED
    log(monitor, range(30))
    fake.until(lambda fake: len(fake.rows) == 30)
    assert not monitor.flush(0.2) and monitor.stats.buffered == 30
    fake.acknowledge(pb.ACK_LEVEL_DURABLE)
    assert monitor.flush(FLUSH_S) and monitor.stats.acknowledged == 30


@pytest.mark.parametrize(("asked", "offered"), [("accepted", pb.ACK_LEVEL_DURABLE), ("durable", pb.ACK_LEVEL_ACCEPTED)])
def test_accepted_is_enough_where_no_more_is_asked_or_offered(
    fake: FakeServer, monitor_of: MakeMonitor, asked: str, offered: pb.AckLevel
) -> None:
    fake.level, fake.ack_level = offered, pb.ACK_LEVEL_ACCEPTED
    monitor = monitor_of(level=asked)
    log(monitor, range(30))
    assert monitor.flush(FLUSH_S) and monitor.stats.acknowledged == 30


def test_flush_is_true_only_when_what_is_held_is_acknowledged(fake: FakeServer, monitor: driftline.Monitor) -> None:
    assert monitor.flush(0.0), "nothing was logged"
    fake.ack_level = None
    log(monitor, range(10))
    assert not monitor.flush(0.1)
    fake.until(lambda fake: len(fake.rows) == 10)
    flushed: list[bool] = []
    flusher = threading.Thread(target=lambda: flushed.append(monitor.flush(FLUSH_S)), daemon=True)
    flusher.start()
    fake.acknowledge()
    flusher.join(FLUSH_S)
    assert flushed == [True]


def test_the_monitors_of_a_process_share_one_stream(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitors = [monitor_of(f"shared/m{number}:1") for number in range(20)]
    for number, monitor in enumerate(monitors):
        monitor.log({"amount": float(number)})
    assert all(monitor.flush(FLUSH_S) for monitor in monitors)
    assert len(fake.streams) == 1
    assert sorted(numbers(fake)) == list(range(20)) and len(fake.producers) == 20
    assert {each.endpoint for each in fake.received} == {f"shared/m{number}:1" for number in range(20)}


def test_one_monitor_refused_holds_no_other_up(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    fake.missing = {"shared/absent:1"}
    absent, present = monitor_of("shared/absent:1"), monitor_of("shared/present:1")
    for number in range(20):
        absent.log({"amount": float(number)})
        present.log({"amount": float(number)})
    assert present.flush(FLUSH_S) and not absent.flush(0.0)
    assert numbers(fake) == list(range(20))


def test_two_monitors_of_one_endpoint_are_two_producers(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    for monitor in (monitor_of(), monitor_of()):
        log(monitor, range(10))
        assert monitor.flush(FLUSH_S)
    assert [each.sequence for each in fake.received] == [1, 1] and len(fake.producers) == 2


def test_closing_sends_what_is_held_and_ends_the_stream_with_the_last_monitor(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitors = [monitor_of(f"shared/m{number}:1", linger=60.0) for number in range(2)]
    for monitor in monitors:
        monitor.log({"amount": 1.0})
    monitors[0].close()
    assert monitors[0].stats.acknowledged == 1 and len(fake.streams) == 1
    with monitors[1]:
        pass
    assert monitors[1].stats.acknowledged == 1
    fake.until(lambda fake: not fake.streams)
    assert not [thread.name for thread in threading.enumerate() if thread.name == f"driftline-{fake.target}"]


def test_closing_tells_what_was_lost(fake: FakeServer, monitor_of: MakeMonitor) -> None:
    monitor = monitor_of(linger=60.0)
    monitor.log({"amount": "much"})
    monitor.close()
    fake.until(lambda fake: fake.lost == (0, 1, 0))


def test_nothing_starts_before_the_first_row(fake: FakeServer, monitor: driftline.Monitor) -> None:
    assert monitor.flush(0.0)
    assert not [thread for thread in threading.enumerate() if thread.name == f"driftline-{fake.target}"]
    assert not fake.streams


@pytest.mark.parametrize("takes_close", [True, False])
def test_monitors_that_leave_give_their_handles_back_where_the_server_knows_how(
    fake: FakeServer, monitor_of: MakeMonitor, takes_close: bool
) -> None:
    fake.takes_close = takes_close
    stays = monitor_of()
    for start in range(0, 200, 20):
        log(stays, range(start, start + 10))
        assert stays.flush(FLUSH_S)
        with monitor_of() as comes:
            log(comes, range(start + 10, start + 20))
    log(stays, range(200, 210))
    assert stays.flush(FLUSH_S)
    assert numbers(fake) == list(range(210))
    fake.until(lambda fake: [len(stream.bound) for stream in fake.streams] == [1 if takes_close else 11])
