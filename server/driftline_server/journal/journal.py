"""The journal: records are appended by many threads, made durable by one in groups, and delivered in order."""

import errno
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from driftline_server.filesystem import Buffer, Filesystem
from driftline_server.journal.errors import JournalFailed, JournalStalled, SyncFailed, reason_of
from driftline_server.journal.frames import Body, Definition
from driftline_server.journal.recovery import Record, Recovery
from driftline_server.journal.segment import Segment
from driftline_server.journal.spares import Spares
from driftline_server.journal.state import State
from driftline_server.journal.writer import Writer

MiB = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Deliver = Callable[[Sequence[object], int], None]
OnState = Callable[[State, str], None]


def nowhere(items: Sequence[object], durable: int) -> None:
    """Where a journal that was not started delivers to."""
    raise RuntimeError("the journal was not started")


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Sizes and times of a journal."""

    segment_bytes: int = 64 * MiB  # taken beforehand; a record larger than it gets a segment of its own
    group_bytes_max: int = 8 * MiB  # the most one commit gathers
    spares_max: int = 32  # dropped segments that are kept, to be written over
    retry_s: float = 1.0  # while the disk is full


@dataclass(frozen=True, slots=True)
class Entry:
    """What waits for its turn; without a body it passes through."""

    item: object
    body: Body | None

    @property
    def bytes(self) -> int:
        return self.body.frame_bytes if self.body else 0


class Journal:
    """A durable log: recover() to its end, then start(), then append() until close()."""

    def __init__(self, folder: Path, filesystem: Filesystem, settings: JournalSettings, *, on_state: OnState) -> None:
        self._folder = folder
        self._filesystem = filesystem
        self._settings = settings
        self._deliver: Deliver = nowhere
        self._on_state = on_state
        self._recovery = Recovery(folder, filesystem, after=0, reached=0)
        self._writer: Writer | None = None
        self._wake = threading.Condition()
        self._queue: deque[Entry] = deque()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="journal")
        self.state = State.CLOSED
        self.reason = "not started"
        self.last = 0

    @property
    def durable(self) -> int:
        """The last position that survives a crash."""
        return self._writer.durable if self._writer else 0

    @property
    def torn_bytes(self) -> int:
        """What recovery cut off: bytes that were being written when the last life ended."""
        return self._recovery.torn_bytes

    @property
    def missing(self) -> int:
        """Positions that recovery passed over since a repair had given them up."""
        return self._recovery.missing

    @property
    def recovered(self) -> int:
        """The last position that recovery has found."""
        return self._recovery.last

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes recovery has read, and those it has to read."""
        return self._recovery.progress

    def recover(self, after: int, *, reached: int = 0) -> Iterator[Record]:
        """Every record after a position, in order; start() may follow when it has ended.

        `reached`: a position known to have been durable, where that is more than `after`. The journal must come so far.
        Raises JournalDamaged, JournalUnknown, OSError: then nothing may be appended.
        """
        self._recovery = Recovery(self._folder, self._filesystem, after=after, reached=reached)
        return self._recovery.records()

    def start(self, deliver: Deliver) -> None:
        """Begins to take records, from the position after the last, and to deliver their items."""
        self._deliver = deliver
        if not self._recovery.is_done:
            raise RuntimeError("a journal is recovered to its end before it is started")
        self.last, settings = self.recovered, self._settings
        self._writer = Writer(
            self._folder,
            self._filesystem,
            segment_bytes=settings.segment_bytes,
            durable=self.last,
            closed=self._recovery.segments,
            spares=Spares(self._filesystem, self._recovery.spares, most=settings.spares_max, bytes_max=settings.segment_bytes),
        )
        self.state, self.reason = State.OPEN, ""
        self._thread.start()

    def append(self, kind: int, parts: Sequence[Buffer], item: object, *, definition: Definition | None = None) -> int:
        """Queues a record and returns its position. The parts must not change until the item is delivered.

        Raises JournalStalled, JournalFailed: then there is no record.
        """
        return self.append_body(Body.of(kind, parts, definition), item)

    def append_body(self, body: Body, item: object) -> int:
        """As append(), for a body made beforehand, where a lock is held that others wait for."""
        entry = Entry(item, body)
        with self._wake:
            self._require_open()
            self.last += 1
            self._queue.append(entry)
            self._wake.notify()
            return self.last

    def pass_through(self, item: object) -> None:
        """Delivers an item behind what was appended before it; at once where the journal is stalled or failed."""
        with self._wake:
            if self._is_closing:
                raise JournalFailed(f"the journal is closed: {self.reason}")
            self._queue.append(Entry(item, None))
            self._wake.notify()

    def segments(self) -> list[Segment]:
        """The journal's files, the oldest first."""
        return self._started().segments()

    def drop_before(self, position: int) -> list[Segment]:
        """Removes closed segments that hold only records before a position; returns them. Raises OSError."""
        return self._started().drop_before(position)

    def close(self) -> None:
        """Makes durable what is queued, where the disk takes it, and ends the journal."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _started(self) -> Writer:
        if self._writer is None:
            raise RuntimeError("the journal was not started")
        return self._writer

    def _require_open(self) -> None:
        if self._is_closing or self.state in (State.FAILED, State.CLOSED):
            raise JournalFailed(f"the journal takes nothing any more: {self.reason or 'it is closed'}")
        if self.state is State.STALLED:
            raise JournalStalled(self.reason, self._settings.retry_s)

    # The thread

    def _run(self) -> None:
        writer = self._started()
        try:
            while group := self._next_group():
                self._settle(writer, group)
            if self.state is not State.FAILED:
                self._seal(writer)
        except Exception as error:
            self._change(State.FAILED, f"{type(error).__name__}: {error}")
        finally:
            self._end()

    def _seal(self, writer: Writer) -> None:
        """Ends the last segment; where the disk is too full for that, recovery does it."""
        try:
            writer.close()
        except OSError as error:
            if _state_after(error) is State.FAILED:
                raise

    def _next_group(self) -> list[Entry]:
        """What is queued, up to group_bytes_max; empty when the journal is closing and nothing is left."""
        group: list[Entry] = []
        room = self._settings.group_bytes_max
        with self._wake:
            while not self._queue and not self._is_closing:
                self._wake.wait()
            while self._queue and (not group or self._queue[0].bytes <= room):
                group.append(self._queue.popleft())
                room -= group[-1].bytes
        return group

    def _settle(self, writer: Writer, group: list[Entry]) -> None:
        """Makes a group durable and delivers it, waiting while the disk is full; abandons it where the disk fails."""
        while group:
            if self.state is State.FAILED:
                self._pass(group)
                return
            try:
                done = _commit(writer, group)
            except OSError as error:
                was_closing = self._is_closing
                self._change(_state_after(error), reason_of(error))
                group = self._pass(group)
                if self.state is State.STALLED and not was_closing:
                    self._wait_to_retry()
                elif was_closing:
                    return
                continue
            self._change(State.OPEN, "")
            self._hand_over(group[:done])
            del group[:done]

    def _wait_to_retry(self) -> None:
        """Waits, delivering meanwhile what passes through; ends early when the journal is closed."""
        deadline = time.monotonic() + self._settings.retry_s
        while (left_s := deadline - time.monotonic()) > 0:
            with self._wake:
                if self._is_closing:
                    return
                passing = [entry for entry in self._queue if entry.body is None]
                if not passing:
                    self._wake.wait(left_s)
                    continue
                self._queue = deque(entry for entry in self._queue if entry.body is not None)
            self._hand_over(passing)

    def _pass(self, group: list[Entry]) -> list[Entry]:
        """Delivers what has no body, returns the rest."""
        self._hand_over([entry for entry in group if entry.body is None])
        return [entry for entry in group if entry.body is not None]

    def _hand_over(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._deliver([entry.item for entry in entries], self.durable)

    def _change(self, state: State, reason: str) -> None:
        with self._wake:
            if self.state is state:
                return
            self.state, self.reason = state, reason
        self._on_state(state, reason)

    def _end(self) -> None:
        """Nothing more is taken; what could not be made durable was never acknowledged."""
        with self._wake:
            self._is_closing = True
            self._queue.clear()
            if self.state is not State.FAILED:
                self.state, self.reason = State.CLOSED, "it is closed"


def _commit(writer: Writer, group: Sequence[Entry]) -> int:
    """Makes as many of the entries durable as one commit takes, and returns how many need nothing more."""
    bodies = [entry.body for entry in group if entry.body is not None]
    done = writer.commit(bodies) if bodies else 0
    if done == len(bodies):
        return len(group)
    seen = 0
    for index, entry in enumerate(group):
        if entry.body is not None:
            if seen == done:
                return index
            seen += 1
    return len(group)


def _state_after(error: OSError) -> State:
    if isinstance(error, SyncFailed) or error.errno not in _FULL:
        return State.FAILED
    return State.STALLED
