"""A process that lives on a journal and checkpoints, as a server does, and may end at any operation of its disk."""

import ast
import contextlib
import random
from collections.abc import Iterable
from pathlib import Path

from tests.server.journal.logbook import Kept, Logbook

from driftline_server import checkpoint
from driftline_server.checkpoint import Section
from driftline_server.filesystem import Filesystem
from driftline_server.journal import Definition, Journal, JournalFailed

CHECKPOINTS = Path("/data/checkpoints")
SCHEMAS = (None, Definition(1, b"schema one"), Definition(2, b"the second schema" * 9))

# A script that covers append, group, roll, a record larger than a segment, checkpoint, drop.
SCRIPT = (
    *("one", "group", "checkpoint", "group", "large", "group", "checkpoint", "drop"),
    *("one", "group", "group", "checkpoint", "drop", "one"),
)


class Life:
    """One process: born with recovery, it runs a script until that ends or the disk fails it."""

    def __init__(self, book: Logbook, seed: int = 0) -> None:
        self.book = book
        self._rng = random.Random(seed)

    def run(self, script: Iterable[str]) -> bool:
        """Whether the script was run to its end, with a clean close behind it; what was found is settled on the way."""
        try:
            journal = self.open()
        except OSError:
            return False
        try:
            for act in script:
                getattr(self, f"_{act}")(journal)
        except JournalFailed:
            return False
        finally:
            journal.close()
        return journal.durable == journal.last

    def open(self) -> Journal:
        """A journal, recovered behind the newest checkpoint that holds."""
        found = checkpoint.load(CHECKPOINTS, self.book.filesystem)
        if found is None:
            return self.book.open()
        return self.book.open(found.position, reached=found.reached, before=_decode(found))

    def _one(self, journal: Journal) -> None:
        self._append(journal, self._rng.randrange(1500))
        self.book.until(journal.last)

    def _group(self, journal: Journal) -> None:
        with self.book.one_group(journal):
            for _ in range(self._rng.randrange(2, 12)):
                self._append(journal, self._rng.randrange(900))
        if self._rng.random() < 0.7:
            self.book.until(journal.last)

    def _large(self, journal: Journal) -> None:
        self._append(journal, 9000)
        self.book.until(journal.last)

    def _checkpoint(self, journal: Journal) -> None:
        """Of what is durable: it covers nothing that a crash could still take back."""
        known = self.book.owed | self.book.appended
        position = self.book.durable
        with contextlib.suppress(OSError):
            checkpoint.write(CHECKPOINTS, self.book.filesystem, position, _encode([known[p] for p in range(1, position + 1)]))

    def _drop(self, journal: Journal) -> None:
        with contextlib.suppress(OSError):
            journal.drop_before(checkpoint.oldest_position(CHECKPOINTS, self.book.filesystem) + 1)

    def _append(self, journal: Journal, size: int) -> None:
        self.book.append(journal, self._rng.randbytes(size), kind=self._rng.randrange(1, 9), definition=self._rng.choice(SCHEMAS))


def found_by_next(book: Logbook, filesystem: Filesystem) -> None:
    """The next process, on a disk that works, finds what it is owed; and the one after it the same."""
    book.filesystem = filesystem
    for _ in range(2):
        Life(book).open().close()


def _encode(records: list[Kept]) -> list[Section]:
    half = len(records) // 2
    parts = records[:half], records[half:]
    return [
        Section(f"half {index}", len(part), repr([(r.position, r.kind, r.body, r.definition) for r in part]).encode())
        for index, part in enumerate(parts)
    ]


def _decode(found: checkpoint.Checkpoint) -> list[Kept]:
    return [Kept(*values) for section in found.sections for values in ast.literal_eval(bytes(section.body).decode())]
