"""The way in for one batch: guard, decode, validate, bind, admit. After that it cannot fail."""

from dataclasses import dataclass, field

from driftline_core.binding import Bound, Plan
from driftline_core.delivery import NONE_REFUSED, Losses, Producer, RefusedByTime, Verdict, judge
from driftline_core.engine import EngineSettings, Frame
from driftline_core.errors import CoreError, FailedPrecondition, InvalidInput
from driftline_core.facts import LossTold, Origin, Tombstone
from driftline_core.payload import Declared, LastHeader, Limits, declare, decode
from driftline_core.times import outside
from driftline_server import records
from driftline_server.clock import Clock
from driftline_server.credits import Credits
from driftline_server.journal import Body, Definition
from driftline_server.records import Record
from driftline_server.registration import Registration
from driftline_server.registry import Entry as EndpointEntry
from driftline_server.registry import Registry
from driftline_server.write_ahead import Entry, OnDurable, WriteAhead

_SPAN_BYTES = 4096  # of plain rows take about as long to count as finding the pane of rows of another hour


@dataclass(slots=True)
class Handle:
    """An endpoint opened by a producer on a stream, with the schema its batches have.

    `on_durable` is called when batches of it have become durable; None where acknowledgements do not wait for that.
    """

    entry: EndpointEntry
    registration: Registration
    producer: Producer
    producer_id: bytes
    epoch: int
    declared: Declared | None
    definition: Definition | None
    plan: Plan | None
    on_durable: OnDurable | None
    last_header: LastHeader = field(default_factory=LastHeader)

    @property
    def notes(self) -> tuple[str, ...]:
        return self.plan.notes if self.plan else ()

    def origin(self, sequence: int) -> Origin:
        """Whose batch one of this sequence is."""
        return Origin(self.producer_id, self.epoch, sequence)


@dataclass(frozen=True, slots=True)
class Taken:
    """The batch is accepted, now or (a duplicate) before; durable once the journal is at `position`.

    `refused_by_time` is the producer's total, of batches up to this one at least.
    """

    position: int
    is_duplicate: bool = False
    refused_by_time: RefusedByTime = NONE_REFUSED


@dataclass(frozen=True, slots=True)
class Ahead:
    """The batch came ahead of its turn."""

    expected: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The batch is refused and has used up its sequence; durably so once the journal is at `position`."""

    position: int
    field: str
    reason: str


Outcome = Taken | Ahead | Rejected


class Intake:
    """Takes batches for the endpoints of a registry. Safe to call from many threads."""

    def __init__(
        self, registry: Registry, ahead: WriteAhead, room: Credits, clock: Clock, limits: Limits, engine: EngineSettings
    ) -> None:
        self._registry = registry
        self.ahead = ahead
        self._room = room
        self._clock = clock
        self.limits = limits
        self._engine = engine
        self.draining = False

    def open(self, endpoint: str, origin: Origin, schema: bytes, on_durable: OnDurable | None) -> Handle:
        """Opens an endpoint for a producer.

        Raises NotFound, InvalidInput (a schema that does not fit), FailedPrecondition (fenced), ResourceExhausted and Unavailable
        where an epoch cannot be written down: then it has not begun.
        """
        entry = self._registry.entry(endpoint)
        registration = entry.current()
        declared = declare(schema, self.limits) if schema else None
        definition = self._registry.definition(schema) if declared else None
        plan = _plan(declared, registration) if declared else None
        with entry.lock:
            known = entry.producers.known.get(origin.producer_id)
            before = (known.epoch, known.admitted) if known else (1, 0)
            producer = entry.producers.open(origin.producer_id, origin.epoch)
            try:
                if producer.epoch > before[0]:
                    begun = Tombstone(registration.uid, self._clock.now_us(), Origin(origin.producer_id, origin.epoch))
                    producer.position = self.ahead.append(Record.REFUSED, [records.refused(begun)], Entry(begun))
            except CoreError:
                producer.epoch, producer.admitted = before
                raise
        handle = Handle(entry, registration, producer, origin.producer_id, origin.epoch, declared, definition, plan, on_durable)
        self._tell(handle, producer.position)  # it learns what was admitted
        return handle

    def report(self, handle: Handle, losses: Losses) -> None:
        """Remembers what a producer says it could not deliver.

        Raises InvalidInput where that cannot be, NotFound where the endpoint was deleted, and what `take` raises of the journal.
        """
        losses.require_possible()
        with handle.entry.lock:
            handle.entry.require_staying()
            total = handle.producer.losses.most(losses)
            if total == handle.producer.losses:
                return
            told = LossTold(handle.registration.uid, self._clock.now_us(), handle.origin(handle.producer.admitted), total)
            self.ahead.append(Record.LOSS, [records.loss(told)], Entry(told))
            handle.producer.losses = total

    def take(self, handle: Handle, sequence: int, payload: memoryview) -> Outcome:
        """Decides on a batch and, where it is new and valid, queues it to be counted.

        Raises NotFound where the endpoint was deleted, FailedPrecondition where a newer epoch is open, InvalidInput where the
        handle has no schema or the batch no sequence, ResourceExhausted and Unavailable where nothing can be written down.
        """
        outcome = self._decide(handle, sequence, payload)
        if not isinstance(outcome, Ahead):
            self._tell(handle, outcome.position)
        return outcome

    def _decide(self, handle: Handle, sequence: int, payload: memoryview) -> Outcome:
        if sequence < 1:
            raise InvalidInput("the batch has no sequence; number the batches of an epoch from 1", field="sequence")
        if handle.declared is None:
            raise InvalidInput("the handle was opened without a schema; open it again with one", field="schema")
        decided = self._judge(handle, sequence)
        if decided is not None:
            return decided
        try:
            plan, arrival_us = self._current_plan(handle, handle.declared), self._clock.now_us()
            bound, size_bytes = self._bound(handle, handle.declared, plan, payload, arrival_us)
        except InvalidInput as error:
            return self._reject(handle, sequence, error)
        # Rows of many hours take as long as many batches: fewer are queued, so that questions behind them wait no longer.
        if (more_bytes := (bound.spans(self._engine.hour_us) - 1) * _SPAN_BYTES) > 0:
            self._room.add(more_bytes)
            size_bytes += more_bytes
        registration = handle.registration
        frame = Frame(registration.uid, arrival_us, registration.reference, bound, handle.origin(sequence))
        try:
            body = self.ahead.body(Record.BATCH, [records.batch_head(frame), payload], handle.definition)
            entry = Entry(frame, size_bytes, handle.on_durable)
            admitted = self._admit(handle, sequence, body, entry, self._refused_by_time(frame))
        except BaseException:
            self._room.give(1, size_bytes)
            raise
        if admitted is None:
            self._room.give(1, size_bytes)
            return self._judge(handle, sequence) or _duplicate(handle.producer)
        return admitted

    def _tell(self, handle: Handle, position: int) -> None:
        """Whoever asks from now on waits for a record that is acknowledged though it may not be durable."""
        if handle.on_durable is None:
            self.ahead.tell(position)

    def _reject(self, handle: Handle, sequence: int, error: InvalidInput) -> Outcome:
        tombstone = Tombstone(handle.registration.uid, self._clock.now_us(), handle.origin(sequence))
        body = self.ahead.body(Record.REFUSED, [records.refused(tombstone)])
        admitted = self._admit(handle, sequence, body, Entry(tombstone, on_durable=handle.on_durable))
        position = admitted.position if admitted else handle.producer.position
        return Rejected(position, error.field, error.reason)

    def _admit(
        self, handle: Handle, sequence: int, body: Body, entry: Entry, refused: RefusedByTime = NONE_REFUSED
    ) -> Taken | None:
        """Takes a sequence and its place in the journal in one step; None where the sequence is not the next one any more."""
        with handle.entry.lock:
            handle.entry.require_staying()
            if judge(handle.producer, handle.epoch, sequence) is not Verdict.NEXT:
                return None
            position = self.ahead.append_body(body, entry)
            handle.producer.admitted, handle.producer.position = sequence, position
            handle.producer.refused_by_time += refused
            return Taken(position, refused_by_time=handle.producer.refused_by_time)

    def _refused_by_time(self, frame: Frame) -> RefusedByTime:
        """The rows that the engine will not count, so that the acknowledgement can say so."""
        times, engine = frame.bound.times_us, self._engine
        if times is None:
            return NONE_REFUSED
        future, expired = outside(times, frame.arrival_us, future_max_us=engine.future_max_us, retention_us=engine.retention_us)
        refused = future | expired
        if not refused.any():
            return NONE_REFUSED
        return RefusedByTime(int(future.sum()), int(expired.sum()), int(times[refused][-1]))

    def _bound(self, handle: Handle, declared: Declared, plan: Plan, payload: memoryview, arrival_us: int) -> tuple[Bound, int]:
        """A payload ready to be counted, and the room taken for it, which is first: casts may take many times what the wire did."""
        last = handle.last_header
        bound = plan.bound(payload, last)
        if bound is not None:
            self._room.take(len(payload))
            return bound, len(payload)
        batch = decode(payload, declared, self.limits, last)
        plan.require_said(batch)
        size_bytes = max(len(payload), plan.cast_bytes(batch.num_rows))
        self._room.take(size_bytes)
        try:
            bound = plan.bind(batch, arrival_us)
        except BaseException:
            self._room.give(1, size_bytes)
            raise
        plan.remember(payload, last, batch, bound)
        return bound, size_bytes

    def _judge(self, handle: Handle, sequence: int) -> Outcome | None:
        """What a sequence says before the batch is looked at; None: go on."""
        handle.entry.current()
        with handle.entry.lock:
            match judge(handle.producer, handle.epoch, sequence):
                case Verdict.NEXT:
                    return None
                case Verdict.DUPLICATE:
                    handle.entry.producers.duplicates += 1
                    return _duplicate(handle.producer)
                case Verdict.AHEAD:
                    return Ahead(handle.producer.admitted + 1)
                case Verdict.FENCED:
                    raise FailedPrecondition(
                        f"epoch {handle.epoch} is over: epoch {handle.producer.epoch} of this producer is open", field="epoch"
                    )

    def _current_plan(self, handle: Handle, declared: Declared) -> Plan:
        """The handle's plan, made anew where the endpoint's reference has changed since."""
        registration = handle.entry.current()
        if handle.plan is None or registration is not handle.registration:
            handle.plan = _plan(declared, registration)
            handle.registration = registration
        return handle.plan


def _duplicate(producer: Producer) -> Taken:
    return Taken(producer.position, is_duplicate=True, refused_by_time=producer.refused_by_time)


def _plan(declared: Declared, registration: Registration) -> Plan:
    return Plan.of(declared.schema, registration.reference.layout, registration.spec.reserved_columns())
