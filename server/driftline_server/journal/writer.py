"""Writing: frames into the open segment, a new segment where the next record does not fit.

A commit that raises changes nothing here: the same records written again go to the same place, over what was half-written.
"""

import contextlib
import errno
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from driftline_server.filesystem import Buffer, File, Filesystem, write_all
from driftline_server.journal import frames
from driftline_server.journal.errors import SyncFailed
from driftline_server.journal.frames import Body
from driftline_server.journal.segment import HEADER_BYTES, NEW_SUFFIX, Segment, SegmentHeader, segment_path
from driftline_server.journal.spares import Spares

_CLOSE_BYTES = frames.frame_bytes(0)
_SMALL_BYTES = 2048
_RESERVED_BYTES = _CLOSE_BYTES + 8  # a closed segment is shorter than its capacity, always: that is how it is known


@dataclass(slots=True)
class Open:
    """The segment that is written."""

    path: Path
    header: SegmentHeader
    file: File
    end: int = HEADER_BYTES
    defined: set[int] = field(default_factory=set)

    def room(self) -> int:
        return self.header.capacity - self.end - _RESERVED_BYTES


class Writer:
    """Appends to the journal's segments. One thread commits; any may look at `segments` and drop closed ones."""

    def __init__(
        self, folder: Path, filesystem: Filesystem, *, segment_bytes: int, durable: int, closed: Iterable[Segment], spares: Spares
    ) -> None:
        self._folder = folder
        self._filesystem = filesystem
        self._segment_bytes = segment_bytes
        self._open: Open | None = None
        self._lock = threading.Lock()  # guards _closed, which one thread adds to and another takes from
        self._closed = list(closed)
        self._spares = spares
        self.durable = durable

    def commit(self, bodies: Sequence[Body]) -> int:
        """Makes as many of the records durable as the open segment takes, and returns how many: 0 where it had to be closed first.

        Raises OSError, SyncFailed; nothing has changed then.
        """
        if self._open is None:
            self._open = self._create(bodies[0])
        segment = self._open
        buffers: list[Buffer] = []
        defined: set[int] = set()
        size = count = 0
        for body in bodies:
            new = body.definition is not None and body.definition.id not in segment.defined and body.definition.id not in defined
            needed = _needed(body, with_definition=new)
            if size + needed > segment.room():
                break
            position = self.durable + count + 1
            if new and body.definition is not None:
                buffers += self._frame(segment, frames.define(body.definition), position)
                defined.add(body.definition.id)
            buffers += self._frame(segment, body, position)
            size += needed
            count += 1
        is_full = count < len(bodies)
        if is_full:
            buffers += self._frame(segment, frames.close(), self.durable + count + 1)
        end = write_all(segment.file, _joined(buffers), segment.end)
        _sync(segment.file)
        if not segment.file.stands_at(segment.path, segment.header.capacity):  # it has all its room from the start
            raise SyncFailed(
                errno.ENOENT,
                f"{segment.path} was removed, replaced or shortened while the server ran: put it back, or all parts of one copy, "
                "and start the server again",
            )
        segment.end = end
        segment.defined |= defined
        self.durable += count
        if is_full:
            self._retire(segment)
        return count

    def close(self) -> None:
        """Ends the open segment. Raises OSError; what was durable stays so."""
        segment = self._open
        if segment is None:
            return
        if segment.end == HEADER_BYTES:
            self._open = None
            segment.file.close()
            self._filesystem.remove(segment.path)
            return
        segment.end = write_all(segment.file, self._frame(segment, frames.close(), self.durable + 1), segment.end)
        _sync(segment.file)
        segment.file.truncate(segment.end)
        _sync(segment.file)
        self._retire(segment)

    def segments(self) -> list[Segment]:
        """Closed ones in order, and the open one behind them."""
        with self._lock:
            segment = self._open
            closed = list(self._closed)
        if segment is None:
            return closed
        return [*closed, Segment(segment.path, segment.header.first, self.durable, segment.end, is_closed=False)]

    def drop_before(self, position: int) -> list[Segment]:
        """Removes closed segments all of whose records come before a position. Raises OSError; the rest is tried the next time."""
        with self._lock:
            dropped = [segment for segment in self._closed if segment.last < position]
        for segment in dropped:
            self._spares.put(segment)
        if dropped:
            self._filesystem.sync_folder(self._folder)  # before they count as gone: a loss of power could give them back
            with self._lock:
                self._closed = [segment for segment in self._closed if segment.last >= position]
            self._spares.admit()
        return dropped

    def _frame(self, segment: Open, body: Body, position: int) -> list[Buffer]:
        return body.frame(position=position, synced=self.durable, salt=segment.header.salt)

    def _create(self, body: Body) -> Open:
        """A new segment with room for a record at least; it has its name when header and room are durable."""
        needed = HEADER_BYTES + _needed(body, with_definition=True) + _RESERVED_BYTES
        first, capacity = self.durable + 1, max(self._segment_bytes, needed)
        path = segment_path(self._folder, first)
        new = path.with_suffix(NEW_SUFFIX)
        spare = self._spares.take(new)
        header = SegmentHeader(secrets.randbits(32), first, capacity, is_reused=spare is not None)
        file = spare or self._filesystem.create(new)
        with _undone(file, self._filesystem, new):
            file.allocate(header.capacity)
            write_all(file, [header.pack()], 0)
            _sync(file)
            self._filesystem.rename(new, path)
            try:
                self._filesystem.sync_folder(self._folder)
            except OSError as error:
                raise SyncFailed(error.errno, f"the folder could not be synced: {error.strerror}") from error
        return Open(path, header, file)

    def _retire(self, segment: Open) -> None:
        """Has a segment, whose end is durable, among the closed ones."""
        with self._lock:
            self._open = None
            self._closed.append(Segment(segment.path, segment.header.first, self.durable, segment.end, is_closed=True))
        with contextlib.suppress(OSError):  # room given back; where it cannot be, recovery does it
            segment.file.truncate(segment.end)
        with contextlib.suppress(OSError):
            segment.file.close()


def _joined(buffers: Iterable[Buffer]) -> Iterator[Buffer]:
    """The same bytes with small buffers joined, since each costs a call of the system its share."""
    small = bytearray()
    for buffer in buffers:
        if len(buffer) < _SMALL_BYTES:
            small += buffer
            continue
        if small:
            yield bytes(small)
            small.clear()
        yield buffer
    yield bytes(small)


def _needed(body: Body, *, with_definition: bool) -> int:
    definition = frames.frame_bytes(len(body.definition.body)) if with_definition and body.definition else 0
    return definition + body.frame_bytes


def _sync(file: File) -> None:
    try:
        file.sync()
    except OSError as error:
        raise SyncFailed(error.errno, f"what was written could not be synced: {error.strerror}") from error


@contextmanager
def _undone(file: File, filesystem: Filesystem, path: Path) -> Iterator[None]:
    """Closes and removes a new file where the block raises."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            filesystem.remove(path)
        raise
