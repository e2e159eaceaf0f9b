"""The way of everything that changes counts: into the journal first, then, in the same order, to the owner of the engine.

Whoever waits for an entry to be durable is told by its `on_durable`, in the journal's thread, when the owner has it. So a question
that goes straight to the owner covers all that was acknowledged as durable, and waits for no disk. Only where something was
acknowledged before it was durable do questions pass through the journal behind it; where the disk is full they go straight on.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from driftline_core.engine import Engine, Frame
from driftline_core.errors import ResourceExhausted, Unavailable
from driftline_core.facts import LossTold, Tombstone
from driftline_server.journal import Body, Definition, Journal, JournalFailed, JournalStalled, MemoryJournal, State
from driftline_server.records import Record

Change = Frame | Tombstone | LossTold | Callable[[Engine, int], None] | None
OnDurable = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is done to the engine once it is durable, and the room it takes until then."""

    change: Change
    size_bytes: int = 0
    on_durable: OnDurable | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Asked of the engine in its turn."""

    ask: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Wait:
    """For all that was accepted before to be durable."""

    on_durable: OnDurable


_LOOK_S = 1.0  # how often whoever waits for an entry looks whether the disk has failed
_STALLED_LOOKS = 5  # that find the disk full, until who waits is told
_UNWRITTEN = Body.of(0, ())


class WriteAhead:
    """Joins the journal and the owner."""

    def __init__(self, put: Callable[[Sequence[tuple[int, Entry | Question]]], None], journal: Journal | MemoryJournal) -> None:
        self.journal = journal
        self._put = put
        self._position = 0  # of the last record delivered: each comes once, in order
        self._told = 0  # the last one that was acknowledged before it was durable
        self._lock = threading.Lock()  # guards _told
        self.durable = 0  # the last position that survives a crash and has been handed to the owner

    def start(self) -> None:
        """Takes records, behind those that were recovered."""
        # Asked first: records may be appended and delivered as soon as it has started.
        self.durable = self._position = self.journal.recovered
        self.journal.start(self.deliver)

    @property
    def is_durable(self) -> bool:
        """Whether what is acknowledged can be on a disk."""
        return not isinstance(self.journal, MemoryJournal)

    @property
    def is_open(self) -> bool:
        """Whether records are taken now."""
        return self.journal.state is State.OPEN

    def append(self, record: Record, parts: Sequence[bytes | memoryview], entry: Entry) -> int:
        """Queues a record and its entry; returns the position.

        Raises ResourceExhausted where the disk is full, Unavailable where it failed.
        """
        return self.append_body(self.body(record, parts), entry)

    def append_body(self, body: Body, entry: Entry) -> int:
        """As append(), for a body made beforehand."""
        try:
            return self.journal.append_body(body, entry)
        except JournalStalled as error:
            raise ResourceExhausted(str(error), retry_after_s=error.retry_after_s) from None
        except JournalFailed as error:
            raise Unavailable(f"{error}; the server's log says what to do") from None

    def body(self, record: Record, parts: Sequence[bytes | memoryview], definition: Definition | None = None) -> Body:
        """A record's bytes with their checksum, made where nobody waits. Empty when the journal is in memory."""
        return Body.of(record, parts, definition) if self.is_durable else _UNWRITTEN

    def tell(self, position: int) -> None:
        """A record is about to be acknowledged though it may not be durable: questions wait for it from now on."""
        with self._lock:
            self._told = max(self._told, position)

    def ask(self, question: Question) -> None:
        """Hands a question to the owner, behind all that was acknowledged before. Raises JournalFailed at the server's end."""
        if self._told > self.durable:
            self.journal.pass_through(question)
        else:
            self._put([(0, question)])

    def settle(self, written: threading.Event) -> None:
        """Waits for the `on_durable` of an entry to set an event.

        Raises ResourceExhausted where the disk is full: the entry stands first in line. Unavailable where it has failed: whether
        the entry survives is not known then.
        """
        stalled = 0
        while not written.wait(_LOOK_S):
            stalled = stalled + 1 if self.journal.state is State.STALLED else 0
            if stalled >= _STALLED_LOOKS:
                raise ResourceExhausted(
                    f"nothing can be written now: {self.journal.reason}; this happens by itself when it can",
                    retry_after_s=_LOOK_S,
                )
            if self.journal.state in (State.FAILED, State.CLOSED):
                raise Unavailable(f"{self.journal.reason}; whether this took effect will show when the server has started again")

    def require_turn(self, before: threading.Event) -> None:
        """Waits for an event that comes with an entry, for who wants to append behind it.

        Raises ResourceExhausted, as soon as the disk is full, or Unavailable: then there is no entry of who asks.
        """
        while True:
            if self.journal.state is State.STALLED:
                reason = f"nothing can be written now: {self.journal.reason}; nothing was changed, try again later"
                raise ResourceExhausted(reason, retry_after_s=_LOOK_S)
            if self.journal.state in (State.FAILED, State.CLOSED):
                raise Unavailable(f"{self.journal.reason}; nothing was changed; the server's log says what to do")
            if before.wait(_LOOK_S):
                return

    def when_durable(self, on_durable: OnDurable) -> None:
        """Calls back when all that was accepted before is durable."""
        self.journal.pass_through(Wait(on_durable))

    def deliver(self, items: Sequence[object], durable: int) -> None:
        """Called by the journal, group by group."""
        due: list[tuple[int, Entry | Question]] = []
        waiting: dict[OnDurable, None] = {}
        for item in items:
            match item:
                case Entry():
                    self._position += 1
                    due.append((self._position, item))
                case Question():
                    due.append((self._position, item))
            if isinstance(item, Entry | Wait) and item.on_durable:
                waiting[item.on_durable] = None
        if due:
            self._put(due)
            self.durable = self._position
        for on_durable in waiting:
            on_durable(durable)
