"""The batches on their way: numbered, in order, each kept until it is acknowledged."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from driftline.encoder import Payload

BATCHES_MAX = 256


@dataclass(slots=True)
class InFlight:
    """One batch. `first` is the number of a row at or before its first one; `at` is when it was encoded."""

    payload: Payload
    sequence: int
    first: int
    at: float
    is_sent: bool = False


@dataclass(slots=True)
class Window:
    """`last` is the last sequence given; the cursor stands before the next batch to send."""

    bytes_max: int
    last: int = 0
    _batches: deque[InFlight] = field(default_factory=deque)
    _size_bytes: int = 0
    _cursor: int = 0

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def is_full(self) -> bool:
        return len(self._batches) >= BATCHES_MAX or (self._size_bytes >= self.bytes_max)

    @property
    def next(self) -> InFlight | None:
        return self._batches[self._cursor] if self._cursor < len(self._batches) else None

    @property
    def oldest(self) -> InFlight | None:
        return self._batches[0] if self._batches else None

    def add(self, payload: Payload, *, first: int, at: float) -> None:
        self.last += 1
        self._batches.append(InFlight(payload, self.last, first, at))
        self._size_bytes += payload.body.size

    def advance(self) -> None:
        """The next batch is sent."""
        self._batches[self._cursor].is_sent = True
        self._cursor += 1

    def acknowledge(self, sequence: int) -> list[InFlight]:
        """Lets go of the batches up to this one."""
        settled = []
        while self._batches and self._batches[0].sequence <= sequence:
            settled.append(self._batches.popleft())
            self._size_bytes -= settled[-1].payload.body.size
        self._cursor = max(0, self._cursor - len(settled))
        return settled

    def rewind(self, sequence: int = 0) -> None:
        """Everything from this batch on is to be sent again."""
        self._cursor = sum(batch.sequence < sequence for batch in self._batches)

    def remove(self, is_out: Callable[[InFlight], bool]) -> list[InFlight]:
        """Lets go of some batches, wherever they are; what is kept is to be sent again."""
        removed = [batch for batch in self._batches if is_out(batch)]
        self._batches = deque(batch for batch in self._batches if not is_out(batch))
        self._size_bytes -= sum(batch.payload.body.size for batch in removed)
        self._cursor = 0
        return removed

    def renumber(self, first: int) -> None:
        """Numbers the batches anew, from `first`; all are to be sent again."""
        for sequence, batch in enumerate(self._batches, start=first):
            batch.sequence = sequence
        self.last = first + len(self._batches) - 1
        self._cursor = 0
