"""The way in for one batch: guard, decode, validate, bind, admit. After that it cannot fail."""

from dataclasses import dataclass

import pyarrow as pa

from driftline_core.binding import Plan
from driftline_core.delivery import Losses, Producer, Verdict, judge
from driftline_core.engine import Frame
from driftline_core.errors import FailedPrecondition, InvalidInput
from driftline_core.payload import Declared, Limits, declare, decode
from driftline_server.clock import Clock
from driftline_server.credits import Credits
from driftline_server.owner import Owner
from driftline_server.registry import Entry, Registration, Registry


@dataclass(slots=True)
class Handle:
    """An endpoint opened by a producer on a stream, with the schema its batches have."""

    entry: Entry
    registration: Registration
    producer: Producer
    epoch: int
    declared: Declared | None
    plan: Plan | None

    @property
    def notes(self) -> tuple[str, ...]:
        return self.plan.notes if self.plan else ()


@dataclass(frozen=True, slots=True)
class Taken:
    """The batch is accepted, now or, for a duplicate, before."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """The batch came ahead of its turn."""

    expected: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """The batch is refused and has used up its sequence."""

    field: str
    reason: str


Outcome = Taken | Ahead | Rejected


class Intake:
    """Takes batches for the endpoints of a registry. Safe to call from many threads."""

    def __init__(self, registry: Registry, owner: Owner, room: Credits, clock: Clock, limits: Limits) -> None:
        self._registry = registry
        self._owner = owner
        self._room = room
        self._clock = clock
        self.limits = limits
        self.draining = False

    def open(self, endpoint: str, producer_id: bytes, epoch: int, schema: bytes) -> Handle:
        """Opens an endpoint for a producer.

        Raises NotFound, InvalidInput (a schema that does not fit), FailedPrecondition (fenced).
        """
        entry = self._registry.entry(endpoint)
        registration = entry.current()
        declared = declare(schema, self.limits) if schema else None
        plan = _plan(declared, registration) if declared else None
        with entry.lock:
            producer = entry.producers.open(producer_id, epoch)
        return Handle(entry, registration, producer, epoch, declared, plan)

    def report(self, handle: Handle, losses: Losses) -> None:
        """Remembers what a producer says it could not deliver."""
        with handle.entry.lock:
            handle.producer.losses = handle.producer.losses.most(losses)

    def take(self, handle: Handle, sequence: int, payload: memoryview) -> Outcome:
        """Decides on a batch and, where it is new and valid, queues it to be counted.

        Raises NotFound where the endpoint was deleted, FailedPrecondition where a newer epoch is open, InvalidInput where the
        handle has no schema or the batch no sequence.
        """
        if sequence < 1:
            raise InvalidInput("the batch has no sequence; number the batches of an epoch from 1", field="sequence")
        if handle.declared is None:
            raise InvalidInput("the handle was opened without a schema; open it again with one", field="schema")
        decided = self._judge(handle, sequence)
        if decided is not None:
            return decided
        try:
            batch = decode(payload, handle.declared, self.limits)
            plan = self._current_plan(handle, handle.declared)
            size_bytes = max(len(payload), plan.cast_bytes(batch.num_rows))
            frame = self._frame(handle, plan, batch, size_bytes)
        except InvalidInput as error:
            with handle.entry.lock:
                if judge(handle.producer, handle.epoch, sequence) is Verdict.NEXT:
                    handle.producer.admitted = sequence
                    handle.entry.producers.rejected += 1
            return Rejected(error.field, error.reason)
        with handle.entry.lock:
            if judge(handle.producer, handle.epoch, sequence) is Verdict.NEXT:
                handle.producer.admitted = sequence
                self._owner.submit(frame, size_bytes)
                return Taken()
        self._room.give(1, size_bytes)
        return self._judge(handle, sequence) or Taken()

    def _frame(self, handle: Handle, plan: Plan, batch: pa.RecordBatch, size_bytes: int) -> Frame:
        """A batch ready to be counted, room taken for it first: casting it may take many times what it took on the wire."""
        arrival_us = self._clock.now_us()
        self._room.take(size_bytes)
        try:
            bound = plan.bind(batch, arrival_us)
        except BaseException:
            self._room.give(1, size_bytes)
            raise
        return Frame(handle.registration.uid, arrival_us, handle.registration.reference, bound)

    def _judge(self, handle: Handle, sequence: int) -> Outcome | None:
        """What a sequence says before the batch is looked at; None: go on."""
        handle.entry.current()
        with handle.entry.lock:
            match judge(handle.producer, handle.epoch, sequence):
                case Verdict.NEXT:
                    return None
                case Verdict.DUPLICATE:
                    handle.entry.producers.duplicates += 1
                    return Taken()
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


def _plan(declared: Declared, registration: Registration) -> Plan:
    return Plan.of(declared.schema, registration.reference.layout, registration.spec.reserved_columns())
