"""The HTTP front: a socket, a few threads, and connections that are bounded in number, size and time."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.wasyncore import close_all, loop

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

HEADER_BYTES_MAX = 16 * 1024
IDLE_S = 15
# From a request's first byte to the answer's last one.
EXCHANGE_S = 30.0
LOOK_S = 2
# Connections that wait to be taken; past them the system drops, and clients try again a second later.
BACKLOG = 128
END_S = 2.0


class Front:
    """Serves an application on a socket that listens, from start() to stop()."""

    def __init__(self, application: Application, listening: socket.socket, *, threads: int, connections_max: int) -> None:
        self._application = application
        self._listening = listening
        self._threads = threads
        self._connections_max = connections_max
        self._stopping = threading.Event()
        self._map: dict[int, Any] = {}
        self._server: Any = None
        self._thread = threading.Thread(target=self._run, name="page")

    def start(self) -> None:
        for name in ("waitress", "waitress.queue"):
            logging.getLogger(name).setLevel(logging.ERROR)  # that a client went away, or waits, is no news
        tasks = ThreadedTaskDispatcher()
        tasks.set_thread_count(self._threads)
        self._server = _Server(
            self._application,
            self._map,
            True,
            self._listening,
            dispatcher=tasks,
            adj=self._adjustments(),
            sockinfo=(self._listening.family, self._listening.type, self._listening.proto, self._listening.getsockname()),
            bind_socket=False,
        )
        self._thread.start()

    def stop(self) -> None:
        """Takes no more; answers that are under way have END_S, connections that wait are closed at once."""
        if self._server is None:
            self._listening.close()
            return
        self._stopping.set()
        self._server.pull_trigger()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            loop(timeout=1.0, use_poll=True, map=self._map, count=1)  # not select(), which knows descriptors below 1,024 only
        self._server.accepting = False
        end = time.monotonic() + END_S
        while self._is_busy() and time.monotonic() < end:
            loop(timeout=0.1, use_poll=True, map=self._map, count=1)
        self._server.task_dispatcher.shutdown(timeout=1)
        close_all(self._map, ignore_all=True)

    def _is_busy(self) -> bool:
        return any(channel.requests or channel.total_outbufs_len for channel in self._server.active_channels.values())

    def _adjustments(self) -> Any:
        return Adjustments(
            sockets=[self._listening],
            threads=self._threads,
            connection_limit=self._connections_max + 2,  # the library counts the socket and its own pipe
            backlog=BACKLOG,
            channel_timeout=IDLE_S,
            cleanup_interval=LOOK_S,
            max_request_header_size=HEADER_BYTES_MAX,
            max_request_body_size=1,
            log_socket_errors=False,
            ident=None,
        )


class _Request(HTTPRequestParser):  # type: ignore[misc]
    """The library's parser, which leaves a request that is none without a path, and asks for it where its sender has gone."""

    path = ""


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection, and when its exchange under way began."""

    parser_class = _Request
    began_s = 0.0

    def received(self, data: bytes) -> Any:
        if self.request is None:
            self.began_s = time.time()
        return super().received(data)


class _Server(TcpWSGIServer):  # type: ignore[misc]
    """The library's server; it closes who says nothing, and this one also who says or reads a byte now and then for ever."""

    channel_class = _Channel

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if (channel.request is not None or channel.total_outbufs_len) and now - channel.began_s > EXCHANGE_S:
                channel.will_close = True
                with contextlib.suppress(OSError):
                    channel.socket.shutdown(socket.SHUT_RDWR)  # or nobody would look at it before there is room to write
