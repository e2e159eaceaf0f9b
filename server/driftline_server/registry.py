"""Which endpoints there are: names, what their creators said, and the reference in force."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from driftline_core.delivery import Producers
from driftline_core.errors import AlreadyExists, InvalidInput, NotFound, ResourceExhausted
from driftline_core.names import canonical, column_names, matching
from driftline_core.reference import Reference, build_reference
from driftline_core.roles import normal, resolve
from driftline_core.schema import BinsSpec, Column, EndpointSpec
from driftline_server.clock import Clock
from driftline_server.owner import Owner


@dataclass(frozen=True, slots=True)
class Registration:
    """An endpoint as it stands: replaced whole when its reference changes."""

    name: str
    uid: str
    spec: EndpointSpec
    columns: tuple[Column, ...]
    reference: Reference
    created_us: int


@dataclass(slots=True)
class Entry:
    """An endpoint that is served. `lock` guards `producers`; `registration` is None once the endpoint is deleted."""

    registration: Registration | None
    lock: threading.Lock
    producers: Producers

    def current(self) -> Registration:
        """The registration in force; raises NotFound where the endpoint was deleted."""
        registration = self.registration
        if registration is None:
            raise NotFound("the endpoint was deleted; create it again and open the handle again", field="endpoint")
        return registration


class Registry:
    """The endpoints of a server, by canonical name."""

    def __init__(self, owner: Owner, clock: Clock, *, endpoints_max: int, producers_max: int) -> None:
        self._owner = owner
        self._clock = clock
        self._endpoints_max = endpoints_max
        self._producers_max = producers_max
        self._entries: dict[str, Entry] = {}
        self._lock = threading.Lock()

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
        return [self._entries[name] for name in matching(list(self._entries), pattern)]

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
        reference = build_reference(sample, columns, spec.bins, version=1)
        created = Registration(spec.name, uuid.uuid4().hex, spec, columns, reference, self._clock.now_us())
        entry = Entry(created, threading.Lock(), Producers(self._producers_max))
        with self._lock:
            self.require_free(spec.name)
            self._owner.call(lambda engine: engine.create(created.uid, reference))
            self._entries[created.name] = entry
        return entry, notes

    def set_reference(
        self, name: str, bins: BinsSpec | None, schema: pa.Schema, sample: Sequence[pa.RecordBatch]
    ) -> tuple[Entry, list[str]]:
        """A new reference for an endpoint; it must hold the endpoint's columns. Rows bound from now on are counted under it."""
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
        built = build_reference(sample, before.columns, bins or before.spec.bins, version=before.reference.version + 1)
        with self._lock:
            now = entry.current()
            reference = Reference(now.reference.version + 1, built.layout, built.profile)
            self._owner.call(lambda engine: engine.set_reference(now.uid, reference))
            entry.registration = replace(now, reference=reference, spec=replace(now.spec, bins=bins or now.spec.bins))
        return entry, notes

    def delete(self, name: str) -> None:
        """Forgets an endpoint; raises NotFound."""
        with self._lock:
            entry = self.entry(name)
            registration = entry.current()
            del self._entries[registration.name]
            entry.registration = None
            self._owner.call(lambda engine: engine.delete(registration.uid))
