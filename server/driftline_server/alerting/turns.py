"""One thread that does what it is asked, one thing after the other."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import structlog

from driftline_core.errors import Unavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TICK_S = 0.1
_LOOK_S = 1.0  # how often who waits for an answer looks whether the thread has ended


class Turns:
    """From start() to stop(). After whatever was asked, and at every tick, it takes a step of its own."""

    def __init__(self, name: str, step: Callable[[], None]) -> None:
        self._step = step
        self._asked: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Does what was asked before, and ends."""
        self._asked.put(None)
        self._thread.join()

    def tell(self, change: Callable[[], None]) -> None:
        """Has something done in its turn, and does not wait."""
        self._asked.put(change)

    def call(self, question: Callable[[], T]) -> T:
        """What a function returns, run in its turn; raises what it raises, and Unavailable where the thread has ended."""
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(question())
            except BaseException as error:
                answer.set_exception(error)

        self._asked.put(run)
        while True:
            try:
                return answer.result(timeout=_LOOK_S)
            except TimeoutError:
                if not self._thread.is_alive():
                    raise Unavailable("the server shuts down; ask again when it is back") from None

    def answer_waiting(self) -> bool:
        """Within a long step: does what is asked now; says whether to go on."""
        while not self._asked.empty():
            asked = self._asked.get()
            if asked is None:
                self._asked.put(None)
                return False
            guarded(asked)
        return True

    def _run(self) -> None:
        while True:
            try:
                asked = self._asked.get(timeout=_TICK_S)
            except queue.Empty:
                pass
            else:
                if asked is None:
                    return
                guarded(asked)
            guarded(self._step)


def guarded(step: Callable[[], None]) -> bool:
    """Does something that must not end the thread; returns whether it was done."""
    try:
        step()
    except Exception:
        log.exception("alerts failed at a step")  # a fault of ours: said, and the thread lives on
        return False
    return True
