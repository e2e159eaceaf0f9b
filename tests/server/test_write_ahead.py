"""The way ahead of the engine: what reaches the owner carries the position the journal gave it."""

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Journal, JournalSettings
from driftline_server.journal.journal import Deliver
from driftline_server.records import Record
from driftline_server.write_ahead import Entry, Question, WriteAhead

WAIT_S = 30.0


class Hasty(Journal):
    """A journal to which somebody appends before its start has returned."""

    def start(self, deliver: Deliver) -> None:
        super().start(deliver)
        self.append(Record.LOSS, [b"early"], Entry(None))


class Owner:
    """Takes what is delivered, and remembers at which positions."""

    def __init__(self) -> None:
        self.positions: queue.SimpleQueue[int] = queue.SimpleQueue()

    def put(self, entries: Sequence[tuple[int, Entry | Question]]) -> None:
        for position, _ in entries:
            self.positions.put(position)


@contextmanager
def life(folder: Path, kind: type[Journal]) -> Iterator[tuple[WriteAhead, Owner]]:
    owner = Owner()
    journal = kind(folder, SystemFilesystem(), JournalSettings(), on_state=lambda state, reason: None)
    ahead = WriteAhead(owner.put, journal)
    for _ in ahead.journal.recover(0):
        pass
    ahead.start()
    try:
        yield ahead, owner
    finally:
        ahead.journal.close()


def test_positions_are_the_journals_though_a_record_comes_while_it_starts(tmp_path: Path) -> None:
    with life(tmp_path, Journal) as (ahead, _):
        for _ in range(3):
            ahead.append(Record.LOSS, [b"before"], Entry(None))
    with life(tmp_path, Hasty) as (ahead, owner):
        appended = ahead.append(Record.LOSS, [b"after"], Entry(None))
        assert [owner.positions.get(timeout=WAIT_S) for _ in range(2)] == [4, appended] == [4, 5]
