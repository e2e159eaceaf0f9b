"""Closed hours on their way into the store, and endpoints as they come and go.

What is stored is durable in the journal already, since the owner counts nothing before. Whatever is lost on this way is done again
after a restart: the engine remembers which hours it knows to be stored.
"""

import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import structlog

from driftline_core.endpoint_state import EndpointState
from driftline_core.engine import Effect, Engine
from driftline_core.errors import CoreError
from driftline_core.panes import FAR_FUTURE_US
from driftline_core.reference import encode_reference
from driftline_core.schema import EndpointSpec
from driftline_server import records
from driftline_server.owner import Owner
from driftline_server.past import encode_profiles, report_of
from driftline_server.records import Record
from driftline_server.registration import Registration
from driftline_server.registry import Registry
from driftline_server.store import Hour, Store, StoredEndpoint, StoredProducer, StoredReference, StoreError, StoreWriter
from driftline_server.write_ahead import Entry

log = structlog.get_logger(__name__)

_HOURS_MAX = 64  # of one transaction
_WAITING_MAX = 2048  # past it hours wait in the engine, and are asked for again


class Snapshots:
    """Listens to the owner's effects and to the registry."""

    def __init__(self, registry: Registry, owner: Owner, writer: StoreWriter) -> None:
        self._registry = registry
        self._owner = owner
        self._writer = writer
        self._waiting: deque[Effect] = deque()
        self._is_writing = False
        self._is_behind = False
        self._lock = threading.Lock()
        self._seen_us: dict[str, int] = {}  # by endpoint, when those of its producers that are stored were last seen
        self.stored = 0  # the database covers the journal up to this position, and that is on the disk

    def on_effect(self, effect: Effect) -> None:
        """An hour has closed; called by the owner's thread."""
        try:
            self._owner.ahead.append(Record.HOUR_CLOSED, [records.hour_closed(effect)], Entry(None))
        except CoreError as error:
            # The revision alone hangs on it: after a crash the hour is closed anew, and replaced.
            log.warning("the closing of an hour was not written down", reason=error.reason)
        self.resume([effect])

    def resume(self, effects: Sequence[Effect]) -> None:
        """Stores hours, those before a restart among them."""
        with self._lock:
            for effect in effects:
                if len(self._waiting) >= _WAITING_MAX:
                    self._is_behind = True
                    break
                self._waiting.append(effect)
            if self._is_writing or not self._waiting:
                return
            self._is_writing = True
        self._submit()

    def on_registered(self, registration: Registration, set_us: int) -> None:
        """An endpoint was created, or has a new reference."""
        stored, reference = _stored(registration), registration.reference
        version = StoredReference(reference.version, set_us, reference.profile.rows, encode_reference(reference))

        position = self._owner.ahead.durable  # its record is at or below it

        def save(store: Store) -> None:
            store.save_endpoint(stored)
            store.save_reference(registration.uid, version)
            store.reach(position)

        self._submit_project(save, registration.name, position)

    def on_deleted(self, registration: Registration, at_us: int) -> None:
        """An endpoint was deleted."""
        self._seen_us.pop(registration.uid, None)
        self._submit_project(lambda store: store.delete_endpoint(registration.uid, at_us), registration.name)

    def forget(self, gone: Collection[str], at_us: int) -> None:
        """Deletes from the store what was deleted before a crash."""

        def forget(store: Store) -> None:
            for uid in gone:
                store.delete_endpoint(uid, at_us)

        if gone:
            self._submit_project(forget, f"that {len(gone)} endpoints are deleted")

    def save_producers(self) -> None:
        """Stores how far each producer is, those that were seen since this was last done, and how many rows were counted.

        What the engine has forgotten, the idlest, is forgotten here too.
        """
        deliveries = self._owner.call_now(lambda engine: self._deliveries(engine, self._registry.by_uid()))
        if not self._submit_project(lambda store: _save_deliveries(store, deliveries), "producers", deliveries.position):
            self._unsave(deliveries)

    def _deliveries(self, engine: Engine, uids: Collection[str]) -> "_Deliveries":
        """What has arrived at some endpoints, as far as it is not stored yet; in the owner's thread."""
        found = {}
        for uid in uids:
            if uid in engine:
                state, since_us = engine.state(uid), self._seen_us.get(uid, 0)
                producers = _producers(state, since_us)
                self._seen_us[uid] = max((each.last_seen_us for each in producers), default=since_us)
                found[uid] = _Delivered(producers, _idlest_us(state), state.rows, state.forgotten.lost)
        return _Deliveries(engine.position, found)

    def _unsave(self, deliveries: "_Deliveries") -> None:
        """They were not stored: all of it is, the next time."""
        for uid in deliveries.by_uid:
            self._seen_us.pop(uid, None)

    def _submit_project(self, job: Callable[[Store], None], name: str, position: int = 0) -> bool:
        try:
            self._writer.submit(job).add_done_callback(lambda done: self._reach(done, position))
        except (CoreError, StoreError) as error:
            # It is in the journal; the next start, or its next hour, brings it into the store.
            log.warning("something is not in the database yet", what=name, reason=str(error))
            return False
        return True

    def _reach(self, done: "Future[None]", position: int) -> None:
        """A job that covers the journal up to a position was done."""
        if done.exception() is None:
            with self._lock:
                self.stored = max(self.stored, position)

    def _submit(self) -> None:
        self._owner.tell(self._save_hours)

    def _save_hours(self, engine: Engine) -> None:
        """Stores hours that wait, and with them what has arrived at their endpoints.

        Who goes on from the database alone counts as lost what arrived and is in no stored hour, and hears from producers what
        they sent since: that adds up where all of it is of one moment.
        """
        with self._lock:
            effects = [self._waiting.popleft() for _ in range(min(_HOURS_MAX, len(self._waiting)))]
        served = {uid: entry.registration for uid, entry in self._registry.by_uid().items() if entry.registration}
        known = [effect for effect in effects if effect.uid in served]
        deliveries = self._deliveries(engine, {effect.uid for effect in known})

        def save(store: Store) -> None:
            for uid in {effect.uid for effect in known if not store.holds(effect.uid)}:
                store.save_endpoint(_stored(served[uid]))
            until = {effect.uid: effect.end_us for effect in known}
            store.save_hours([hour_of(effect, served[effect.uid].spec) for effect in known], closed_until_us=until)
            _save_deliveries(store, deliveries)

        try:
            self._writer.submit(save).add_done_callback(lambda done: self._on_saved(done, known))
        except (CoreError, StoreError) as error:
            log.warning("hours wait to be stored", hours=len(known), reason=str(error))
            self._unsave(deliveries)
            with self._lock:
                self._is_writing, self._is_behind = False, True

    def _on_saved(self, done: "Future[None]", saved: list[Effect]) -> None:
        self._reach(done, max((effect.through for effect in saved), default=0))
        if done.exception() is None:
            self._owner.tell(lambda engine: engine.saved(saved))
        with self._lock:
            self._is_writing = bool(self._waiting)
            ask_again = not self._waiting and self._is_behind and done.exception() is None
            self._is_behind &= not ask_again
        if self._is_writing:
            self._submit()
        elif ask_again:
            self._owner.tell(self._ask_again)

    def _ask_again(self, engine: Engine) -> None:
        self.resume(engine.unsaved(_WAITING_MAX + 1))


@dataclass(frozen=True, slots=True)
class _Delivered:
    """What has arrived at an endpoint."""

    producers: list[StoredProducer]
    idlest_us: int
    rows: int
    lost: int


@dataclass(frozen=True, slots=True)
class _Deliveries:
    """The same of several endpoints, of the moment when the journal was counted up to a position."""

    position: int
    by_uid: dict[str, _Delivered]


def _save_deliveries(store: Store, deliveries: _Deliveries) -> None:
    store.reach(deliveries.position)
    for uid, delivered in deliveries.by_uid.items():
        store.save_count(uid, delivered.rows, deliveries.position)
        store.save_lost(uid, delivered.lost)
        if delivered.producers and store.holds(uid):
            store.save_producers(uid, delivered.producers)
        store.forget_producers(uid, delivered.idlest_us)


def _producers(state: EndpointState, since_us: int) -> list[StoredProducer]:
    return [
        StoredProducer(producer_id, known.epoch, known.sequence, known.losses, known.last_us)
        for producer_id, known in state.producers.items()
        if known.last_us >= since_us
    ]


def _idlest_us(state: EndpointState) -> int:
    """When the idlest producer that is known was last seen; beyond all time where none is known."""
    return min((known.last_us for known in state.producers.values()), default=FAR_FUTURE_US)


def _stored(registration: Registration) -> StoredEndpoint:
    return StoredEndpoint(registration.uid, registration.name, registration.spec, registration.columns, registration.created_us)


def hour_of(effect: Effect, spec: EndpointSpec) -> Hour:
    """A closed hour, ready to be saved."""
    report = report_of(effect, spec) if effect.has_rows else None
    profile = encode_profiles(effect.profiles) if effect.has_rows else None
    return Hour(
        effect.uid,
        effect.start_us,
        effect.end_us,
        effect.revision,
        effect.through,
        effect.closed_us,
        report,
        profile,
        effect.counted,
    )
