"""One thread that does what it is asked, one thing after the other."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

import structlog

from driftline_core.errors import ResourceExhausted, Unavailable
from driftline_server.store import StoreError

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TICK_S = 0.1
_LOOK_S = 1.0  # how often who waits for an answer looks whether there can be one
_RETRY_S = 5.0
NOTHING_CHANGED = "nothing was changed, try again later"
_HAPPENS_YET = "this happens by itself when it can, unless the server is stopped before"


def not_now(trouble: str | None, then: str) -> ResourceExhausted:
    """Why the database keeps nothing for now, and what becomes of what was asked."""
    return ResourceExhausted(f"the database cannot be written now: {trouble}; {then}", retry_after_s=_RETRY_S)


class Turns:
    """From start() to stop(). After whatever was asked, and at every tick, it takes a step of its own.

    `trouble` says why the thread may be waiting for its disk.
    """

    def __init__(self, name: str, step: Callable[[], None], trouble: Callable[[], str | None]) -> None:
        self._step = step
        self._trouble = trouble
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
        """What a function returns, run in its turn; raises what it raises, and Unavailable where the thread has ended.

        ResourceExhausted where the thread waits for its disk: it says whether the function runs yet.
        """
        answer: Future[T] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return
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
                if trouble := self._trouble():
                    raise not_now(trouble, NOTHING_CHANGED if answer.cancel() else _HAPPENS_YET) from None

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
    except StoreError as error:
        log.warning("what alerts came to could not be kept; the next start comes to it again", reason=str(error))
        return False
    except Exception:
        log.exception("alerts failed at a step")  # a fault of ours: said, and the thread lives on
        return False
    return True
