"""What became of the batches on their way, and so of their rows: acknowledged, rejected, dropped, or forgotten by the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.buffer import Buffer
from driftline.history import History
from driftline.window import InFlight
from driftline_proto.v1 import ingest_pb2 as pb


@dataclass(slots=True)
class Settlement:
    """Guarded by the buffer's lock. `acked` is the last acknowledged sequence of the epoch."""

    buffer: Buffer
    acked: int = 0
    _history: History = field(default_factory=History)

    def settle(self, batches: list[InFlight], rejected: Mapping[int, pb.Rejected]) -> None:
        """The server has answered for these batches, in their order, at least one: it counts all but the rejected ones."""
        self.buffer.problems.recover()
        taken = sum(batch.payload.rows for batch in batches if batch.sequence not in rejected)
        self.buffer.accounts.acknowledged += taken
        self.acked = batches[-1].sequence
        self._history.add(self.acked, rows=taken)
        for batch in batches:
            if (told := rejected.get(batch.sequence)) is not None:
                self.reject(batch.payload.rows, reason_of(told), unseen=False)
        self.buffer.changed.notify_all()

    def reject(self, rows: int, reason: str, *, unseen: bool) -> None:
        """These rows are not counted; `unseen`: the server never saw them."""
        self.buffer.accounts.rejected += rows
        self.buffer.accounts.unconvertible += rows if unseen else 0
        self.buffer.problems.add(f"rejected: {reason.partition(':')[0]}", f"rows are rejected: {reason}")
        self.buffer.changed.notify_all()

    def drop(self, batches: list[InFlight], reason: str) -> None:
        """These batches, if any, are given up."""
        if batches:
            self.buffer.accounts.dropped += sum(batch.payload.rows for batch in batches)
            self.buffer.problems.add(reason, reason)
            self.buffer.changed.notify_all()

    def lose(self, sequence: int) -> None:
        """The server has forgotten what it acknowledged after this one."""
        self.buffer.accounts.lost += self._history.rows_after(sequence)
        self.buffer.problems.warn("forgotten", "the server has lost rows that it had acknowledged; they are reported as lost_rows")

    def begin_anew(self) -> None:
        """Another epoch: nothing of it is acknowledged."""
        self.acked, self._history = 0, History()


def reason_of(message: pb.Rejected | pb.Refused) -> str:
    """The server's reason, with the field that it names."""
    return f"{message.field}: {message.reason}" if message.field else message.reason
