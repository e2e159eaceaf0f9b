"""A journal under test: what was appended, what it said is durable, what a reader finds."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from driftline_server.filesystem import Filesystem
from driftline_server.journal import Definition, Journal, JournalSettings, State

FOLDER = Path("/data/journal")
WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A record, by value."""

    position: int
    kind: int
    body: bytes
    definition: bytes | None


@dataclass(slots=True)
class Logbook:
    """Appends to a journal and remembers; `settled` waits until everything appended is delivered, or cannot be."""

    filesystem: Filesystem
    folder: Path = FOLDER
    settings: JournalSettings = field(default_factory=lambda: JournalSettings(segment_bytes=4096, retry_s=0.002))
    appended: dict[int, Kept] = field(default_factory=dict)
    delivered: list[object] = field(default_factory=list)
    durable: int = 0
    states: list[State] = field(default_factory=list)
    _change: threading.Condition = field(default_factory=threading.Condition)

    def open(self, after: int = 0, *, reached: int = 0) -> Journal:
        """A journal, recovered and started; what it replays must be what was appended."""
        journal = self.closed()
        for _ in journal.recover(after, reached=reached):
            pass
        journal.start()
        return journal

    def closed(self) -> Journal:
        return Journal(self.folder, self.filesystem, self.settings, deliver=self._deliver, on_state=self._on_state)

    def append(self, journal: Journal, body: bytes, *, kind: int = 1, definition: Definition | None = None) -> int:
        item = object()
        position = journal.append(kind, [body[:5], memoryview(body)[5:]], item, definition=definition)
        self.appended[position] = Kept(position, kind, body, bytes(definition.body) if definition else None)
        return position

    def until(self, durable: int) -> None:
        """Waits until a position was delivered or the journal failed."""
        with self._change:
            assert self._change.wait_for(lambda: self.durable >= durable or State.FAILED in self.states, WAIT_S)

    def until_state(self, state: State) -> None:
        with self._change:
            assert self._change.wait_for(lambda: bool(self.states) and self.states[-1] is state, WAIT_S)

    def until_delivered(self, item: object) -> None:
        with self._change:
            assert self._change.wait_for(lambda: item in self.delivered, WAIT_S)

    def _deliver(self, items: Sequence[object], durable: int) -> None:
        with self._change:
            self.delivered += items
            self.durable = durable
            self._change.notify_all()

    def _on_state(self, state: State, reason: str) -> None:
        with self._change:
            self.states.append(state)
            self._change.notify_all()


def replay(filesystem: Filesystem, after: int = 0, *, folder: Path = FOLDER, reached: int = 0) -> list[Kept]:
    """What a reader finds after a position."""
    journal = Logbook(filesystem, folder).closed()
    kept = []
    for record in journal.recover(after, reached=reached):
        definition = bytes(record.definitions[record.definition]) if record.definition else None
        kept.append(Kept(record.position, record.kind, bytes(record.body), definition))
    return kept
