"""A webhook receiver on this machine: keeps what it is sent, and answers as it is told, badly if need be.

with LocalReceiver(503, 200) as receiver:      # answers 503 once, then 200 for ever
    ...                                        # post to receiver.url
    receiver.wait(lambda: len(receiver.accepted) == 1)
"""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

HANG, RESET, GARBAGE, DRIP = "hang", "reset", "garbage", "drip"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with headers or a body of its own."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_echo: bool = False  # the body is the request, head and all
    tells_headers: bool = False  # the body is what only this sender sends, as JSON with as much escaped as some writers do


Answer = int | str | Reply


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came, and what it was answered."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: Answer

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]

    @property
    def is_accepted(self) -> bool:
        status = self.answer.status if isinstance(self.answer, Reply) else self.answer
        return isinstance(status, int) and 200 <= status < 300


class LocalReceiver:
    """Serves on a free port of loopback from start() to close(); the last answer is repeated."""

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._answers = list(answers) or [200]
        self._changed = threading.Condition()
        self._released = threading.Event()
        self._requests: list[Received] = []
        self._server = _Server(("127.0.0.1", port), _handler(self))
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/hook"

    @property
    def requests(self) -> list[Received]:
        """Everything that came, in order."""
        with self._changed:
            return list(self._requests)

    @property
    def accepted(self) -> list[Received]:
        return [each for each in self.requests if each.is_accepted]

    def answer(self, *answers: Answer) -> None:
        """What it answers from now on."""
        with self._changed:
            self._answers = list(answers)

    def wait(self, is_so: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Returns when something is so, asked after each request. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(is_so, timeout_s):
                raise TimeoutError(f"not so after {timeout_s} s; {len(self._requests)} requests came")

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Keeps a request and says how to answer it; called by the server's threads."""
        with self._changed:
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            self._requests.append(Received(path, headers, body, answer))
            self._changed.notify_all()
            return answer

    def hold(self) -> None:
        """Waits until the receiver is closed."""
        self._released.wait()

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or did not like our certificate, is part of the play."""


def _handler(receiver: LocalReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size_bytes = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(size_bytes)
            if len(body) < size_bytes:
                return  # the sender ended in the middle of it
            answer = receiver.take(self.path, dict(self.headers), body)
            if isinstance(answer, str):
                _MISBEHAVE[answer](self, receiver)
                return
            reply = Reply(answer) if isinstance(answer, int) else answer
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            said = f"{self.path}\n{self.headers}".encode() + body if reply.is_echo else reply.body
            if reply.tells_headers:
                told = [value for name, value in self.headers.items() if name.lower() in ("authorization", "private-token")]
                said = json.dumps([*told, body.decode()]).replace("/", "\\/").replace("=", "\\u003d").encode()
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    return Handler


def _hang(handler: BaseHTTPRequestHandler, receiver: LocalReceiver) -> None:
    receiver.hold()


def _reset(handler: BaseHTTPRequestHandler, receiver: LocalReceiver) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def _garbage(handler: BaseHTTPRequestHandler, receiver: LocalReceiver) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n" * 3)


def _drip(handler: BaseHTTPRequestHandler, receiver: LocalReceiver) -> None:
    """A header that never ends, a byte at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not receiver._released.wait(0.05):
        handler.wfile.write(b"a")


_MISBEHAVE = {HANG: _hang, RESET: _reset, GARBAGE: _garbage, DRIP: _drip}
