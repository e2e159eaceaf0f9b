"""A server in this process that speaks Push: it keeps what it gets, and behaves as it is told.

Delivery is judged by it as the real server does: a sequence is admitted once, in order, within its producer's epoch. It needs the
light client's own dependencies and nothing more.
"""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Any

import grpc
import pyarrow as pa

from driftline_proto.v1 import ingest_pb2 as pb
from driftline_proto.v1 import schema_pb2
from driftline_proto.v1.ingest_pb2_grpc import IngestServiceServicer, add_IngestServiceServicer_to_server

WAIT_S = 20.0
NUMERIC, CATEGORICAL, BOOLEAN = schema_pb2.KIND_NUMERIC, schema_pb2.KIND_CATEGORICAL, schema_pb2.KIND_BOOLEAN
FEATURE, PREDICTION, LABEL = schema_pb2.ROLE_FEATURE, schema_pb2.ROLE_PREDICTION, schema_pb2.ROLE_LABEL
COLUMNS = (
    schema_pb2.Column(name="amount", role=FEATURE, kind=NUMERIC),
    schema_pb2.Column(name="country", role=FEATURE, kind=CATEGORICAL),
    schema_pb2.Column(name="known", role=FEATURE, kind=BOOLEAN),
    schema_pb2.Column(name="score", role=PREDICTION, kind=NUMERIC),
    schema_pb2.Column(name="fraud", role=LABEL, kind=BOOLEAN),
)
RESERVED = {"id": "id", "timestamp": "timestamp", "latency": "latency", "error": "error"}

Key = tuple[bytes, int]  # of a producer's epoch


@dataclass(frozen=True, slots=True)
class Received:
    """A batch that was admitted."""

    endpoint: str
    producer_id: bytes
    epoch: int
    sequence: int
    table: pa.Table


@dataclass(slots=True)
class Bound:
    """A handle of a stream: what it was opened for, and the schema it declared."""

    open: pb.Open
    schema: bytes
    level: int


@dataclass(slots=True)
class Stream:
    """One call of Push, and the answers that wait to go out on it; None ends it."""

    answers: "SimpleQueue[pb.PushResponse | None]" = field(default_factory=SimpleQueue)
    bound: dict[int, Bound] = field(default_factory=dict)
    is_dropped: bool = False
    status: grpc.StatusCode | None = None  # that it was dropped with

    def drop(self, status: grpc.StatusCode | None) -> None:
        self.is_dropped, self.status = True, status
        self.answers.put(None)


class FakeServer(IngestServiceServicer):
    """A context manager. What is public may be changed while it runs."""

    def __init__(self, columns: tuple[schema_pb2.Column, ...] = COLUMNS, reserved: dict[str, str] = RESERVED) -> None:
        self.columns = columns
        self.reserved = reserved
        self.level = pb.ACK_LEVEL_DURABLE  # the highest it offers
        self.ack_level: int | None = pb.ACK_LEVEL_DURABLE  # of the acknowledgements it sends by itself; None: it sends none
        self.is_silent = False  # it reads and never answers
        self.missing: set[str] = set()  # endpoints there are not
        self.rejects: dict[int, tuple[str, str]] = {}  # sequence → field, reason
        self.refuses: Callable[[pb.Open], pb.Refused | None] = lambda request: None
        self.lose: set[int] = set()  # sequences to overlook once, as if they never came
        self.drop_after: int | None = None  # so many more batches, then the stream ends
        self.notes: list[str] = []
        self.takes_close = True
        self.payload_bytes_max, self.rows_max = 4 * 2**20, 65_536

        self.opens: list[pb.Open] = []
        self.received: list[Received] = []
        self.losses: dict[bytes, pb.Loss] = {}
        self.duplicates = 0
        self.out_of_sequence = 0
        self.streams: list[Stream] = []
        self.changed = threading.Condition()
        self._admitted: dict[Key, int] = {}
        self._rejected: dict[Key, list[pb.Rejected]] = {}
        self._grpc: grpc.Server | None = None
        self._port = 0
        self._uids = itertools.count(1)
        self._uid = "uid-0"

    # What tests ask.

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def tables(self) -> list[pa.Table]:
        return [each.table for each in self.received]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every admitted row, in the order it came; a column left out of a batch is left out of its rows."""
        return [row for table in self.tables for row in table.to_pylist()]

    def column(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]

    @property
    def producers(self) -> set[bytes]:
        return {request.producer_id for request in self.opens}

    @property
    def lost(self) -> tuple[int, int, int]:
        """Rows told as dropped, unconvertible and lost, over all producers."""
        told = list(self.losses.values())
        return (
            sum(loss.dropped_rows for loss in told),
            sum(loss.unconvertible_rows for loss in told),
            sum(loss.lost_rows for loss in told),
        )

    def until(self, holds: Callable[["FakeServer"], Any]) -> None:
        """Waits until something holds of the server."""
        with self.changed:
            assert self.changed.wait_for(lambda: holds(self), WAIT_S), "it never came to hold"

    # What tests command.

    def start(self) -> None:
        self._grpc = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
        add_IngestServiceServicer_to_server(self, self._grpc)
        self._port = self._grpc.add_insecure_port(f"127.0.0.1:{self._port}")
        self._grpc.start()

    def stop(self) -> None:
        """Goes away; `start` brings it back on the same port, with all it knew."""
        self.drop()
        if self._grpc is not None:
            self._grpc.stop(None).wait(WAIT_S)

    def drop(self, status: grpc.StatusCode | None = grpc.StatusCode.UNAVAILABLE) -> None:
        """Ends every stream there is; None: well."""
        with self.changed:
            for stream in self.streams:
                stream.drop(status)
            self.streams.clear()

    def forget(self, *, after: int = 0) -> None:
        """Loses what came after a sequence of each producer's newest epoch, as a server restored from a copy does."""
        with self.changed:
            newest = dict(sorted(self._admitted))  # of each producer the highest epoch
            for key in newest.items():
                self._admitted[key] = min(self._admitted[key], after)
            self.received = [
                each
                for each in self.received  # those of an endpoint that is gone are of no concern
                if each.epoch < newest.get(each.producer_id, sys.maxsize) or each.sequence <= after
            ]
            self.drop()

    def recreate(self) -> None:
        """The endpoint was deleted and created again."""
        with self.changed:
            self._uid = f"uid-{next(self._uids)}"
            self._admitted.clear()
            self.drop()

    def acknowledge(self, level: int = pb.ACK_LEVEL_DURABLE) -> None:
        """Acknowledges all that came."""
        with self.changed:
            for stream in self.streams:
                for handle in stream.bound:
                    self._ack(stream, handle, level)

    # The protocol.

    def Push(self, request_iterator: Iterator[pb.PushRequest], context: grpc.ServicerContext) -> Iterator[pb.PushResponse]:
        stream = Stream()
        with self.changed:
            self.streams.append(stream)
        threading.Thread(target=self._read, args=(stream, request_iterator), daemon=True).start()
        yield from iter(stream.answers.get, None)
        if stream.status is not None:
            context.abort(stream.status, "the fake server drops this stream")

    def _read(self, stream: Stream, requests: Iterator[pb.PushRequest]) -> None:
        try:
            for request in requests:
                with self.changed:
                    if stream.is_dropped:
                        return
                    self.take(stream, request)
                    self.changed.notify_all()
        except grpc.RpcError:  # the stream was cancelled
            pass
        finally:
            with self.changed:
                if stream in self.streams:
                    self.streams.remove(stream)
                self.changed.notify_all()
            stream.answers.put(None)

    def take(self, stream: Stream, request: pb.PushRequest) -> None:
        """One message; what there is to say to it waits in the stream's answers."""
        part = str(request.WhichOneof("part"))
        getattr(self, f"_on_{part}")(stream, getattr(request, part))

    def _on_open(self, stream: Stream, request: pb.Open) -> None:
        self.opens.append(request)
        refused = self.refuses(request)
        if request.endpoint in self.missing:
            refused = pb.Refused(code=5, field="endpoint", reason="no such endpoint")
        if refused is not None:
            refused.handle = request.handle
            stream.bound.pop(request.handle, None)
            self._say(stream, refused=[refused])
            return
        level = min(request.level or self.level, self.level)
        stream.bound[request.handle] = Bound(request, request.schema, level)
        opened = pb.Opened(
            handle=request.handle,
            endpoint_uid=self._uid,
            last_sequence=self._admitted.setdefault((request.producer_id, request.epoch), 0),
            level=level,
            columns=self.columns,
            reserved=self.reserved,
            notes=self.notes,
            payload_bytes_max=self.payload_bytes_max,
            rows_max=self.rows_max,
            takes_close=self.takes_close,
        )
        self._say(stream, opened=[opened])

    def _on_batch(self, stream: Stream, batch: pb.Batch) -> None:
        bound = stream.bound.get(batch.handle)
        if bound is None:
            return
        key = (bound.open.producer_id, bound.open.epoch)
        expected = self._admitted[key] + 1
        if batch.sequence in self.lose:
            self.lose.remove(batch.sequence)
        elif batch.sequence < expected:
            self.duplicates += 1
        elif batch.sequence > expected:
            self.out_of_sequence += 1
            self._say(
                stream, acks=[pb.Ack(handle=batch.handle, sequence=expected - 1, level=bound.level, expected_sequence=expected)]
            )
            return
        else:
            self._admit(bound, key, batch)
        if self.ack_level is not None:
            self._ack(stream, batch.handle, min(self.ack_level, bound.level))
        if self.drop_after is not None:
            self.drop_after -= 1
            if self.drop_after <= 0:
                self.drop_after = None
                self.drop()

    def _on_loss(self, stream: Stream, loss: pb.Loss) -> None:
        self.losses[stream.bound[loss.handle].open.producer_id] = loss

    def _on_close(self, stream: Stream, close: pb.Close) -> None:
        assert self.takes_close
        stream.bound.pop(close.handle, None)

    def _admit(self, bound: Bound, key: Key, batch: pb.Batch) -> None:
        self._admitted[key] = batch.sequence
        if batch.sequence in self.rejects:
            field_, reason = self.rejects[batch.sequence]
            self._rejected.setdefault(key, []).append(pb.Rejected(sequence=batch.sequence, field=field_, reason=reason))
            return
        table = pa.ipc.open_stream(bound.schema + batch.payload).read_all()
        table.validate(full=True)
        assert table.num_rows <= self.rows_max and len(batch.payload) <= self.payload_bytes_max
        self.received.append(Received(bound.open.endpoint, *key, batch.sequence, table))

    def _ack(self, stream: Stream, handle: int, level: int) -> None:
        opened = stream.bound[handle].open
        key = (opened.producer_id, opened.epoch)
        told = pb.Ack(handle=handle, sequence=self._admitted[key], level=level, rejected=self._rejected.get(key, []))
        self._say(stream, acks=[told])

    def _say(self, stream: Stream, **answer: Any) -> None:
        if not self.is_silent:
            stream.answers.put(pb.PushResponse(**answer))

    def __enter__(self) -> "FakeServer":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
