"""The parts of the protocol on their own: window, history, losses, back-off, what is told of problems."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.backoff import SECONDS_MAX, Backoff
from driftline.buffer import Accounts
from driftline.encoder import Payload
from driftline.history import POINTS_MAX, History
from driftline.losses import PERIOD_SECONDS, LossReport
from driftline.problems import KINDS_MAX, REPEAT_SECONDS, Problems
from driftline.window import BATCHES_MAX, Window
from driftline_proto.v1 import ingest_pb2 as pb


def payload_of(size_bytes: int) -> Payload:
    return Payload(pa.py_buffer(bytes(size_bytes)), b"schema", size_bytes)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 50)),
        st.tuples(st.just("send"), st.just(0)),
        st.tuples(st.just("acknowledge"), st.integers(0, 60)),
        st.tuples(st.just("rewind"), st.integers(0, 60)),
        st.tuples(st.just("remove"), st.integers(1, 3)),
        st.tuples(st.just("renumber"), st.integers(1, 9)),
    ),
    max_size=80,
)


@settings(deadline=None)
@given(actions=ACTIONS)
def test_a_window_gives_every_batch_in_order_until_it_is_acknowledged(actions: list[tuple[str, int]]) -> None:
    window, held, sent, last = Window(bytes_max=200), [], 0, 0  # held: [sequence, bytes]; sent: how many of them
    for action, number in actions:
        match action:
            case "add" if not window.is_full:
                last += 1
                held.append([last, number])
                window.add(payload_of(number), first=0, at=0.0)
            case "send" if window.next is not None:
                sent += 1
                window.advance()
            case "acknowledge":
                gone = [batch for batch in held if batch[0] <= number]
                assert [batch.sequence for batch in window.acknowledge(number)] == [sequence for sequence, _ in gone]
                held, sent = held[len(gone) :], max(0, sent - len(gone))
            case "rewind":
                window.rewind(number)
                sent = sum(sequence < number for sequence, _ in held)
            case "remove":
                removed = window.remove(lambda batch, number=number: batch.sequence % 3 == number % 3)
                assert [batch.sequence for batch in removed] == [batch[0] for batch in held if batch[0] % 3 == number % 3]
                held, sent = [batch for batch in held if batch[0] % 3 != number % 3], 0
            case "renumber":
                window.renumber(number)
                held = [[sequence, size] for sequence, (_, size) in enumerate(held, start=number)]
                last, sent = number + len(held) - 1, 0
        assert len(window) == len(held)
        assert window.is_full == (sum(size for _, size in held) >= 200 or len(held) >= BATCHES_MAX)
        assert (window.oldest.sequence if window.oldest else None) == (held[0][0] if held else None)
        assert (window.next.sequence if window.next else None) == (held[sent][0] if sent < len(held) else None)
        assert window.last == last


@settings(deadline=None)
@given(batches=st.lists(st.integers(0, 100), max_size=300), asked=st.integers(0, 310))
def test_a_history_knows_the_rows_after_each_batch(batches: list[int], asked: int) -> None:
    history = History()
    for sequence, rows in enumerate(batches, start=1):
        history.add(sequence, rows=rows)
    assert history.rows_after(asked) == sum(batches[asked:])


def test_a_long_history_stays_small_and_never_tells_too_little() -> None:
    history = History()
    batches = 5 * POINTS_MAX
    for sequence in range(1, batches + 1):
        history.add(sequence, rows=1)
    assert len(history._sequences) <= POINTS_MAX
    for asked in range(0, batches, 97):
        assert history.rows_after(asked) >= batches - asked
    recent = batches - POINTS_MAX // 2
    assert history.rows_after(recent) == batches - recent


def told(report: LossReport, now: float) -> tuple[int, int, int]:
    loss = pb.PushRequest.FromString(report.message(3, now)).loss
    assert loss.handle == 3
    return loss.dropped_rows, loss.unconvertible_rows, loss.lost_rows


def test_losses_are_told_once_as_totals_and_not_too_often() -> None:
    accounts = Accounts()
    report = LossReport(accounts)
    assert report.due_at() is None
    accounts.dropped, accounts.unconvertible = 5, 1
    assert report.due_at() == float("-inf")
    assert told(report, 10.0) == (5, 1, 0)
    assert not report.is_pending
    accounts.dropped, accounts.lost = 7, 2
    assert report.due_at() == 10.0 + PERIOD_SECONDS
    assert told(report, 11.0) == (7, 1, 2)
    report.hurry()
    report.repeat()
    assert report.due_at() == float("-inf")
    assert told(report, 11.1) == (7, 1, 2)


def test_losses_of_another_producer_are_not_told_again() -> None:
    accounts = Accounts(dropped=5)
    report = LossReport(accounts)
    assert told(report, 0.0) == (5, 0, 0)
    report.restart()
    assert not report.is_pending
    accounts.dropped = 8
    assert told(report, 9.0) == (3, 0, 0)


def test_what_an_endpoint_was_told_is_not_told_to_one_that_took_its_name() -> None:
    accounts = Accounts(unconvertible=5)
    report = LossReport(accounts)
    assert told(report, 0.0) == (0, 5, 0)
    report.was_last = False  # batches followed, and one of them was refused
    report.on_refused()
    report.repeat()
    report.move()
    assert not report.is_pending
    accounts.unconvertible = 7
    assert told(report, 9.0) == (0, 2, 0)
    accounts.unconvertible = 8
    assert told(report, 10.0) == (0, 3, 0)
    report.on_refused()  # it was refused, and told nobody of the last one
    report.move()
    assert told(report, 11.0) == (0, 1, 0)


def test_back_off_grows_and_is_never_in_step() -> None:
    one, other = Backoff(), Backoff()
    waits = [(one.next_seconds(), other.next_seconds()) for _ in range(40)]
    assert all(0.05 <= seconds <= SECONDS_MAX for pair in waits for seconds in pair)
    assert all(mine != yours for mine, yours in waits)
    assert min(waits[-1]) >= SECONDS_MAX / 2
    one.reset()
    assert one.next_seconds() <= 0.1


def test_a_problem_is_written_once_in_a_while_and_remembered(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    problems = Problems("m", clock=lambda: now)
    for _ in range(5):
        problems.add("kind", "it fails")
        problems.write()
    problems.warn("other", "by the way")
    problems.write()
    assert [record.message for record in caplog.records] == ["m: it fails", "m: by the way"]
    assert problems.last == "it fails"
    now = REPEAT_SECONDS
    problems.add("kind", "it still fails")
    problems.write()
    assert caplog.records[-1].message == "m: it still fails"


def test_problems_without_end_take_no_memory_without_end() -> None:
    problems = Problems("m")
    for number in range(10 * KINDS_MAX):
        problems.add(f"kind {number}", "it fails")
    assert len(problems._told) <= KINDS_MAX
    assert len(problems._lines) <= KINDS_MAX


def test_a_log_that_fails_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("driftline.problems.log.warning", fails)
    problems = Problems("m")
    problems.add("kind", "it fails")
    problems.write()
    assert problems.last == "it fails"
