"""The HTTP front: whoever sends, or reads, without an end is cut off, and a stop ends in time what is under way."""

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from driftline_server.web import front
from driftline_server.web.front import Front

WAIT_S = 20.0
LONG = b"x" * 8_000_000


@contextmanager
def serving(application: Callable[..., Iterable[bytes]], *, connections_max: int = 8) -> Iterator[tuple[str, int]]:
    listening = socket.create_server(("127.0.0.1", 0))
    where = listening.getsockname()
    served = Front(application, listening, threads=2, connections_max=connections_max)
    served.start()
    try:
        yield where
    finally:
        served.stop()


def hello(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = LONG if environ["PATH_INFO"] == "/long" else b"hello"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def ask(where: tuple[str, int]) -> bytes:
    connection = http.client.HTTPConnection(*where, timeout=WAIT_S)
    connection.request("GET", "/")
    said = connection.getresponse().read()
    connection.close()
    return said


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "EXCHANGE_S", 1.0)
    monkeypatch.setattr(front, "LOOK_S", 1)


def test_bytes_that_drip_for_ever_make_room_for_others() -> None:
    with serving(hello, connections_max=3) as where:
        slow = [socket.create_connection(where, timeout=WAIT_S) for _ in range(3)]
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.1):
                for each in slow:
                    try:
                        each.sendall(b"G")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        began = time.monotonic()
        assert ask(where) == b"hello"
        assert time.monotonic() - began < 8.0
        stop.set()
        dripping.join()
        for each in slow:
            each.close()


def test_an_answer_that_nobody_reads_is_let_go_of() -> None:
    with serving(hello, connections_max=1) as where, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(WAIT_S)
        deaf.connect(where)
        deaf.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.2)
        assert ask(where) == b"hello"


def test_a_connection_that_is_quiet_between_requests_stays() -> None:
    with serving(hello) as where:
        connection = http.client.HTTPConnection(*where, timeout=WAIT_S)
        for _ in range(2):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"hello"
            time.sleep(2.5)
        connection.close()


def test_a_body_is_refused() -> None:
    with serving(hello) as where, socket.create_connection(where, timeout=WAIT_S) as sender:
        sender.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert b" 413 " in sender.recv(1000)


def test_who_sends_nonsense_and_goes_is_no_fault_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    with serving(hello) as where:
        for _ in range(100):
            with socket.create_connection(where, timeout=WAIT_S) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                gone.sendall(b"\xff\xfe nonsense\r\n\r\n")
        assert ask(where) == b"hello"
    assert not caplog.records


def test_a_stop_lets_an_answer_end_and_waits_for_no_other() -> None:
    entered, released = threading.Event(), threading.Event()

    def wait(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        entered.set()
        released.wait(WAIT_S if environ["PATH_INFO"] == "/ever" else 0.5)
        return hello(environ, start_response)

    with serving(wait) as where:
        asker = socket.create_connection(where, timeout=WAIT_S)
        asker.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert entered.wait(WAIT_S)
    assert asker.makefile("rb").read().endswith(b"hello")
    entered.clear()
    began = time.monotonic()
    with serving(wait) as where:
        stuck = socket.create_connection(where, timeout=WAIT_S)
        stuck.sendall(b"GET /ever HTTP/1.1\r\nHost: x\r\n\r\n")
        assert entered.wait(WAIT_S)
    assert time.monotonic() - began < 8.0
    released.set()
    asker.close()
    stuck.close()


def test_a_front_that_never_started_gives_its_port_back() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    where = listening.getsockname()
    Front(hello, listening, threads=1, connections_max=1).stop()
    socket.create_server(where).close()
