"""What a process leaves of a database wherever it dies: before every statement, and with every part of its write-ahead file.

A killed process leaves the bytes that the kernel has, so the files as they are at that moment are what the next one finds. A loss
of power leaves less of the write-ahead file: all that was synced, and of the rest any part.
"""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from driftline_server.store.database import FILE

WAL = f"{FILE}-wal"
WAL_HEADER_BYTES, FRAME_HEADER_BYTES, PAGE_BYTES = 32, 24, 4096
FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES
_IN_MEMORY = f"{FILE}-shm"  # made anew by whoever comes first

Files = dict[str, bytes]
Dump = dict[str, object]


def files(folder: Path) -> Files:
    """The files of a database as the kernel has them."""
    return {path.name: path.read_bytes() for path in folder.glob(f"{FILE}*") if path.name != _IN_MEMORY}


def laid(folder: Path, left: Files) -> Path:
    """A folder with these files."""
    folder.mkdir()
    for name, content in left.items():
        (folder / name).write_bytes(content)
    return folder


def dump(folder: Path) -> Dump:
    """All that is in a database: schema and rows, but for when and by which version it was written."""
    connection = sqlite3.connect(folder / FILE)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    listed = connection.execute("SELECT name, type, sql FROM sqlite_master ORDER BY name").fetchall()
    found: Dump = {name: sql for name, _, sql in listed}
    for name, kind, _ in listed:
        if kind == "table" and name not in ("server", "_sqlite_migrations"):
            found[f"rows of {name}"] = connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()
    connection.close()
    return found


@dataclass(slots=True)
class Moments:
    """What was there before each statement of a life, and how much of it was done by then."""

    folder: Path
    done: int = 0
    left: list[tuple[int, Files]] = field(default_factory=list)

    def take(self, _: str = "") -> None:
        self.left.append((self.done, files(self.folder)))

    def step(self) -> None:
        """What was asked for so far is done."""
        self.done += 1
        self.take()


@contextmanager
def traced(on_statement: Callable[[sqlite3.Connection, str], None]) -> Iterator[None]:
    """Connections that are opened to write tell of each statement before it is executed."""
    connect = sqlite3.connect

    def connecting(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)  # type: ignore[call-overload]
        if not options.get("uri"):
            connection.set_trace_callback(lambda statement: on_statement(connection, statement))
        assert isinstance(connection, sqlite3.Connection)
        return connection

    with patch.object(sqlite3, "connect", connecting):
        yield


@dataclass(slots=True)
class Interrupting:
    """Makes the k-th statement fail, from 1, wherever its work can be interrupted; `seen` is how many there were."""

    k: int
    seen: int = 0

    def __call__(self, connection: sqlite3.Connection, _: str) -> None:
        self.seen += 1
        if self.seen == self.k:
            connection.interrupt()


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """The disk takes no byte of a file past this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def torn(left: Files) -> Iterator[tuple[int, Files]]:
    """The same files with every part of the write-ahead file, shortest first: to a frame or into one; the rest gone, or zero."""
    wal = left[WAL]
    for frame in range((len(wal) - WAL_HEADER_BYTES) // FRAME_BYTES + 1):
        whole = WAL_HEADER_BYTES + frame * FRAME_BYTES
        yield whole, left | {WAL: wal[:whole]}
        within = whole + FRAME_HEADER_BYTES + 100
        yield within, left | {WAL: wal[:within] + bytes(max(0, len(wal) - within))}
