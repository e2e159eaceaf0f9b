"""Forks at bad moments, and processes of `multiprocessing`: every row is sent once, by the process that logged it."""

import textwrap
from pathlib import Path

import pytest
from tests.client.conftest import ENDPOINT
from tests.client.fake_server import FakeServer
from tests.client.test_process import run

HEAD = """
import os, sys, threading, traceback
import driftline

monitor = driftline.Monitor(*sys.argv[1:3], linger=0.01)

def log(count, value):
    for _ in range(count):
        monitor.log({"amount": value})

def fork(work):
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except Exception:
        traceback.print_exc()
        os._exit(1)
    sys.exit(0)

def wait(*pids):
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
"""


def app(fake: FakeServer, body: str) -> str:
    return run(HEAD + textwrap.dedent(body), fake.target, ENDPOINT)


def counted(fake: FakeServer) -> list[list[float]]:
    """The amounts that came, of each producer."""
    by_producer: dict[bytes, list[float]] = {}
    for each in fake.received:
        by_producer.setdefault(each.producer_id, []).extend(each.table.column("amount").to_pylist())
    return sorted(by_producer.values())


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "monitor = None; import gc; gc.collect()"], ids=["", "exit", "forgotten"])
def test_children_that_just_end_have_sent_their_rows(fake: FakeServer, end: str) -> None:
    app(fake, f"wait(*[fork(lambda: log(100, float(child))) for child in range(4)])\n{end}")
    assert counted(fake) == [[float(child)] * 100 for child in range(4)]


def test_a_fork_in_the_middle_of_logging_stops_nothing(fake: FakeServer) -> None:
    body = """
        done = threading.Event()
        def busy():
            while not done.wait(0.001):
                log(20, 9.0)
        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        for child in range(8):
            wait(fork(lambda: log(10, float(child))))
        done.set()
        for thread in threads:
            thread.join()
        assert monitor.flush(30)
        print(monitor.stats.acknowledged)
    """
    acknowledged = int(app(fake, body))
    assert counted(fake) == [*([float(child)] * 10 for child in range(8)), [9.0] * acknowledged]


def test_a_grandchild_is_one_more(fake: FakeServer) -> None:
    body = """
        def child():
            log(10, 2.0)
            wait(fork(lambda: log(10, 3.0)))
        log(10, 1.0)
        wait(fork(child))
    """
    app(fake, body)
    assert counted(fake) == [[1.0] * 10, [2.0] * 10, [3.0] * 10]


def test_a_closed_monitor_stays_closed_in_a_child(fake: FakeServer) -> None:
    body = """
        log(10, 1.0)
        monitor.close()
        def child():
            log(10, 2.0)
            assert monitor.stats.dropped == 10
        wait(fork(child))
    """
    app(fake, body)
    assert counted(fake) == [[1.0] * 10]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_rows_of_a_multiprocessing_worker_leave_when_it_ends(fake: FakeServer, method: str, tmp_path: Path) -> None:
    body = f"""
        if __name__ == "__main__":
            import multiprocessing
            context = multiprocessing.get_context("{method}")
            log(10, 9.0)
            workers = [context.Process(target=log, args=(100, float(worker))) for worker in range(2)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
                assert worker.exitcode == 0
    """
    module = tmp_path / "workers.py"  # of which spawn makes new ones
    module.write_text(HEAD + textwrap.dedent(body))
    run(module, fake.target, ENDPOINT)
    assert counted(fake) == [[0.0] * 100, [1.0] * 100, [9.0] * 10]
