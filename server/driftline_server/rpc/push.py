"""One Push stream: a thread reads and decides, another acknowledges, so that neither ever waits for the other.

Acknowledgements go out by count and time: the acknowledging thread sleeps until there is something to say, then lets a little more
gather, unless someone waits for the answer (an Open, a refusal) or a commit has gathered enough.
"""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import grpc
import structlog

from driftline_core.delivery import Losses
from driftline_core.errors import CoreError, InvalidInput, ResourceExhausted
from driftline_core.facts import Origin
from driftline_proto.v1 import ingest_pb2 as pb
from driftline_server.intake import Ahead, Handle, Intake, Rejected, Taken
from driftline_server.rpc import convert
from driftline_server.rpc.errors import Ended, code_of
from driftline_server.rpc.wire import Batch, Malformed
from driftline_server.write_ahead import OnDurable

log = structlog.get_logger(__name__)

Message = Batch | pb.PushRequest | Malformed

_ACK_GATHER_S = 0.004
_ACK_BATCHES = 64
# What a client that does not listen has not been told yet; past it the stream is not read from.
_ANSWER_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Settled:
    """A batch whose outcome is known, and may have to become durable."""

    handle: int
    sequence: int
    level: pb.AckLevel
    outcome: Taken | Rejected


@dataclass(slots=True)
class _Pending:
    """What the acknowledging thread has to say; guarded by the stream's condition."""

    acks: dict[int, pb.Ack] = field(default_factory=dict)
    opened: list[pb.Opened] = field(default_factory=list)
    refused: list[pb.Refused] = field(default_factory=list)
    batches: int = 0
    size_bytes: int = 0  # of all but the plain acknowledgements, which do not add up
    urgent: bool = False

    def __bool__(self) -> bool:
        return bool(self.acks or self.opened or self.refused)

    def ack(self, handle: int, level: pb.AckLevel) -> pb.Ack:
        """The acknowledgement of a handle, so far."""
        ack = self.acks.get(handle)
        if ack is None:
            ack = self.acks[handle] = pb.Ack(handle=handle, level=level)
        return ack

    def settle(self, settled: _Settled) -> None:
        """Acknowledges a batch."""
        ack = self.ack(settled.handle, settled.level)
        ack.sequence = max(ack.sequence, settled.sequence)
        if isinstance(settled.outcome, Rejected):
            told = ack.rejected.add(sequence=settled.sequence, field=settled.outcome.field, reason=settled.outcome.reason)
            self.size_bytes += told.ByteSize()
        elif settled.outcome.refused_by_time:
            ack.refused_by_time.CopyFrom(convert.refused_by_time(settled.outcome.refused_by_time))
        self.batches += 1

    def response(self) -> pb.PushResponse:
        return pb.PushResponse(acks=self.acks.values(), opened=self.opened, refused=self.refused)


class Stream:
    """A Push stream from its first message to its last acknowledgement."""

    def __init__(self, intake: Intake, *, handles_max: int, idle_s: float) -> None:
        self._intake = intake
        self._handles_max = handles_max
        self._idle_s = idle_s
        self._handles: dict[int, Handle] = {}
        self._closed_handles: set[int] = set()  # the client has been told, and what it sends on them is passed over
        self._changed = threading.Condition()
        self._pending = _Pending()
        self._undurable: deque[_Settled] = deque()
        self._messages = 0
        self._wanted: int | None = None  # so many batches wake the acknowledging thread; None: it is awake
        self._ended = False
        self._failure: Exception | None = None

    def serve(self, messages: Iterator[Message], context: grpc.ServicerContext) -> Iterator[pb.PushResponse]:
        """The responses to a stream of messages; ends when the client does, or with an error."""
        reader = threading.Thread(target=self._read, args=(messages,), name="push-reader", daemon=True)
        reader.start()
        idle = False
        try:
            while context.is_active():
                pending, ended, idle = self._next()
                if pending:
                    yield pending.response()
                if ended or idle:
                    break
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
        if self._failure:
            raise self._failure
        if not context.is_active():
            return
        if self._intake.draining:
            raise Ended(grpc.StatusCode.UNAVAILABLE, "the server shuts down; connect again and send what is not acknowledged")
        if idle:
            raise Ended(
                grpc.StatusCode.DEADLINE_EXCEEDED, f"no message came for {self._idle_s:g} s; open a stream when there are rows"
            )

    def on_durable(self, position: int) -> None:
        """Acknowledges what has become durable; called by the journal's thread."""
        with self._changed:
            while self._undurable and self._undurable[0].outcome.position <= position:
                self._pending.settle(self._undurable.popleft())
            self._tell(urgent=bool(self._pending))  # the commit has gathered them

    def wake(self) -> None:
        """Makes the acknowledging thread look again, now."""
        with self._changed:
            self._pending.urgent = True
            self._changed.notify()

    # The acknowledging thread.

    def _next(self) -> tuple[_Pending, bool, bool]:
        """What there is to say, whether the stream has ended, and whether it is idle."""
        with self._changed:
            before = self._messages
            self._wanted = 1
            told = self._changed.wait_for(lambda: self._pending or self._is_over(), timeout=self._idle_s)
            if told and not self._pending.urgent and self._pending.batches < _ACK_BATCHES:
                self._wanted = _ACK_BATCHES
                self._changed.wait_for(lambda: self._pending.urgent or self._pending.batches >= _ACK_BATCHES, timeout=_ACK_GATHER_S)
            self._wanted = None
            pending, self._pending = self._pending, _Pending()
            if pending.size_bytes >= _ANSWER_BYTES_MAX:
                self._changed.notify_all()
            return pending, self._is_over(), not told and self._messages == before

    def _is_over(self) -> bool:
        """Nothing more will be said: the stream ends, and what was taken is durable, or will not be for now."""
        is_ending = self._ended or self._intake.draining
        return is_ending and not (self._undurable and self._intake.ahead.is_open)

    # The reading thread.

    def _read(self, messages: Iterator[Message]) -> None:
        try:
            for message in messages:
                self._messages += 1
                if self._pending.size_bytes >= _ANSWER_BYTES_MAX:
                    self._wait_to_be_heard()
                if self._ended or self._intake.draining:
                    break
                self._on_message(message)
        except grpc.RpcError:
            pass  # the client is gone; what it has no acknowledgement of it sends again
        except CoreError as error:
            self._failure = error
        except Exception as error:
            # gRPC raises a bare Exception from the iterator when a call is cancelled.
            if type(error) is not Exception:
                log.exception("a push stream failed")
                self._failure = error
        finally:
            with self._changed:
                self._ended = True
                self._pending.urgent = True
                self._changed.notify()

    def _wait_to_be_heard(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._pending.size_bytes < _ANSWER_BYTES_MAX or self._is_over())

    def _on_message(self, message: Message) -> None:
        match message:
            case Batch():
                self._on_batch(message)
            case Malformed():
                raise InvalidInput(message.reason)
            case _ if message.WhichOneof("part") == "open":
                self._on_open(message.open)
            case _ if message.WhichOneof("part") == "loss":
                self._on_loss(message.loss)
            case _ if message.WhichOneof("part") == "close":
                self._on_close(message.close)
            case _:
                raise InvalidInput("the message holds no batch, open, loss or close", field="part")

    def _on_open(self, request: pb.Open) -> None:
        try:
            if len(self._handles) >= self._handles_max and request.handle not in self._handles:
                raise ResourceExhausted(
                    f"a stream has at most {self._handles_max} handles, one for each open monitor of a process; "
                    "close those that are done, or start the server with a higher handles_max",
                    field="handle",
                )
            origin = Origin(request.producer_id, request.epoch)
            handle = self._intake.open(request.endpoint, origin, request.schema, self._listener(request.level))
        except CoreError as error:
            self._refuse(request.handle, error)
            return
        self._handles[request.handle] = handle
        self._closed_handles.discard(request.handle)
        opened = convert.opened(request.handle, handle, self._intake.limits)
        with self._changed:
            self._pending.opened.append(opened)
            self._pending.size_bytes += opened.ByteSize()
            self._tell(urgent=True)

    def _listener(self, level: pb.AckLevel) -> OnDurable | None:
        """Who is to be told of durable batches: nobody where the lower level is asked for, or the higher one not offered."""
        return self.on_durable if self._intake.ahead.is_durable and level != pb.ACK_LEVEL_ACCEPTED else None

    def _on_loss(self, loss: pb.Loss) -> None:
        handle = self._bound(loss.handle)
        if handle is None:
            return
        try:
            self._intake.report(handle, Losses(loss.dropped_rows, loss.unconvertible_rows, loss.lost_rows))
        except CoreError as error:
            self._refuse(loss.handle, error)

    def _on_close(self, close: pb.Close) -> None:
        """Gives the place back; acknowledgements go by number, so those that are still to come need no handle."""
        self._handles.pop(close.handle, None)
        self._closed_handles.discard(close.handle)

    def _on_batch(self, batch: Batch) -> None:
        handle = self._bound(batch.handle)
        if handle is None:
            return
        try:
            outcome = self._intake.take(handle, batch.sequence, batch.payload)
        except CoreError as error:
            self._refuse(batch.handle, error)
            return
        level = convert.level(handle)
        with self._changed:
            if isinstance(outcome, Ahead):
                self._pending.ack(batch.handle, level).expected_sequence = outcome.expected
                self._pending.batches += 1
                self._tell(urgent=True)
                return
            settled = _Settled(batch.handle, batch.sequence, level, outcome)
            if handle.on_durable is None or outcome.position <= self._intake.ahead.durable:
                self._pending.settle(settled)
                self._tell(urgent=False)
                return
            self._undurable.append(settled)
        if isinstance(outcome, Taken) and outcome.is_duplicate:
            # Its original may have come on another stream, which alone is told when it is durable.
            self._intake.ahead.when_durable(handle.on_durable)

    def _bound(self, number: int) -> Handle | None:
        """The handle of a number; None where there is none, of which the client is told once."""
        handle = self._handles.get(number)
        if handle is None and number not in self._closed_handles:
            self._refuse(number, InvalidInput(f"handle {number} is not open; send Open for it first", field="handle"))
        return handle

    def _refuse(self, handle: int, error: CoreError) -> None:
        self._handles.pop(handle, None)
        if len(self._closed_handles) >= self._handles_max:
            self._closed_handles.clear()  # told twice is better than remembered without end
        self._closed_handles.add(handle)
        refused = pb.Refused(handle=handle, code=code_of(error), field=error.field, reason=error.reason)
        with self._changed:
            self._pending.refused.append(refused)
            self._pending.size_bytes += refused.ByteSize()
            self._tell(urgent=True)

    def _tell(self, *, urgent: bool) -> None:
        """Wakes the acknowledging thread where it waits for just this; called with the condition held."""
        self._pending.urgent |= urgent
        if self._wanted is not None and (urgent or self._pending.batches >= self._wanted):
            self._changed.notify()
