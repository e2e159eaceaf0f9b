"""The object inside a model server that logs predictions; it takes a row in microseconds, a link sends them in the background."""

import atexit
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from types import TracebackType
from typing import Any, Self

from driftline.buffer import Buffer, Stats
from driftline.encoder import Encoder
from driftline.errors import InvalidInput
from driftline.link import Link
from driftline.problems import Problems
from driftline.producer import Producer
from driftline.rows import BY_NAME, IN_ORDER
from driftline.shape import Shape
from driftline.tables import batches_of
from driftline.window import Window
from driftline_proto.v1 import ingest_pb2 as pb

log = logging.getLogger("driftline")

LEVELS = {"durable": pb.ACK_LEVEL_DURABLE, "accepted": pb.ACK_LEVEL_ACCEPTED}
WINDOW_SHARE = 4  # batches on their way take at most this part of the buffer's bytes
WINDOW_BYTES_MAX = 16 * 2**20
EXIT_SECONDS = 2.0
FORK_SECONDS = 10.0  # at most; usually some milliseconds
REST_SECONDS = 1.0  # who forks once often forks again at once
NO_SCORE = "score is not used yet and was left out; it comes with a later release"

Reader = tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]


class Monitor:
    """Logs predictions of one endpoint. Never raises into, and never blocks, the code that serves.

    Nothing starts (no thread, no connection) before the first row. `on_full` says what happens to a full buffer: the oldest
    rows that were not sent are dropped and counted, or with "block" `log` waits. `level`: "durable" (the default) or "accepted".
    A monitor survives a fork: the child starts with an empty buffer as a producer of its own.
    """

    def __init__(
        self,
        target: str,
        endpoint: str,
        *,
        on_full: str = "drop_oldest",
        level: str = "durable",
        buffer_bytes_max: int = 64 * 2**20,
        batch_rows: int = 4096,
        linger: float = 0.02,
    ) -> None:
        if on_full not in ("drop_oldest", "block"):
            raise InvalidInput(f"on_full={on_full!r}: it is 'drop_oldest' or 'block'")
        if level not in LEVELS:
            raise InvalidInput(f"level={level!r}: it is 'durable' or 'accepted'")
        if buffer_bytes_max < 1 or batch_rows < 1 or linger < 0:
            raise InvalidInput("buffer_bytes_max and batch_rows are at least 1, linger is at least 0 seconds")
        self._target = target
        self._endpoint = endpoint
        self._level = LEVELS[level]
        self._is_blocking = on_full == "block"
        self._bytes_max = buffer_bytes_max
        self._batch_rows = batch_rows
        self._linger = linger
        self._begin()
        _monitors.add(self)

    def _begin(self) -> None:
        """The state of a monitor that has logged nothing: at its creation, and in a child process after a fork."""
        self._problems = Problems(self._endpoint)
        self._window_bytes = min(WINDOW_BYTES_MAX, self._bytes_max // WINDOW_SHARE)
        self._buffer = Buffer(
            bytes_max=self._bytes_max - self._window_bytes,
            batch_rows=self._batch_rows,
            linger=self._linger,
            is_blocking=self._is_blocking,
            wake=self._wake,
            problems=self._problems,
        )
        self._link: Link | None = None
        self._producer: Producer | None = None
        self._reader: Reader = (IN_ORDER, tuple)  # of the endpoint's features, once they are known

    def log(
        self,
        features: Mapping[str, Any] | Sequence[Any],
        *,
        prediction: Any = None,
        score: Any = None,
        id: Any = None,  # noqa: A002  (the reserved column's name)
        timestamp: Any = None,
        latency: float | None = None,
        error: Any = None,
        label: Any = None,
    ) -> None:
        """Logs one prediction: features by name, or in the order of the endpoint's schema."""
        try:
            names: tuple[str, ...] | None
            names, read = self._reader
            values: Any
            if isinstance(features, dict) or hasattr(features, "keys"):
                try:
                    values = read(features) if names else dict(features)
                    names = names or BY_NAME
                except KeyError:
                    names, values = BY_NAME, dict(features)
            else:
                values = _in_order(features)
                if len(values) != len(names):
                    names = IN_ORDER
            if score is not None:
                self._problems.warn("score", NO_SCORE)
            self._buffer.append((names, values, prediction, id, timestamp, latency, error, label))
        except Exception as problem:
            self._refuse(1, problem)

    def log_batch(
        self,
        table: Any,
        *,
        prediction: Any = None,
        score: Any = None,
        label: Any = None,
        ids: Any = None,
        timestamps: Any = None,
        latencies: Any = None,
        errors: Any = None,
    ) -> None:
        """Logs many predictions: anything Arrow, a pandas DataFrame, or a 2-d numpy array with columns in the schema's order."""
        try:
            if score is not None:
                self._problems.warn("score", NO_SCORE)
            given = {"prediction": prediction, "label": label, "id": ids, "timestamp": timestamps, "latency": latencies}
            self._buffer.extend(batches_of(table, given | {"error": errors}))
        except Exception as problem:
            self._refuse(_length(table), problem)

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until every row held at the call is acknowledged at the level asked for; False when `timeout` seconds passed.

        The level is the highest that the server offers, where it does not offer the one asked for.
        """
        buffer = self._buffer
        with buffer.lock:
            producer, before = self._producer, buffer.logged
            if producer is None:
                return True
            self._hurry(producer)
            return bool(buffer.changed.wait_for(lambda: producer.oldest is None or producer.oldest >= before, timeout))

    @property
    def stats(self) -> Stats:
        """A snapshot of the accounts, in rows."""
        return self._buffer.stats()

    def close(self, timeout: float = 5.0) -> None:
        """Flushes, for at most `timeout` seconds, and lets go of the connection. Rows logged later are dropped and counted."""
        until = time.monotonic() + timeout
        buffer = self._buffer
        if buffer.is_closed:
            return
        self.flush(timeout)
        buffer.close()
        with buffer.lock:
            link, producer = self._link, self._producer
            if link is None or producer is None:
                return
            if not link.is_away:
                self._hurry(producer)
                buffer.changed.wait_for(lambda: producer.has_told, max(0.0, until - time.monotonic()))
        with _links_lock:
            is_last = link.remove(producer)
            if is_last and _links.get(self._target) is link:
                del _links[self._target]
        if is_last:
            link.stop()
        self._problems.write()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"driftline.Monitor({self._target!r}, {self._endpoint!r})"

    def _hurry(self, producer: Producer) -> None:
        producer.hurry()
        if self._link is not None:
            self._link.ring()

    def _wake(self) -> None:
        """Called by the buffer, its lock held, when the sender should look again; the first call joins the process's link."""
        if self._link is not None:
            self._link.ring()
            return
        if self._buffer.is_closed:
            return
        with _links_lock:
            link = _links.setdefault(self._target, Link(self._target))
            self._producer = Producer(
                endpoint=self._endpoint,
                level=self._level,
                buffer=self._buffer,
                window=Window(self._window_bytes),
                encoder=Encoder(self._problems),
                new_handle=link.new_handle,
                on_shape=self._on_shape,
            )
            self._link = link
            link.add(self._producer)

    def _on_shape(self, shape: Shape) -> None:
        """From now on a row is read in one step, in the order of the endpoint's features."""
        names = shape.features
        self._reader = (names, itemgetter(*names) if len(names) > 1 else lambda row: tuple(row[name] for name in names))

    def _refuse(self, rows: int, problem: Exception) -> None:
        reason = str(problem) if isinstance(problem, InvalidInput) else _said(problem)
        self._buffer.refuse(rows, f"refused: {reason[:40]}", f"rows are rejected: {reason}")


def _in_order(features: Any) -> tuple[Any, ...]:
    if isinstance(features, str | bytes):
        raise InvalidInput("a string is no row; give a mapping by column, or the values in the schema's order")
    return tuple(features)


def _length(table: Any) -> int:
    try:
        return len(table)
    except Exception:  # whatever its own method raises
        return 1


def _said(problem: Exception) -> str:
    try:
        return f"{type(problem).__name__}: {problem}"
    except Exception:  # it cannot even be shown
        return type(problem).__name__


_monitors: "weakref.WeakSet[Monitor]" = weakref.WeakSet()
_links: dict[str, Link] = {}
_links_lock = threading.Lock()
_abandoned: list[Any] = []


def _before_fork() -> None:
    """Lets go of every stream, once what is being encoded is done: a child whose parent had threads in gRPC, or importing
    what pyarrow imports with the first row, could never connect."""
    _links_lock.acquire()
    for link in _links.values():
        link.stop(0.0, break_off=FORK_SECONDS)


def _after_fork_in_parent() -> None:
    for link in _links.values():
        link.start(rest=REST_SECONDS)
    _links_lock.release()


def _after_fork_in_child() -> None:
    """In a child: its parent's links, channels and locks are left alone for good, and every monitor begins anew."""
    global _links, _links_lock
    _abandoned.append((_links, [(monitor._link, monitor._producer, monitor._buffer) for monitor in _monitors]))
    _links, _links_lock = {}, threading.Lock()
    for monitor in _monitors:
        was_closed = monitor._buffer.is_closed
        monitor._begin()
        monitor._buffer.is_closed = was_closed


def _at_exit() -> None:
    """Gives what is still held a moment to leave."""
    until = time.monotonic() + EXIT_SECONDS
    for monitor in list(_monitors):
        monitor.close(max(0.0, until - time.monotonic()))


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
