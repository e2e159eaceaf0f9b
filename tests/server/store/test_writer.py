"""Jobs are written in order, none lost to a full disk, and a job that fails fails alone."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.server.store.building import HOUR_US, hour

from driftline_core.errors import NotFound, ResourceExhausted
from driftline_server.store import Store, StoreError, StoreWriter


@pytest.fixture
def writer(store: Store) -> Iterator[StoreWriter]:
    made = StoreWriter(store, jobs_max=8)
    made.start()
    yield made
    made.close(timeout_s=0)


class Hold:
    """Keeps the writer busy from a job until it is let go."""

    def __init__(self, writer: StoreWriter) -> None:
        self._entered, self._released = threading.Event(), threading.Event()
        self._done = writer.submit(self._wait)
        assert self._entered.wait(10)

    def _wait(self, _: Store) -> None:
        self._entered.set()
        assert self._released.wait(10)

    def release(self) -> None:
        self._released.set()
        self._done.result(10)


def saving(at: int, uid: str = "u", *, order: list[int] | None = None, hours: int = 1) -> Callable[[Store], int]:
    """A job that saves some hours and says which it was."""

    def job(store: Store) -> int:
        store.save_hours([hour(at * hours + one, uid=uid) for one in range(hours)])
        if order is not None:
            order.append(at)
        return at

    return job


def starts(store: Store) -> list[int]:
    return [each.start_us // HOUR_US for each in store.reader.newest("u", 0, 2**61)]


def test_an_answer_to_the_one_who_asked_is_no_error_of_the_server(writer: StoreWriter) -> None:
    def fail(error: Exception) -> Callable[[Store], None]:
        def job(_: Store) -> None:
            raise error

        return job

    with capture_logs() as logged:
        for error in (NotFound("no message 'x'"), KeyError("a fault")):
            with pytest.raises(type(error)):
                writer.submit(fail(error), gathers=True).result(10)
    assert [each["error"] for each in logged] == ["KeyError('a fault')"]


def test_a_job_is_on_disk_when_its_future_is_done(store: Store, writer: StoreWriter) -> None:
    assert writer.submit(saving(5)).result(10) == 5
    assert starts(store) == [5]


def test_jobs_run_in_order_whether_they_gather_or_not(store: Store, writer: StoreWriter) -> None:
    hold, order = Hold(writer), []
    futures = [writer.submit(saving(at, order=order), gathers=at % 3 != 0) for at in range(7)]
    hold.release()
    assert [future.result(10) for future in futures] == order == list(range(7))
    assert starts(store) == list(range(7))


def test_jobs_that_gather_share_a_transaction_and_fail_alone(store: Store, writer: StoreWriter) -> None:
    hold = Hold(writer)
    good, bad, last = (writer.submit(saving(at, uid), gathers=True) for at, uid in ((1, "u"), (2, "w"), (3, "u")))
    seen = writer.submit(lambda held: held.connection.total_changes)
    hold.release()
    assert (good.result(10), last.result(10)) == (1, 3)
    with pytest.raises(NotFound, match="no endpoint has uid 'w'"):
        bad.result(10)
    assert seen.result(10) > 0
    assert starts(store) == [1, 3]


def test_a_constraint_that_fails_is_the_jobs_own_failure(store: Store, writer: StoreWriter) -> None:
    hold = Hold(writer)
    good = writer.submit(saving(1), gathers=True)
    taken = writer.submit(lambda held: held.connection.execute("INSERT INTO statuses VALUES (0, 'twice')"), gathers=True)
    hold.release()
    good.result(10)
    with pytest.raises(sqlite3.IntegrityError):
        taken.result(10)
    assert starts(store) == [1]


def test_a_full_queue_refuses_and_never_waits(writer: StoreWriter) -> None:
    hold = Hold(writer)
    futures = [writer.submit(saving(at), gathers=True) for at in range(7)]
    with pytest.raises(ResourceExhausted, match="8 writes wait for the disk"):
        writer.submit(saving(9))
    hold.release()
    assert [future.result(10) for future in futures] == list(range(7))
    assert writer.submit(saving(9)).result(10) == 9


def test_close_writes_what_is_queued(store: Store) -> None:
    writer = StoreWriter(store)
    writer.start()
    futures = [writer.submit(saving(at), gathers=True) for at in range(20)]
    writer.close()
    assert all(future.done() for future in futures)
    assert starts(store) == list(range(20))
    with pytest.raises(StoreError, match="closed"):
        writer.submit(saving(1))


def fill(store: Store, *, full: bool) -> None:
    """Lets the database have no page more than it has, as a full disk would; or lets it grow again."""
    store.connection.execute(f"PRAGMA max_page_count = {1 if full else 2**30}")


def test_nothing_is_lost_to_a_disk_that_is_full_for_a_while(store: Store, writer: StoreWriter) -> None:
    writer.submit(lambda held: fill(held, full=True)).result(10)
    futures = [writer.submit(saving(at, hours=100), gathers=at < 5) for at in range(7)]
    while writer.trouble is None:
        threading.Event().wait(0.001)
    assert "full" in writer.trouble
    assert starts(store) == []  # queries go on, and see nothing by halves
    assert not any(future.done() for future in futures)
    fill(store, full=False)  # between two attempts, as when somebody makes room
    assert [future.result(20) for future in futures] == list(range(7))
    assert (starts(store), writer.trouble) == (list(range(700)), None)


def test_a_disk_that_stays_full_does_not_hold_the_shutdown_up(store: Store, writer: StoreWriter) -> None:
    writer.submit(lambda held: fill(held, full=True)).result(10)
    futures = [writer.submit(saving(at, hours=200)) for at in range(2)]
    while writer.trouble is None:
        threading.Event().wait(0.001)
    writer.close(timeout_s=0.1)
    for future in futures:
        with pytest.raises(StoreError, match="not written before the server ended: database or disk is full"):
            future.result(10)


def test_what_waits_for_a_full_disk_is_given_up_before_the_end_where_that_is_near(store: Store, writer: StoreWriter) -> None:
    writer.submit(lambda held: fill(held, full=True)).result(10)
    stuck = writer.submit(saving(1, hours=200))
    while writer.trouble is None:
        threading.Event().wait(0.001)
    writer.hasten(timeout_s=0.1)
    with pytest.raises(StoreError, match="not written before the server ended: database or disk is full"):
        stuck.result(10)
    with pytest.raises(StoreError, match="closed"):  # nobody would ever be told what becomes of it
        writer.submit(saving(2))


def test_who_is_in_a_hurry_loses_nothing_where_the_disk_is_well(store: Store, writer: StoreWriter) -> None:
    writer.hasten(timeout_s=0)
    assert [writer.submit(saving(at)).result(10) for at in range(3)] == [0, 1, 2]
    assert starts(store) == [0, 1, 2]


def test_another_program_that_holds_the_file_is_waited_for(store: Store, writer: StoreWriter, tmp_path: Path) -> None:
    store.connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "data" / "driftline.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    future = writer.submit(saving(5))
    while writer.trouble is None:
        threading.Event().wait(0.001)
    other.execute("ROLLBACK")
    other.close()
    assert future.result(10) == 5
