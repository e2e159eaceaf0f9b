"""A journal under test: what was appended, what it said is durable, and whether a reader finds it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from driftline_server.filesystem import Filesystem
from driftline_server.journal import Definition, Journal, JournalSettings, JournalStalled, Record, State

FOLDER = Path("/data/journal")
WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A record, by value."""

    position: int
    kind: int
    body: bytes
    definition: bytes | None

    @classmethod
    def of(cls, record: Record) -> "Kept":
        definition = bytes(record.definitions[record.definition]) if record.definition else None
        return cls(record.position, record.kind, bytes(record.body), definition)


@dataclass(slots=True)
class Logbook:
    """Appends through a journal, life after life, and holds it to what it says."""

    filesystem: Filesystem
    folder: Path = FOLDER
    settings: JournalSettings = field(default_factory=lambda: JournalSettings(segment_bytes=4096, retry_s=0.002))
    ever: dict[int, set[Kept]] = field(default_factory=dict)  # all that was appended, in any life
    owed: dict[int, Kept] = field(default_factory=dict)  # what a reader must find
    appended: dict[int, Kept] = field(default_factory=dict)  # in this life
    delivered: list[object] = field(default_factory=list)
    durable: int = 0
    states: list[State] = field(default_factory=list)
    _change: threading.Condition = field(default_factory=threading.Condition)

    def journal(self) -> Journal:
        return Journal(self.folder, self.filesystem, self.settings, on_state=self._on_state)

    def open(self, after: int = 0, *, reached: int = 0, before: Sequence[Kept] = ()) -> Journal:
        """A journal that takes records; what it replays is settled, behind what a checkpoint held."""
        self.end_life()
        journal = self.journal()
        found = [*before, *(Kept.of(record) for record in journal.recover(after, reached=reached))]
        self.settle(found)
        self.durable = len(found)
        journal.start(self.deliver)
        return journal

    def append(self, journal: Journal, body: bytes, *, kind: int = 1, definition: Definition | None = None) -> int:
        """Appends a record; where the disk is full, as soon as it is not."""
        while True:
            try:
                position = journal.append(kind, [body[:5], memoryview(body)[5:]], body, definition=definition)
                break
            except JournalStalled:
                self.until_state(State.OPEN)
        kept = Kept(position, kind, body, bytes(definition.body) if definition else None)
        self.appended[position] = kept
        self.ever.setdefault(position, set()).add(kept)
        return position

    @contextmanager
    def one_group(self, journal: Journal) -> Iterator[None]:
        """What is appended in the block is committed together."""
        with journal._wake:
            yield

    def end_life(self) -> None:
        """The process is over: what was said to be durable is owed from now on."""
        self.owed |= {position: kept for position, kept in self.appended.items() if position <= self.durable}
        self.appended, self.delivered, self.states = {}, [], []

    def settle(self, found: list[Kept]) -> None:
        """What a reader found is in order and without holes, holds all that is owed, and nothing that was never appended."""
        assert [kept.position for kept in found] == list(range(1, len(found) + 1))
        assert dict(enumerate(found[: max(self.owed, default=0)], 1)) == self.owed
        assert all(kept in self.ever[kept.position] for kept in found)
        self.owed = {kept.position: kept for kept in found}  # recovery has made it durable

    def until(self, durable: int) -> None:
        """Waits until a position was delivered or the journal failed."""
        with self._change:
            assert self._change.wait_for(lambda: self.durable >= durable or State.FAILED in self.states, WAIT_S)

    def until_state(self, *states: State) -> None:
        with self._change:
            assert self._change.wait_for(lambda: bool(self.states) and self.states[-1] in (*states, State.FAILED), WAIT_S)

    def until_delivered(self, item: object) -> None:
        with self._change:
            assert self._change.wait_for(lambda: item in self.delivered, WAIT_S)

    def deliver(self, items: Sequence[object], durable: int) -> None:
        with self._change:
            assert durable >= self.durable
            self.delivered += items
            self.durable = durable
            self._change.notify_all()

    def _on_state(self, state: State, reason: str) -> None:
        with self._change:
            self.states.append(state)
            self._change.notify_all()


def replay(filesystem: Filesystem, after: int = 0, *, folder: Path = FOLDER, reached: int = 0) -> list[Kept]:
    """What a reader finds after a position."""
    return [Kept.of(record) for record in Logbook(filesystem, folder).journal().recover(after, reached=reached)]
