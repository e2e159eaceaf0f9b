"""The one thread that owns an engine: it counts batches, answers questions and lets time pass, one after the other.

Questions enter the same queue as batches, so an answer covers every batch that was queued before it was asked. The queue is short
(see Credits): its length is the latency of a query.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import structlog

from driftline_core.engine import Effect, Engine, Frame
from driftline_server.clock import Clock
from driftline_server.credits import Credits

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TICK_S = 1.0
# A moment for batches to gather, so that small ones share one hand-over between threads: at 100 rows a message a third more rate,
# for as much latency of a query.
_GATHER_S = 0.001


class Closed(Exception):
    """The owner has ended and answers no more."""


class Owner:
    """Owns an engine from start() to close(); whatever was submitted before close() is applied."""

    def __init__(self, engine: Engine, *, clock: Clock, room: Credits, on_effect: Callable[[Effect], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._room = room
        self._on_effect = on_effect
        self._queue: queue.SimpleQueue[tuple[Frame, int] | Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="owner")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Applies what is queued and ends the thread."""
        self._queue.put(None)
        self._thread.join()

    def submit(self, frame: Frame, size_bytes: int) -> None:
        """Queues a batch for which room was taken; the room is given back when it is counted."""
        self._queue.put((frame, size_bytes))

    def call(self, question: Callable[[Engine], T]) -> T:
        """What a function of the engine returns, run in its turn; raises what it raises."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(question(self._engine))
            except BaseException as error:
                answer.set_exception(error)

        self._queue.put(run)
        while True:
            try:
                return answer.result(timeout=_TICK_S)
            except TimeoutError:
                if not self._thread.is_alive():
                    raise Closed("the server shuts down; ask again when it is back") from None

    def _run(self) -> None:
        next_tick_us = 0
        item: tuple[Frame, int] | Callable[[], None] | None
        item = _idle
        while True:
            now_us = self._clock.now_us()
            if not 0 <= next_tick_us - now_us <= _TICK_S * 1e6:  # due, or the clock stepped
                self._advance(now_us)
                next_tick_us = now_us + int(_TICK_S * 1e6)
            if isinstance(item, tuple) and self._queue.empty():
                time.sleep(_GATHER_S)
            try:
                item = self._queue.get(timeout=_TICK_S)
            except queue.Empty:
                item = _idle
                continue
            if item is None:
                return
            if isinstance(item, tuple):
                self._feed(*item)
            else:
                item()

    def _feed(self, frame: Frame, size_bytes: int) -> None:
        try:
            self._engine.feed(frame)
        except Exception:
            log.exception("a batch could not be counted", endpoint=frame.uid)  # a fault of ours: said, and the owner lives on
        finally:
            self._room.give(1, size_bytes)

    def _advance(self, now_us: int) -> None:
        for effect in self._engine.advance(now_us):
            self._on_effect(effect)


def _idle() -> None:
    """What the owner did last when it did nothing."""
