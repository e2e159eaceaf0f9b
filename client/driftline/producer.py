"""One writer in the protocol: what it sends next, and what the server's answers mean. No IO and no clock; time is an argument.

A batch is numbered when it enters the window, and stays there until it is acknowledged: whatever happens to a stream, the next one
opens, learns what the server has, and sends the rest again under the same numbers. A number is given anew only where the server
cannot have seen it. When the server knows less than it acknowledged, the epoch rises and what is not acknowledged starts from 1.
"""

import enum
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from driftline.buffer import Buffer, Chunk
from driftline.encoder import Encoder, Outcome
from driftline.losses import LossReport
from driftline.problems import no_endpoint
from driftline.refused_times import RefusedTimes
from driftline.settlement import Settlement, reason_of
from driftline.shape import Shape, shape_from
from driftline.window import InFlight, Window
from driftline.wire import batch_message
from driftline_proto.v1 import ingest_pb2 as pb

RESEND_AGE_SECONDS_MAX = 24 * 3600.0
ANSWER_SECONDS_MAX = 30.0  # no answer to Open, or no acknowledgement, for so long: try again
REFUSED_SECONDS, REFUSED_SECONDS_MAX = 0.2, 5.0
REWIND_SECONDS = 1.0  # within it the demand for one batch is obeyed once: all that was on its way repeats the demand
INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION = 3, 5, 9  # google.rpc.Code
NEVER = float("-inf")

Number = TypeVar("Number", int, float)


class State(enum.Enum):
    """Of the handle on the current stream."""

    CLOSED = enum.auto()
    ASKED = enum.auto()
    OPEN = enum.auto()


@dataclass(slots=True)
class Producer:
    """Guarded by the buffer's lock, but for encoding. `new_handle` gives a handle that nothing was said of yet."""

    endpoint: str
    level: pb.AckLevel
    buffer: Buffer
    window: Window
    encoder: Encoder
    new_handle: Callable[[], int]
    on_shape: Callable[[Shape], None]
    handle: int = field(init=False)
    producer_id: bytes = field(default_factory=lambda: os.urandom(16))
    epoch: int = 1
    state: State = State.CLOSED
    shape: Shape | None = None
    _settlement: Settlement = field(init=False)
    _encoding: int | None = None  # the number of the first row that is between buffer and window
    _declared: bytes = b""  # the schema in force
    _declared_from: int = 0  # the first sequence under it
    _is_declaring: bool = False  # it is not answered yet; another one waits until it is
    _retry_at: float = NEVER
    _refusals: int = 0
    _opened_at: float = NEVER  # the last Open was sent
    _moved_at: float = NEVER  # the last batch was sent or acknowledged
    _rewound: tuple[int, float] = (0, NEVER)
    _losses: LossReport = field(init=False)
    _refused_times: RefusedTimes = field(init=False)
    _is_same_stream: bool = False  # as the one that the shape was told on
    _is_abandoned: bool = False

    def __post_init__(self) -> None:
        self._settlement = Settlement(self.buffer)
        self._losses = LossReport(self.buffer.accounts)
        self._refused_times = RefusedTimes(self.buffer.accounts, self.buffer.problems)
        self.handle = self.new_handle()

    # What to send.

    def next_message(self, now: float) -> bytes | None:
        """The next message, if there is one now. Called by one thread at a time."""
        with self.buffer.lock:
            control = self._control(now)
            if control is not None or self.state is not State.OPEN or self.shape is None:
                return control
            chunks, shape = self._take(now), self.shape
        outcome = self.encoder.encode(chunks, shape) if chunks else None
        with self.buffer.lock:
            if outcome is not None:
                self._add(outcome, chunks[0].first, now)
            batch = self.window.next
            if self.state is not State.OPEN or batch is None:
                return None
            if batch.payload.schema != self._declared:
                return None if self._is_declaring else self._declare(batch, now)
            self.window.advance()
            self._losses.was_last, self._moved_at = False, now
            handle, sequence = self.handle, batch.sequence
        return batch_message(handle, sequence, batch.payload.body)

    def wake_at(self) -> float | None:
        """When there may be something to send, as things stand."""
        with self.buffer.lock:
            if self.state is State.CLOSED:
                return self._retry_at if self.has_work else None
            if self.state is State.ASKED:
                return self._opened_at + ANSWER_SECONDS_MAX
            stalled_at = self._moved_at + ANSWER_SECONDS_MAX if self.window else None
            due_at = None if self.window.is_full or self.window.next else self.buffer.due_at()
            return _earliest(stalled_at, due_at, self._losses.due_at())

    @property
    def has_work(self) -> bool:
        """There is something to send, or to be told."""
        return bool(self.window) or self.buffer.oldest is not None or self._losses.is_pending

    @property
    def oldest(self) -> int | None:
        """The number of the oldest row that is still held."""
        in_flight = self.window.oldest
        return _earliest(None if in_flight is None else in_flight.first, self._encoding, self.buffer.oldest)

    @property
    def has_told(self) -> bool:
        """Every loss is on its way to the server."""
        return not self._losses.is_pending

    def hurry(self) -> None:
        """Lets nothing linger that is held now."""
        self.buffer.urgent_below = self.buffer.logged
        self._losses.hurry()

    def abandon(self) -> None:
        """Gives up what is still held; whether what was sent is counted cannot be known. Called with the lock held, once."""
        self._is_abandoned = True
        self.window.remove(lambda batch: True)
        self._encoding = None
        self.buffer.abandon()

    def _control(self, now: float) -> bytes | None:
        is_late = now - self._opened_at > ANSWER_SECONDS_MAX
        if is_late and (self.state is State.ASKED or self._is_declaring):
            self._close(retry_at=now)
        if self.state is State.CLOSED and now >= self._retry_at and self.has_work:
            self.state = State.ASKED
            return self._open(b"", now)
        tell_at = self._losses.due_at()
        if self.state is State.OPEN and tell_at is not None and now >= tell_at:
            self.buffer.changed.notify_all()  # `close` waits for this
            return self._losses.message(self.handle, now)
        if self.state is State.OPEN and self.window and now - self._moved_at > ANSWER_SECONDS_MAX:
            self.window.rewind()
        return None

    def _take(self, now: float) -> list[Chunk]:
        due_at = self.buffer.due_at()
        if self.window.next is not None or self.window.is_full or due_at is None or due_at > now:
            return []
        chunks = self.buffer.take()
        self._encoding = chunks[0].first
        return chunks

    def _add(self, outcome: Outcome, first: int, now: float) -> None:
        if self._is_abandoned:
            return
        self._encoding = None
        for payload in outcome.payloads:
            self.window.add(payload, first=first, at=now)
        if outcome.rejected_rows:
            self._settlement.reject(outcome.rejected_rows, outcome.reason, unseen=True)

    def _declare(self, batch: InFlight, now: float) -> bytes:
        self._declared, self._declared_from, self._is_declaring = batch.payload.schema, batch.sequence, True
        return self._open(batch.payload.schema, now)

    def _open(self, schema: bytes, now: float) -> bytes:
        self._opened_at = now
        request = pb.Open(handle=self.handle, endpoint=self.endpoint, producer_id=self.producer_id, epoch=self.epoch, schema=schema)
        request.level = self.level
        return bytes(pb.PushRequest(open=request).SerializeToString())

    # What the answers mean. All are called with the buffer's lock held.

    def on_opened(self, message: pb.Opened, now: float) -> None:
        for note in message.notes:
            self.buffer.problems.warn(note, note)
        self._refused_times.on_opened(message.refused_by_time)
        shape, known = shape_from(message), self.shape
        is_other, is_open = known is not None and known.uid != shape.uid, self.state is State.OPEN
        self._is_declaring &= not is_open
        if is_open and is_other and self._settlement.acked:  # else the numbers hold for the new one too
            self._close(retry_at=now)
        if self.state is State.CLOSED:
            return
        if shape != known:
            self.shape = shape
            self.on_shape(shape)
        if is_open and is_other:
            self._losses.move()
        if is_open:
            return
        remembers, self._is_same_stream = self._is_same_stream or shape.level == pb.ACK_LEVEL_DURABLE, True
        if is_other and remembers:
            self.buffer.problems.warn("another", f"{self.endpoint!r} was deleted and created anew; rows go to the new endpoint")
            self._losses.move()
            self._raise_epoch(now)
        elif is_other or message.last_sequence < self._settlement.acked:  # it knows less than it acknowledged
            self._settlement.lose(0 if is_other else message.last_sequence)
            self._raise_epoch(now)
        elif message.last_sequence > self.window.last:
            self._begin_anew(now)
        else:
            self._resume(message, now)

    def on_refused(self, message: pb.Refused, now: float) -> None:
        if self.state is State.CLOSED:
            return
        is_schema = self._is_declaring and message.code == INVALID_ARGUMENT and message.field != "handle"
        was_asked, declared, declared_from = self.state is State.ASKED, self._declared, self._declared_from
        reason = reason_of(message)
        if not was_asked:
            self._losses.on_refused()
        if is_schema:
            self._close(retry_at=now)
            out = self.window.remove(lambda batch: batch.sequence >= declared_from and batch.payload.schema == declared)
            self._settlement.reject(sum(batch.payload.rows for batch in out), reason, unseen=True)
        elif message.code == FAILED_PRECONDITION:
            self._begin_anew(now)
        else:
            self._close(retry_at=now + min(REFUSED_SECONDS_MAX, REFUSED_SECONDS * 2**self._refusals))
            self._refusals = min(self._refusals + 1, 10) if was_asked else self._refusals
            if message.code == NOT_FOUND:
                reason = no_endpoint(self.endpoint)
            self.buffer.problems.delay(f"refused: {message.code} {message.field}", reason)

    def on_ack(self, message: pb.Ack, now: float) -> None:
        if self.shape is None or message.level < self.shape.level:
            return
        self._refused_times.on_ack(message.refused_by_time)
        self._settle(message.sequence, {rejected.sequence: rejected for rejected in message.rejected}, now)
        if not message.HasField("expected_sequence") or self.state is not State.OPEN:
            return
        wanted, oldest = message.expected_sequence, self.window.oldest
        if oldest is not None and wanted < oldest.sequence:
            self._close(retry_at=now)  # it has forgotten something: ask what it knows
        elif self._rewound[0] != wanted or now - self._rewound[1] > REWIND_SECONDS:
            self._rewound = (wanted, now)
            self.window.rewind(wanted)

    def on_disconnected(self, now: float) -> None:
        """The stream is gone; the link decides when there is another."""
        self._close(retry_at=NEVER)
        self._refusals, self._is_same_stream = 0, False
        self._losses.on_disconnected(now)

    def _close(self, *, retry_at: float) -> None:
        self.state, self._retry_at = State.CLOSED, retry_at
        self._declared, self._is_declaring = b"", False

    def _resume(self, message: pb.Opened, now: float) -> None:
        """Goes on where the server is."""
        self.state, self._refusals, self._moved_at = State.OPEN, 0, now
        self._declared, self._is_declaring = b"", False
        last = message.last_sequence
        if message.level <= pb.ACK_LEVEL_ACCEPTED:
            self._settle(last, {}, now)  # what is admitted is acknowledged, at this level
        old = self.window.remove(lambda batch: now - batch.at > RESEND_AGE_SECONDS_MAX)
        if old:
            self._settlement.drop(old, "rows that could not be sent for 24 hours are dropped; is the server reachable?")
        oldest = self.window.oldest
        if oldest is None or oldest.sequence > last + 1:
            self.window.renumber(last + 1)
        else:
            self.window.rewind(last)  # the last one it has goes again: its answer acknowledges those before it
        self._losses.repeat()

    def _raise_epoch(self, now: float) -> None:
        """What is not acknowledged starts from 1."""
        self.epoch += 1
        self._start_over(now)

    def _begin_anew(self, now: float) -> None:
        """Someone else goes on under this id: be another producer. Whether what was sent was counted cannot be known."""
        self._losses.restart()
        sent = self.window.remove(lambda batch: batch.is_sent)
        self._settlement.drop(sent, "another process writes under this producer's id; rows in flight are dropped")
        self.producer_id, self.epoch = os.urandom(16), 1
        self._start_over(now + REFUSED_SECONDS)

    def _start_over(self, retry_at: float) -> None:
        self._settlement.begin_anew()
        self.window.renumber(1)
        self.handle = self.new_handle()  # so that no late answer is mistaken for one to the new numbers
        self._close(retry_at=retry_at)

    def _settle(self, sequence: int, rejected: dict[int, pb.Rejected], now: float) -> None:
        if settled := self.window.acknowledge(sequence):
            self._settlement.settle(settled, rejected)
            self._moved_at = now


def _earliest(*numbers: Number | None) -> Number | None:
    return min((number for number in numbers if number is not None), default=None)
