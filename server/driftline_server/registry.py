"""Which endpoints there are: names, what their creators said, and the reference in force.

A change is a record of the journal, and is seen when the owner has it, which is when it is durable: nobody is answered with what a
crash may take back. Changes come one after the other, so that each finds the one before it in force.
"""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import pyarrow as pa

from driftline_core.delivery import Producers
from driftline_core.engine import Engine
from driftline_core.errors import AlreadyExists, InvalidInput, NotFound, ResourceExhausted, Unavailable
from driftline_core.layout import LookupCache
from driftline_core.names import canonical, column_names, matching
from driftline_core.reference import Reference, build_reference, notes_of
from driftline_core.roles import bins_of, normal, resolve
from driftline_core.schema import BinsSpec, EndpointSpec
from driftline_server import records
from driftline_server.clock import Clock
from driftline_server.journal import Definition
from driftline_server.owner import Owner
from driftline_server.records import Record
from driftline_server.registration import Registration
from driftline_server.write_ahead import Entry as Change


@dataclass(slots=True)
class Entry:
    """An endpoint that is served. `lock` guards `producers`; `registration` is None once the endpoint is deleted."""

    registration: Registration | None
    lock: threading.Lock
    producers: Producers
    is_leaving: bool = False  # its deletion is written, and not durable yet

    def current(self) -> Registration:
        """The registration in force; raises NotFound where the endpoint was deleted."""
        registration = self.registration
        if registration is None:
            raise NotFound("the endpoint was deleted; create it again and open the handle again", field="endpoint")
        return registration

    def require_staying(self) -> None:
        """Raises NotFound where the endpoint was deleted, Unavailable where it is about to be."""
        self.current()
        if self.is_leaving:
            raise Unavailable("the endpoint is being deleted; open the handle again to see whether it was", field="endpoint")


class Listener(Protocol):
    """Wants to know of endpoints as they come and go."""

    def on_registered(self, registration: Registration, set_us: int) -> None: ...

    def on_deleted(self, registration: Registration, at_us: int) -> None: ...


@dataclass(frozen=True, slots=True)
class _Written:
    """A change: when it is durable and in force, and when whoever listens has been told, which comes before the next change."""

    in_force: threading.Event = field(default_factory=threading.Event)
    followed: threading.Event = field(default_factory=threading.Event)


class Registry:
    """The endpoints of a server, by canonical name."""

    def __init__(self, owner: Owner, clock: Clock, *, endpoints_max: int, producers_max: int) -> None:
        self.cache = LookupCache()
        self.listeners: list[Listener] = []
        self._owner = owner
        self._clock = clock
        self._endpoints_max = endpoints_max
        self._producers_max = producers_max
        self._entries: dict[str, Entry] = {}
        self._definitions = itertools.count(1)
        self._lock = threading.Lock()  # held by whoever changes something, until the record is queued
        self._latest = _Written()  # the change before
        self._latest.followed.set()

    def entry(self, name: str) -> Entry:
        """An endpoint by any form of its name; raises NotFound."""
        full = canonical(name)
        entry = self._entries.get(full)
        if entry is None:
            raise NotFound(
                f"no endpoint {full!r}; create it with client.create_endpoint({name!r}, reference=...) "
                f"or `driftline endpoints create {name} --reference FILE.parquet`",
                field="endpoint",
            )
        return entry

    def entries(self, pattern: str) -> list[Entry]:
        """The endpoints whose canonical name matches a glob, ordered by name."""
        return [entry for name in matching(list(self._entries), pattern) if (entry := self._entries.get(name))]

    def definition(self, schema: bytes) -> Definition:
        """A schema as the journal's records refer to it."""
        return Definition(next(self._definitions), schema)

    def require_free(self, name: str) -> None:
        """Raises AlreadyExists, or ResourceExhausted past endpoints_max: asked before an upload, and again after it."""
        full = canonical(name)
        if full in self._entries:
            raise AlreadyExists(
                f"endpoint {full!r} exists; give it a new reference with set_reference, or delete it first", field="name"
            )
        if len(self._entries) >= self._endpoints_max:
            raise ResourceExhausted(f"the server takes {self._endpoints_max} endpoints (endpoints_max)", field="name")

    def create(self, spec: EndpointSpec, schema: pa.Schema, sample: Sequence[pa.RecordBatch]) -> tuple[Entry, list[str]]:
        """An endpoint from a sample; notes say what its creator may not expect."""
        spec = normal(spec)
        columns, notes = resolve(spec, schema)
        latency = spec.reserved_columns().get("latency", "")
        reference = build_reference(sample, columns, spec.bins, version=1, latency=latency, cache=self.cache)
        notes += notes_of(reference)
        created = Registration(spec.name, uuid.uuid4().hex, spec, columns, reference, self._clock.now_us())
        entry = self._entry(created)

        def begin(engine: Engine, position: int) -> None:
            engine.create(created.uid, reference, now_us=created.created_us, position=position)
            self._entries[created.name] = entry

        with self._turn():
            self.require_free(spec.name)
            written = self._write(Record.CREATE, records.create(created), begin)
        self._settle(written, lambda: self._registered(created, created.created_us))
        return entry, notes

    def set_reference(
        self, name: str, bins: BinsSpec | None, schema: pa.Schema, sample: Sequence[pa.RecordBatch]
    ) -> tuple[Entry, list[str]]:
        """A new reference for an endpoint; it must hold the endpoint's columns. Rows bound from now on are counted under it.

        `bins` are this reference's alone: the spec keeps those of the creation, which None stands for.
        """
        entry = self.entry(name)
        before = entry.current()
        names = column_names(schema.names)
        for column in before.columns:
            if column.name not in names:
                raise InvalidInput(f"the reference has no column {column.name!r}, which the endpoint has", field=column.name)
        known = {column.name for column in before.columns}
        notes = [
            f"column {name!r} of the reference is not known to the endpoint and is ignored" for name in names if name not in known
        ]
        spec = before.spec
        chosen, latency = bins_of(bins, before.columns) if bins else spec.bins, spec.reserved_columns().get("latency", "")
        built = build_reference(sample, before.columns, chosen, version=1, latency=latency, cache=self.cache)
        notes += notes_of(built)
        with self._turn():
            now = entry.current()
            reference = Reference(now.reference.version + 1, built.layout, built.profile)
            changed = replace(now, reference=reference)
            set_us = self._clock.now_us()

            def refer(engine: Engine, position: int) -> None:
                engine.set_reference(now.uid, reference, position=position)
                entry.registration = changed  # batches are bound to it from now on, and so come behind its record

            written = self._write(Record.REFERENCE, records.reference(now.uid, spec.bins, reference, set_us), refer)
        self._settle(written, lambda: self._registered(changed, set_us))
        return entry, notes

    def delete(self, name: str) -> None:
        """Forgets an endpoint; raises NotFound."""
        with self._turn():
            entry = self.entry(name)
            with entry.lock:  # no batch is admitted any more
                registration = entry.current()

                def forget(engine: Engine, position: int) -> None:
                    engine.delete(registration.uid, position=position)
                    self.remove(registration.uid)

                written = self._write(Record.DELETE, records.delete(registration.uid), forget)
                entry.is_leaving = True
        self._settle(written, lambda: self._deleted(registration))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Changes something, when all that follows from the change before is done. Raises ResourceExhausted, Unavailable."""
        with self._lock:
            self._owner.ahead.require_turn(self._latest.followed)
            yield

    def _write(self, record: Record, body: bytes, change: Callable[[Engine, int], None]) -> _Written:
        """Queues a record. Raises ResourceExhausted, Unavailable."""
        written = _Written()

        def apply(engine: Engine, position: int) -> None:
            try:
                change(engine, position)
            finally:
                written.in_force.set()

        self._owner.ahead.append(record, [body], Change(apply))
        self._latest = written
        return written

    def _settle(self, written: _Written, then: Callable[[], None]) -> None:
        """Waits until a change is in force and does what follows; where the disk is full, it is told, and follows later."""

        def follow() -> None:
            written.in_force.wait()
            try:
                then()
            finally:
                written.followed.set()

        try:
            self._owner.ahead.settle(written.in_force)
        except ResourceExhausted:
            threading.Thread(target=follow, name="registry-later", daemon=True).start()
            raise
        follow()

    def _registered(self, registration: Registration, set_us: int) -> None:
        for listener in self.listeners:
            listener.on_registered(registration, set_us)

    def _deleted(self, registration: Registration) -> None:
        for listener in self.listeners:
            listener.on_deleted(registration, self._clock.now_us())

    # What is recovered at a start, before anyone is served.

    def add(self, registration: Registration) -> Entry:
        """Serves an endpoint that is in the engine."""
        entry = self._entries[registration.name] = self._entry(registration)
        return entry

    def refer(self, entry: Entry, reference: Reference, bins: BinsSpec) -> None:
        """Another reference is in force."""
        registration = entry.current()
        entry.registration = replace(registration, reference=reference, spec=replace(registration.spec, bins=bins))

    def by_uid(self) -> dict[str, Entry]:
        """The endpoints by uid."""
        return {entry.registration.uid: entry for entry in list(self._entries.values()) if entry.registration}

    def remove(self, uid: str) -> None:
        """Serves an endpoint no more."""
        found = self.by_uid().get(uid)
        if found is not None and found.registration is not None:
            del self._entries[found.registration.name]
            found.registration = None

    def _entry(self, registration: Registration) -> Entry:
        return Entry(registration, threading.Lock(), Producers(self._producers_max))
