"""The one thread that owns an engine: it counts batches, answers questions and lets time pass, one after the other.

Questions enter the same queue as batches, so an answer covers every batch that was queued before it was asked. The queue is short
(see Credits): its length is the latency of a query.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Protocol, TypeVar

import structlog

from driftline_core.engine import Effect, Engine, Frame, StoredHour
from driftline_core.facts import LossTold, Tombstone
from driftline_server.clock import Clock
from driftline_server.credits import Credits
from driftline_server.journal import Journal, JournalFailed, MemoryJournal
from driftline_server.write_ahead import Change, Entry, Question, WriteAhead

log = structlog.get_logger(__name__)

T = TypeVar("T")

_TICK_S = 1.0
# A moment for batches to gather, so that small ones share one hand-over between threads: at 100 rows a message a third more rate,
# for as much latency of a query.
_GATHER_S = 0.001
_EFFECTS_MAX = 16  # hours closed at once, so that questions need not wait for all of them


class Closed(Exception):
    """The owner has ended and answers no more."""


class Unreadable(Exception):
    """A closed hour is stored and cannot be read."""


class Past(Protocol):
    """Where closed hours are stored."""

    def hour(self, uid: str, start_us: int) -> StoredHour | None:
        """An hour; None where it is not stored. Raises Unreadable."""
        ...


def apply(engine: Engine, change: Change, position: int, past: Past | None) -> None:
    """Does to an engine what a record says: the same for one that comes now and one that is replayed."""
    match change:
        case Frame():
            engine.feed(change, position, _fetch(engine, change, past) if past is not None else ())
        case Tombstone():
            engine.refuse(change, position)
        case LossTold():
            engine.hear(change, position)
        case None:
            engine.reach(position)
        case _:
            change(engine, position)
            engine.reach(position)


def _fetch(engine: Engine, frame: Frame, past: Past) -> list[int]:
    """Gives back the hours that a frame reaches and the engine has let go of; returns those that cannot be had."""
    unreadable = []
    for start_us in engine.absent(frame):
        try:
            stored = past.hour(frame.uid, start_us)
        except Unreadable:
            unreadable.append(start_us)
            continue
        if stored is not None:
            engine.restore(frame.uid, stored)
    return unreadable


class Owner:
    """Owns an engine from start() to close(); whatever was submitted before close() is applied."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        room: Credits,
        journal: Journal | MemoryJournal | None = None,
        past: Past | None = None,
    ) -> None:
        """Without a journal and a past, counts are kept in memory alone."""
        self.ahead = WriteAhead(self._put, journal or MemoryJournal())
        self.listeners: list[Callable[[Effect], None]] = []  # told of hours that are closed, in this thread
        self._past = past
        self._changed: set[str] = set()
        self._is_resting = False
        self._engine = engine
        self._clock = clock
        self._room = room
        self._queue: queue.SimpleQueue[Sequence[tuple[int, Entry | Question]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="owner")

    def start(self) -> None:
        self._thread.start()

    def rest(self) -> None:
        """Lets time stand still from now on: no hour is closed any more, batches are counted and questions answered."""
        self.call_now(lambda _: self._stand_still())

    def close(self) -> None:
        """Applies what is queued and ends the thread."""
        self._queue.put(None)
        self._thread.join()

    def call(self, question: Callable[[Engine], T]) -> T:
        """What a function of the engine returns, run behind all that was acknowledged before; raises what it raises."""
        return self._answer(question, self.ahead.ask)

    def call_now(self, question: Callable[[Engine], T]) -> T:
        """As call(), behind what is counted already."""
        return self._answer(question, lambda asked: self._put([(0, asked)]))

    def tell(self, change: Callable[[Engine], None]) -> None:
        """Has a function of the engine run in its turn, and does not wait."""
        self._put([(0, Question(lambda: change(self._engine)))])

    def take_changed(self) -> set[str]:
        """The uids of endpoints that were counted into, or had an hour closed, since this was last asked; within a question."""
        changed, self._changed = self._changed, set()
        return changed

    def _answer(self, question: Callable[[Engine], T], ask: Callable[[Question], None]) -> T:
        answer: Future[T] = Future()

        def run() -> None:
            try:
                answer.set_result(question(self._engine))
            except BaseException as error:
                answer.set_exception(error)

        try:
            ask(Question(run))
        except JournalFailed:
            raise Closed("the server shuts down; ask again when it is back") from None
        while True:
            try:
                return answer.result(timeout=_TICK_S)
            except TimeoutError:
                if not self._thread.is_alive():
                    raise Closed("the server shuts down; ask again when it is back") from None

    def _stand_still(self) -> None:
        self._is_resting = True

    def _put(self, entries: Sequence[tuple[int, Entry | Question]]) -> None:
        self._queue.put(entries)

    def _run(self) -> None:
        next_tick_us = 0
        counted = False
        while True:
            now_us = self._clock.now_us()
            if not 0 < next_tick_us - now_us <= _TICK_S * 1e6:  # due, or the clock stepped
                has_more = not self._is_resting and self._advance(now_us)
                next_tick_us = now_us + (0 if has_more else int(_TICK_S * 1e6))
            if counted and self._queue.empty():
                time.sleep(_GATHER_S)
            counted = False
            try:
                entries = self._queue.get(timeout=max(0.0, (next_tick_us - now_us) / 1e6))
            except queue.Empty:
                continue
            if entries is None:
                return
            for position, entry in entries:
                counted |= self._do(position, entry)

    def _do(self, position: int, entry: Entry | Question) -> bool:
        """Does one thing; says whether it was a batch."""
        if isinstance(entry, Question):
            self._guarded(entry.ask)
            return False
        try:
            self._guarded(lambda: apply(self._engine, entry.change, position, self._past))
        finally:
            if entry.size_bytes:
                self._room.give(1, entry.size_bytes)
        if isinstance(entry.change, Frame):
            self._changed.add(entry.change.uid)
            return True
        return False

    def _advance(self, now_us: int) -> bool:
        """Lets time pass; says whether more is due at once."""
        effects: list[Effect] = []
        self._guarded(lambda: effects.extend(self._engine.advance(now_us, _EFFECTS_MAX)))
        for effect in effects:
            self._changed.add(effect.uid)
            for listener in self.listeners:
                self._guarded(partial(listener, effect))
        return len(effects) >= _EFFECTS_MAX

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            log.exception("the engine's owner failed at a step")  # a fault of ours: said, and the owner lives on
