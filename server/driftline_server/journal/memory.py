"""A journal without a disk: positions and delivery, and nothing that survives the process."""

import threading
from collections.abc import Iterator, Sequence

from driftline_server.filesystem import Buffer
from driftline_server.journal.errors import JournalFailed
from driftline_server.journal.frames import Body, Definition
from driftline_server.journal.journal import Deliver, nowhere
from driftline_server.journal.recovery import Record
from driftline_server.journal.segment import Segment
from driftline_server.journal.state import State


class MemoryJournal:
    """As Journal, for `--data none`: each item is delivered by the thread that appends it, in the order of positions."""

    def __init__(self) -> None:
        self._deliver: Deliver = nowhere
        self._lock = threading.Lock()
        self.state = State.CLOSED
        self.reason = "not started"
        self.last = 0
        self.durable = 0
        self.torn_bytes = 0
        self.missing = 0
        self.progress = (0, 0)

    @property
    def recovered(self) -> int:
        """Where positions begin."""
        return self.last

    def recover(self, after: int, *, reached: int = 0) -> Iterator[Record]:
        """Nothing was kept."""
        self.last = after
        return iter(())

    def start(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self.state, self.reason = State.OPEN, ""

    def append(self, kind: int, parts: Sequence[Buffer], item: object, *, definition: Definition | None = None) -> int:
        """Delivers the item and returns its position; the bytes are not looked at. Raises JournalFailed when closed."""
        return self._take(item)

    def append_body(self, body: Body, item: object) -> int:
        """As append()."""
        return self._take(item)

    def pass_through(self, item: object) -> None:
        with self._lock:
            self._deliver([item], self.last)

    def segments(self) -> list[Segment]:
        return []

    def drop_before(self, position: int) -> list[Segment]:
        return []

    def close(self) -> None:
        with self._lock:
            self.state, self.reason = State.CLOSED, "it is closed"

    def _take(self, item: object) -> int:
        with self._lock:
            if self.state is not State.OPEN:
                raise JournalFailed(f"the journal takes nothing any more: {self.reason}")
            self.last += 1
            self._deliver([item], self.last)
            return self.last
