"""What the journal's records say: batches, and everything else that changes what an engine counts.

A batch's record holds the bytes as they came, so that replay decodes and counts them as live does; its schema is the record's
definition. The rest is rare and small, and is written as JSON (with blobs where a reference goes along).
"""

from dataclasses import asdict, dataclass
from enum import IntEnum
from struct import Struct
from typing import Any

from driftline_core.delivery import Losses
from driftline_core.facts import Frame, HourClosed, LossTold, Origin, Tombstone
from driftline_core.layout import LookupCache
from driftline_core.pack import pack, unpack
from driftline_core.reference import Reference, decode_reference, encode_reference
from driftline_core.schema import BinsSpec, Column, Kind, Role
from driftline_server.registration import Registration
from driftline_server.store.endpoint import spec_from_json, spec_json


class Record(IntEnum):
    """The kinds. Their numbers are written down, and never change."""

    BATCH = 1
    REFUSED = 2
    LOSS = 3
    CREATE = 4
    DELETE = 5
    REFERENCE = 6
    HOUR_CLOSED = 7


_BATCH = Struct("<16s16sQQqII")  # uid, producer, epoch, sequence, arrival, reference version; 64 bytes
BATCH_HEAD_BYTES = _BATCH.size


@dataclass(frozen=True, slots=True)
class BatchHead:
    """What stands in front of a batch's bytes."""

    uid: str
    origin: Origin
    arrival_us: int
    reference_version: int


def batch_head(frame: Frame) -> bytes:
    """The head of a batch that is to be counted."""
    return _head(frame.uid, frame.origin, frame.arrival_us, frame.reference.version)


def refused(tombstone: Tombstone) -> bytes:
    """A batch that was refused."""
    return _head(tombstone.uid, tombstone.origin, tombstone.arrival_us, 0)


def read_head(body: memoryview) -> BatchHead:
    """The head of a BATCH or REFUSED record; a batch's bytes stand behind BATCH_HEAD_BYTES."""
    uid, producer_id, epoch, sequence, arrival_us, version, _ = _BATCH.unpack_from(body)
    return BatchHead(uid.hex(), Origin(producer_id, epoch, sequence), arrival_us, version)


def loss(told: LossTold) -> bytes:
    """What a producer could not deliver."""
    return _head(told.uid, told.origin, told.arrival_us, 0) + pack(asdict(told.losses))


def read_loss(body: memoryview) -> LossTold:
    """The LossTold of a LOSS record."""
    head = read_head(body)
    losses, _ = unpack(body[BATCH_HEAD_BYTES:])
    return LossTold(head.uid, head.arrival_us, head.origin, Losses(**losses))


def create(registration: Registration) -> bytes:
    """A new endpoint, its reference with it."""
    return pack(registration_state(registration), [encode_reference(registration.reference)])


def read_create(body: memoryview, cache: LookupCache) -> Registration:
    """The registration of a CREATE record."""
    state, (reference,) = unpack(body)
    return registration_of(state, decode_reference(reference, cache))


def reference(uid: str, bins: BinsSpec, reference: Reference, set_us: int) -> bytes:
    """A new reference of an endpoint; `bins` are its spec's (in older journals the reference's own, which became the spec's)."""
    return pack({"uid": uid, "bins": asdict(bins), "set_us": set_us}, [encode_reference(reference)])


def read_reference(body: memoryview, cache: LookupCache) -> tuple[str, BinsSpec, Reference]:
    """The endpoint's uid, its bins and its reference, of a REFERENCE record."""
    state, (encoded,) = unpack(body)
    return state["uid"], _bins(state["bins"]), decode_reference(encoded, cache)


def delete(uid: str) -> bytes:
    """An endpoint is deleted."""
    return pack({"uid": uid})


def read_delete(body: memoryview) -> str:
    """The uid of a DELETE record."""
    return str(unpack(body)[0]["uid"])


def hour_closed(closed: HourClosed) -> bytes:
    """An hour is complete; what it holds follows from the records before."""
    return pack([closed.uid, closed.start_us, closed.end_us, closed.revision, closed.closed_us, closed.through, closed.has_rows])


def read_hour_closed(body: memoryview) -> HourClosed:
    """The HourClosed of a record, without its profiles."""
    return HourClosed(*unpack(body)[0])


def registration_state(registration: Registration) -> dict[str, Any]:
    """All of a registration but its reference, as JSON."""
    return {
        "name": registration.name,
        "uid": registration.uid,
        "created_us": registration.created_us,
        "columns": [asdict(column) for column in registration.columns],
        "spec": spec_json(registration.spec),
    }


def registration_of(state: dict[str, Any], reference: Reference) -> Registration:
    """The registration of a state."""
    columns = tuple(Column(each["name"], Role(each["role"]), Kind(each["kind"])) for each in state["columns"])
    return Registration(state["name"], state["uid"], spec_from_json(state["spec"]), columns, reference, state["created_us"])


def _bins(state: dict[str, Any]) -> BinsSpec:
    return BinsSpec(state["strategy"], {name: tuple(edges) for name, edges in state["edges"].items()})


def _head(uid: str, origin: Origin, arrival_us: int, version: int) -> bytes:
    return _BATCH.pack(bytes.fromhex(uid), origin.producer_id, origin.epoch, origin.sequence, arrival_us, version, 0)
