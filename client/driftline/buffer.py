"""The rows that wait to be sent, bounded in bytes, and the accounts of what became of every row.

Rows are numbered from 0 as they are logged, and leave in that order. They are kept in chunks, whose bytes are set aside when
a chunk begins, so that `append` does next to nothing. One lock guards the buffer, the accounts and the producer's state.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from driftline.layout import Row
from driftline.problems import Problems
from driftline.tables import pieces_of

CHUNK_ROWS_MAX = 64
CHUNK_BYTES_MAX, CHUNK_SHARE = 2**16, 64  # a chunk of several rows takes at most these bytes, and this part of the buffer
ROOM_SHARE = 0.75  # who waits for room is woken when no more than this is taken
TAKE_BYTES_MAX, TAKE_SHARE = 2 * 2**20, 16  # so many bytes leave at once, if there is more than one chunk; pieces of tables too
FULL = (
    "the buffer is full: the oldest rows are dropped (stats.dropped counts them); raise buffer_bytes_max, or take on_full='block'"
)
FULL_OF_TABLES = (
    "log_batch brings rows faster than the server takes them, or more than the buffer holds: the oldest are dropped (stats.dropped "
    "counts them); take on_full='block', which waits, or raise buffer_bytes_max"
)


@dataclass(slots=True)
class Chunk:
    """Some rows as they were logged, or a piece of a table. `first` is the number of its first row."""

    rows: "list[Row] | pa.RecordBatch"
    first: int
    size_bytes: int

    @property
    def is_table(self) -> bool:
        return not isinstance(self.rows, list)


@dataclass(slots=True)
class Accounts:
    """What became of rows; what is in none of these is still held."""

    acknowledged: int = 0
    rejected: int = 0
    dropped: int = 0
    unconvertible: int = 0  # of the rejected ones, those that the server never saw
    lost: int = 0  # of the acknowledged ones, those that the server has forgotten
    refused_by_time: int = 0  # of the acknowledged ones, those that it does not count; `stats` calls them rejected


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of the rows of a monitor: logged = acknowledged + rejected + dropped + buffered.

    `acknowledged` rows are counted; `buffered` ones are not acknowledged yet. `refused_by_time` of the rejected ones had an event
    time too far ahead of the server's clock, or older than what it keeps. `last_error` is the latest problem: why rows were
    rejected or dropped, or what keeps them from the server; the latter is cleared once rows are acknowledged again.
    """

    logged: int
    acknowledged: int
    rejected: int
    dropped: int
    buffered: int
    last_error: str | None
    refused_by_time: int = 0


@dataclass(slots=True)
class Buffer:
    """`wake` is called, with the lock held, when the sender should look again."""

    bytes_max: int
    batch_rows: int
    linger: float
    is_blocking: bool
    wake: Callable[[], None]
    problems: Problems
    lock: Any = field(default_factory=threading.RLock)
    accounts: Accounts = field(default_factory=Accounts)
    changed: Any = None  # a condition on the lock: rows were settled
    room: Any = None  # another: there is room, for more than a batch, or callers and sender would wake each other by turns
    is_closed: bool = False
    urgent_below: int = 0  # rows up to this number are not to linger
    _chunks: deque[Chunk] = field(default_factory=deque)
    _open: list[Row] = field(default_factory=list)  # the rows of the last chunk, while it grows
    _open_bytes: int = 0  # what is left of the bytes set aside for it
    _open_rows_max: int = 0
    _sealed: int = 0  # the number of the first row of _open
    _size_bytes: int = 0
    _since: float = 0.0  # when the oldest row here came

    def __post_init__(self) -> None:
        self.changed = threading.Condition(self.lock)
        self.room = threading.Condition(self.lock)

    @property
    def logged(self) -> int:
        return self._sealed + len(self._open)

    @property
    def waiting(self) -> int:
        """Rows in the buffer."""
        return self.logged - self._chunks[0].first if self._chunks else 0

    @property
    def oldest(self) -> int | None:
        """The number of the oldest row in the buffer."""
        return self._chunks[0].first if self._chunks else None

    def stats(self) -> Stats:
        """The accounts at this moment."""
        with self.lock:
            done, logged = self.accounts, self.logged
            buffered = logged - done.acknowledged - done.rejected - done.dropped
            refused = min(done.refused_by_time, done.acknowledged)  # rows may be told of before their batch is acknowledged
            acknowledged, rejected = done.acknowledged - refused, done.rejected + refused
            return Stats(logged, acknowledged, rejected, done.dropped, buffered, self.problems.last, refused)

    def append(self, row: Row, size_bytes: int) -> None:
        """Takes a row; called for every prediction."""
        with self.lock:
            if size_bytes <= self._open_bytes and len(self._open) < self._open_rows_max:
                self._open_bytes -= size_bytes
                self._open.append(row)
            else:
                self._begin_chunk(row, size_bytes)

    def extend(self, batch: pa.RecordBatch) -> None:
        """Takes a table, in pieces of at most `batch_rows` and of no more bytes than leave at once."""
        for piece, size_bytes in pieces_of(batch, rows_max=self.batch_rows, bytes_max=self._take_bytes_max):
            with self.lock:
                self._seal()
                if self._make_room(size_bytes, piece.num_rows):
                    self._push(piece, size_bytes)
                self._sealed += piece.num_rows
                if self._is_plenty():
                    self.wake()

    def refuse(self, rows: int, kind: str, reason: str) -> None:
        """Counts rows that were logged and cannot be taken."""
        with self.lock:
            self._seal()
            self._sealed += rows
            self.accounts.rejected += rows
            self.accounts.unconvertible += rows
            self.problems.add(kind, reason)
            if not self._chunks:
                self.wake()

    def due_at(self) -> float | None:
        """When the oldest rows have lingered long enough; None: there are none."""
        if not self._chunks:
            return None
        is_due = self._is_plenty() or self._chunks[0].first < self.urgent_below
        return 0.0 if is_due else self._since + self.linger

    def take(self) -> list[Chunk]:
        """The oldest chunks, rows or tables of one schema, of at most `batch_rows` rows; at least one."""
        taken = [self._pop()]
        rows, size_bytes = len(taken[0].rows), taken[0].size_bytes
        while self._chunks and self._joins(taken[0], self._chunks[0]):
            rows += len(self._chunks[0].rows)
            size_bytes += self._chunks[0].size_bytes
            if rows > self.batch_rows or size_bytes > self._take_bytes_max:
                break
            taken.append(self._pop())
        self._since = time.monotonic()
        if self._size_bytes <= ROOM_SHARE * self.bytes_max:
            self.room.notify_all()
        return taken

    def close(self) -> None:
        """Refuses what comes from now on, and lets those go who wait for room."""
        with self.lock:
            self.is_closed = True
            self._seal()
            self.changed.notify_all()
            self.room.notify_all()

    def abandon(self) -> None:
        """Counts all that is still held, here and on its way, as dropped."""
        held = self.stats().buffered
        self._seal()
        self._chunks.clear()
        self._size_bytes = 0
        self.room.notify_all()
        if held:
            self.accounts.dropped += held
            told = self.problems.warn if self.problems.last else self.problems.add  # why they could not says more
            told("left", f"{held} rows could not be sent before the monitor was closed, and are dropped")
            self.changed.notify_all()

    def _joins(self, first: Chunk, other: Chunk) -> bool:
        if first.is_table != other.is_table:
            return False
        return not first.is_table or first.rows.schema.equals(other.rows.schema)  # type: ignore[union-attr]

    @property
    def _take_bytes_max(self) -> int:
        return min(TAKE_BYTES_MAX, self.bytes_max // TAKE_SHARE)

    def _is_plenty(self) -> bool:
        """There is enough for a full batch."""
        return self.waiting >= self.batch_rows or self._size_bytes > self._take_bytes_max

    def _begin_chunk(self, row: Row, size_bytes: int) -> None:
        self._seal()
        aside_bytes = max(size_bytes, min(CHUNK_BYTES_MAX, self.bytes_max // CHUNK_SHARE))
        if not self._make_room(aside_bytes, 1):
            self._sealed += 1
            return
        self._open, self._open_bytes = [row], aside_bytes - size_bytes
        self._open_rows_max = min(CHUNK_ROWS_MAX, self.batch_rows)
        self._push(self._open, aside_bytes)
        if self._is_plenty():
            self.wake()

    def _push(self, rows: "list[Row] | pa.RecordBatch", size_bytes: int) -> None:
        is_first = not self._chunks
        self._chunks.append(Chunk(rows, self._sealed, size_bytes))
        self._size_bytes += size_bytes
        if is_first:
            self._since = time.monotonic()
            self.wake()

    def _pop(self) -> Chunk:
        if self._chunks[0].rows is self._open:
            self._seal()
        chunk = self._chunks.popleft()
        self._size_bytes -= chunk.size_bytes
        return chunk

    def _seal(self) -> None:
        """Ends the chunk that grows, and gives back what it did not use."""
        if self._open:
            self._sealed += len(self._open)
            self._chunks[-1].size_bytes -= self._open_bytes
            self._size_bytes -= self._open_bytes
            self._open, self._open_bytes = [], 0

    def _make_room(self, size_bytes: int, rows: int) -> bool:
        """Drops the oldest rows, or waits, until so many bytes fit; False: these rows are not taken, which is counted."""
        if size_bytes > self.bytes_max:
            return self._drop(rows, "too_large", f"rows of {size_bytes} bytes do not fit the buffer; raise buffer_bytes_max")
        while self._size_bytes + size_bytes > self.bytes_max and not self.is_closed:
            if self.is_blocking:
                self.wake()
                self.room.wait()
                self._seal()  # others may have logged meanwhile
            else:
                oldest = self._pop()
                kind, reason = ("full of tables", FULL_OF_TABLES) if oldest.is_table else ("full", FULL)
                self._drop(len(oldest.rows), kind, reason)
        if self.is_closed:
            self._drop(rows, "closed", "rows were logged after the monitor was closed, and are dropped; open a new monitor")
            self.problems.write()  # nobody else does any more
            return False
        return True

    def _drop(self, rows: int, kind: str, reason: str) -> bool:
        self.accounts.dropped += rows
        self.problems.add(kind, reason)
        self.changed.notify_all()
        return False
