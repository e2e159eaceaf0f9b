"""EndpointService: creating, replacing and listing what is monitored."""

import threading
from collections.abc import Iterator

import grpc
import pyarrow as pa

from driftline_core.coercion import require_flat
from driftline_core.engine import Totals
from driftline_core.errors import InvalidInput, ResourceExhausted
from driftline_core.payload import Declared, Limits, declare, decode
from driftline_proto.v1 import endpoint_pb2 as pb
from driftline_server.clock import Clock
from driftline_server.memory import release
from driftline_server.owner import Owner
from driftline_server.registration import Registration
from driftline_server.registry import Entry, Registry
from driftline_server.rpc import convert

_RETRY_AFTER_S = 5.0
_NO_END = (
    "the upload stopped before its end, so nothing was changed; send a last message with `end`, and in it the rows of all chunks "
    "(clients of driftline do so: where one was used, upload the reference again)"
)

_Request = pb.CreateEndpointRequest | pb.SetReferenceRequest


class UploadRoom:
    """Bytes and calls of references on their way in, over all calls."""

    def __init__(self, *, uploads_max: int, bytes_max: int) -> None:
        self._uploads_max = uploads_max
        self._bytes_max = bytes_max
        self._bytes = 0
        self._lock = threading.Lock()
        self._calls = threading.BoundedSemaphore(uploads_max)

    def enter(self) -> None:
        """Begins an upload; raises ResourceExhausted where too many are under way."""
        if not self._calls.acquire(blocking=False):
            raise ResourceExhausted(
                f"{self._uploads_max} references are being uploaded, and no more are taken at once (uploads_max); try again in a "
                "moment, or raise uploads_max in the server's settings",
                retry_after_s=_RETRY_AFTER_S,
            )

    def take(self, size_bytes: int) -> None:
        """Counts bytes that were received; raises ResourceExhausted past the maximum."""
        with self._lock:
            if self._bytes + size_bytes > self._bytes_max:
                raise ResourceExhausted(
                    f"references being uploaded hold more than {self._bytes_max} bytes (upload_bytes_max); send a sample",
                    field="chunk",
                    retry_after_s=_RETRY_AFTER_S,
                )
            self._bytes += size_bytes

    def leave(self, size_bytes: int) -> None:
        """Ends an upload that took so many bytes."""
        with self._lock:
            self._bytes -= size_bytes
        self._calls.release()


class EndpointService:
    """The calls of EndpointService, from request to response; endpoint.proto has what each promises and its errors."""

    def __init__(
        self, registry: Registry, owner: Owner, clock: Clock, limits: Limits, room: UploadRoom, *, upload_s: float
    ) -> None:
        self._registry = registry
        self._owner = owner
        self._clock = clock
        self._limits = limits
        self._room = room
        self._upload_s = upload_s

    def create(self, parts: Iterator[pb.CreateEndpointRequest], context: grpc.ServicerContext) -> pb.CreateEndpointResponse:
        with _Upload(self._room, self._limits, context, self._upload_s) as upload:
            spec = convert.spec(_first(parts).spec)
            self._registry.require_free(spec.name)
            schema, sample = upload.receive(parts)
            entry, notes = self._registry.create(spec, schema, sample)
        del sample
        release()
        return pb.CreateEndpointResponse(endpoint=self._message(entry), notes=notes)

    def set_reference(self, parts: Iterator[pb.SetReferenceRequest], context: grpc.ServicerContext) -> pb.SetReferenceResponse:
        with _Upload(self._room, self._limits, context, self._upload_s) as upload:
            spec = _first(parts).spec
            self._registry.entry(spec.name)
            bins = convert.bins(spec.bins) if spec.HasField("bins") else None
            schema, sample = upload.receive(parts)
            entry, notes = self._registry.set_reference(spec.name, bins, schema, sample)
        del sample
        release()
        return pb.SetReferenceResponse(endpoint=self._message(entry), notes=notes)

    def get(self, request: pb.GetEndpointRequest) -> pb.GetEndpointResponse:
        return pb.GetEndpointResponse(endpoint=self._message(self._registry.entry(request.name)))

    def list_(self, request: pb.ListEndpointsRequest) -> pb.ListEndpointsResponse:
        return pb.ListEndpointsResponse(endpoints=self._messages(self._registry.entries(request.pattern)))

    def delete(self, request: pb.DeleteEndpointRequest) -> pb.DeleteEndpointResponse:
        self._registry.delete(request.name)
        return pb.DeleteEndpointResponse()

    def _message(self, entry: Entry) -> pb.Endpoint:
        registration = entry.current()
        return self._described(entry, registration, self._owner.call(lambda engine: engine.totals(registration.uid)))

    def _messages(self, entries: list[Entry]) -> list[pb.Endpoint]:
        """The endpoints that have not been deleted meanwhile, all seen at one moment."""
        there = [(entry, entry.registration) for entry in entries if entry.registration]
        totals = self._owner.call(lambda engine: {r.uid: engine.totals(r.uid) for _, r in there if r.uid in engine})
        return [self._described(entry, r, totals[r.uid]) for entry, r in there if r.uid in totals]

    def _described(self, entry: Entry, registration: Registration, totals: Totals) -> pb.Endpoint:
        return convert.endpoint(registration, totals, duplicates=entry.producers.duplicates, now_us=self._clock.now_us())


class _Upload:
    """Receives one reference: whole or not at all, bounded in bytes and time, its room given back at the end."""

    def __init__(self, room: UploadRoom, limits: Limits, context: grpc.ServicerContext, seconds: float) -> None:
        self._room = room
        self._limits = limits
        self._bytes = 0
        self._context = context
        self._timer = threading.Timer(seconds, context.cancel)

    def __enter__(self) -> "_Upload":
        self._room.enter()
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._room.leave(self._bytes)

    def receive(self, parts: Iterator[_Request]) -> tuple[pa.Schema, list[pa.RecordBatch]]:
        """The schema and the batches of the chunks, each guarded and validated as a batch of predictions is.

        Raises InvalidInput where the upload did not end as it should: gRPC's iterator ends in order when a call is cancelled, so
        that only the sender's own word tells a complete reference from what had come of it by then.
        """
        declared = None
        sample: list[pa.RecordBatch] = []
        for part in parts:
            if part.WhichOneof("part") == "end":
                if next(parts, None) is not None:
                    raise InvalidInput("a message came after the end; send all chunks before it", field="part")
                self._complete(part.end, sample)
                break
            if part.WhichOneof("part") != "chunk":
                raise InvalidInput("messages between the first one and the last hold a chunk of the reference", field="part")
            if declared is None:
                declared = declare(part.chunk.schema, self._limits)
                for field in declared.schema:
                    require_flat(field.type, field.name, f"the reference (exclude=[{field.name!r}])")
            if part.chunk.payload:
                sample.append(self._counted(part.chunk.payload, declared))
        else:
            raise InvalidInput(_NO_END, field="end")
        if declared is None:
            raise InvalidInput("no reference came; send its schema and rows after the spec", field="chunk")
        return declared.schema, sample

    def _counted(self, payload: bytes, declared: Declared) -> pa.RecordBatch:
        batch = decode(memoryview(payload), declared, self._limits)
        # Binning holds a column at a time as float64, however little its rows took on the wire.
        size_bytes = max(len(payload), 8 * batch.num_rows)
        self._room.take(size_bytes)
        self._bytes += size_bytes
        return batch

    def _complete(self, end: pb.ReferenceEnd, sample: list[pa.RecordBatch]) -> None:
        """The time of an upload ends with it. Raises InvalidInput where rows are missing, or its sender has left already."""
        self._timer.cancel()
        rows = sum(batch.num_rows for batch in sample)
        if end.rows != rows:
            raise InvalidInput(
                f"the end says {end.rows} rows, and {rows} came; send all chunks before the end, and their rows in it", field="end"
            )
        if not self._context.is_active():
            raise InvalidInput("the upload was cancelled; upload the reference again", field="end")


def _first(parts: Iterator[_Request]) -> _Request:
    first = next(parts, None)
    if first is None or first.WhichOneof("part") != "spec":
        raise InvalidInput("the first message holds the spec", field="part")
    return first
