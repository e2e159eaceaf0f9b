"""Starting where the last life ended: the newest checkpoint that holds, then every record behind it, in order.

Records go through the same code as what comes live (`owner.apply`), and decide nothing anew: an arrival time is read, not taken,
and what was refused stays refused. An endpoint's part of a checkpoint has a position of its own; records up to it are in it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog

from driftline_core.binding import Plan
from driftline_core.delivery import Producer
from driftline_core.engine import Engine, Frame
from driftline_core.facts import Tombstone
from driftline_core.pack import pack, unpack
from driftline_core.payload import NO_LIMITS, Declared, LastHeader, declare, decode
from driftline_core.reference import Reference
from driftline_server import lineage, records
from driftline_server.checkpoint import Checkpoint, Section
from driftline_server.journal import Journal
from driftline_server.journal import Record as JournalRecord
from driftline_server.owner import Past, apply
from driftline_server.read_ahead import read_ahead
from driftline_server.records import BATCH_HEAD_BYTES, Record
from driftline_server.registry import Entry, Registry

log = structlog.get_logger(__name__)

_PLANS_MAX = 4096  # past it they are made anew
Progress = Callable[[int, int], None]  # bytes read, bytes to read


def section_of(entry: Entry, saved: tuple[int, bytes]) -> Section | None:
    """An endpoint's part of a checkpoint; None where it was deleted meanwhile."""
    registration = entry.registration
    if registration is None:
        return None
    position, state = saved
    header = records.registration_state(registration) | {"duplicates": entry.producers.duplicates}
    return Section(registration.uid, position, pack(header, [state]))


@dataclass(slots=True)
class Recovery:
    """Fills an engine and a registry; `replayed` counts records, `failed` those that could not be counted again."""

    engine: Engine
    registry: Registry
    past: Past | None
    replayed: int = 0
    failed: int = 0
    deleted: set[str] = field(default_factory=set)  # endpoints whose deletion was replayed
    _segment: object = None  # the definitions of the segment that is being read …
    _defined: dict[int, Declared] = field(default_factory=dict)  # … as far as they were wanted
    _declared: dict[bytes, Declared] = field(default_factory=dict)
    _plans: dict[tuple[bytes, str, int], tuple[Plan, LastHeader]] = field(default_factory=dict)

    def load(self, found: Checkpoint | None) -> int:
        """Takes up a checkpoint; returns the position from which on records are wanted."""
        if found is None:
            return 0
        if found.fallback_reason:
            log.warning("an older checkpoint is used", reason=found.fallback_reason)
        for section in found.sections:
            if section.name == lineage.SECTION:
                continue
            state, (encoded,) = unpack(memoryview(section.body))
            self.engine.load(section.name, encoded, section.position, self.registry.cache)
            entry = self.registry.add(records.registration_of(state, self.engine.state(section.name).reference))
            entry.producers.duplicates = state["duplicates"]
        return found.position

    def replay(self, journal: Journal, after: int, reached: int, progress: Progress) -> None:
        """Applies every record behind a position."""
        for record in read_ahead(journal.recover(after, reached=reached)):
            self.replayed += 1
            try:
                self._record(record)
            except Exception:
                self.failed += 1
                log.exception("a record could not be applied again", position=record.position, kind=record.kind)
            progress(*journal.progress)
        self._admit()

    def _record(self, record: JournalRecord) -> None:
        position, body = record.position, record.body
        match record.kind:
            case Record.BATCH:
                frame = self._frame(record)
                if frame is not None:
                    apply(self.engine, frame, position, self.past)
            case Record.REFUSED:
                head = records.read_head(body)
                if self._is_new(head.uid, position):
                    apply(self.engine, Tombstone(head.uid, head.arrival_us, head.origin), position, self.past)
            case Record.LOSS:
                told = records.read_loss(body)
                if self._is_new(told.uid, position):
                    apply(self.engine, told, position, self.past)
            case Record.HOUR_CLOSED:
                closed = records.read_hour_closed(body)
                if self._is_new(closed.uid, position):
                    self.engine.close(closed, position)
            case Record.CREATE:
                created = records.read_create(body, self.registry.cache)
                if created.uid not in self.engine:
                    self.engine.create(created.uid, created.reference, now_us=created.created_us, position=position)
                    self.registry.add(created)
            case Record.REFERENCE:
                self._reference(record)
            case Record.DELETE:
                uid = records.read_delete(body)
                self.engine.delete(uid, position=position)
                self.registry.remove(uid)
                self.deleted.add(uid)

    def _reference(self, record: JournalRecord) -> None:
        uid, bins, reference = records.read_reference(record.body, self.registry.cache)
        if self._is_new(uid, record.position):
            self.engine.set_reference(uid, reference, position=record.position)
        entry = self.registry.by_uid().get(uid)
        if entry is not None:
            self.registry.refer(entry, reference, bins)

    def _is_new(self, uid: str, position: int) -> bool:
        return uid in self.engine and position > self.engine.state(uid).position

    def _frame(self, record: JournalRecord) -> Frame | None:
        """The batch of a record, decoded and bound as it was when it came."""
        head = records.read_head(record.body)
        if not self._is_new(head.uid, record.position):
            return None
        declared = self._declare(record)
        reference = self.engine.state(head.uid).references[head.reference_version]
        plan, last = self._plan(head.uid, declared, reference)
        payload = record.body[BATCH_HEAD_BYTES:]
        bound = plan.bound(payload, last)
        if bound is None:
            batch = decode(payload, declared, NO_LIMITS, last)
            bound = plan.bind(batch, head.arrival_us)
            plan.remember(payload, last, batch, bound)
        return Frame(head.uid, head.arrival_us, reference, bound, head.origin)

    def _declare(self, record: JournalRecord) -> Declared:
        """The schema of a batch; each is read once, though every segment defines it anew."""
        if record.definitions is not self._segment:
            self._segment = record.definitions
            self._defined.clear()
        if record.definition not in self._defined:
            message = bytes(record.definitions[record.definition])
            if message not in self._declared:
                self._declared[message] = declare(message, NO_LIMITS)
            self._defined[record.definition] = self._declared[message]
        return self._defined[record.definition]

    def _plan(self, uid: str, declared: Declared, reference: Reference) -> tuple[Plan, LastHeader]:
        key = declared.message, uid, reference.version
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= _PLANS_MAX:
                self._plans.clear()
            registration = self.registry.by_uid()[uid].current()
            plan = Plan.of(declared.schema, reference.layout, registration.spec.reserved_columns())
            found = self._plans[key] = plan, LastHeader()
        return found

    def _admit(self) -> None:
        """What is applied is what was admitted."""
        for uid, entry in self.registry.by_uid().items():
            for producer_id, known in self.engine.state(uid).producers.items():
                producer = Producer(known.epoch, known.sequence, losses=known.losses)
                entry.producers.known[producer_id] = producer


def sections(registry: Registry, save: Callable[[str], tuple[int, bytes] | None]) -> Iterator[Section]:
    """The parts of a checkpoint, made one by one."""
    for uid, entry in registry.by_uid().items():
        saved = save(uid)
        section = section_of(entry, saved) if saved else None
        if section is not None:
            yield section
