"""A Push stream over plain protobuf stubs: what a client in any language would write."""

import queue
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType

import grpc
import pyarrow as pa

from driftline_proto.v1 import ingest_pb2 as pb
from driftline_proto.v1.ingest_pb2_grpc import IngestServiceStub

ANSWER_S = 30.0


def payload_of(batch: pa.RecordBatch) -> bytes:
    """A record batch as a bare IPC payload: the dictionaries it needs, then the batch."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema):
        pass
    empty = sink.getvalue().size
    whole = stream_of(batch)
    return whole[empty - 8 : -8]  # without the schema in front and the end mark behind


def stream_of(*batches: pa.RecordBatch, options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    """Record batches as a whole IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def schema_of(schema: pa.Schema) -> bytes:
    """A schema as an encapsulated IPC message."""
    return bytes(schema.serialize())


@dataclass(slots=True)
class Handle:
    """An endpoint opened on a stream, and what the server has said of its batches."""

    number: int
    endpoint: str
    producer_id: bytes
    epoch: int = 1
    sent: int = 0
    opened: pb.Opened | None = None
    refused: list[pb.Refused] = field(default_factory=list)
    acknowledged: int = 0
    rejected: dict[int, tuple[str, str]] = field(default_factory=dict)  # sequence → field, reason
    expected: list[int] = field(default_factory=list)


class PushClient:
    """One Push stream; requests go out as they are made, a thread takes in the answers."""

    def __init__(self, stub: IngestServiceStub, **call: object) -> None:
        self.handles: dict[int, Handle] = {}
        self.error: grpc.RpcError | None = None
        self.ended = False
        self._changed = threading.Condition()
        self._requests: queue.SimpleQueue[pb.PushRequest | None] = queue.SimpleQueue()
        self._call = stub.Push(iter(self._requests.get, None), **call)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def open(
        self,
        endpoint: str,
        schema: pa.Schema | bytes,
        *,
        producer_id: bytes = b"",
        epoch: int = 1,
        number: int | None = None,
        level: pb.AckLevel = pb.ACK_LEVEL_UNSPECIFIED,
    ) -> Handle:
        """Binds a handle (anew, where its number is known) and waits for the answer, Opened or Refused."""
        told = len(self.handles[number].refused) if number in self.handles else 0
        handle = self.request_open(endpoint, schema, producer_id=producer_id, epoch=epoch, number=number, level=level)
        self.until(lambda: handle.opened is not None or len(handle.refused) > told)
        if handle.opened is not None:
            handle.sent = handle.acknowledged = handle.opened.last_sequence
        return handle

    def request_open(
        self,
        endpoint: str,
        schema: pa.Schema | bytes,
        *,
        producer_id: bytes = b"",
        epoch: int = 1,
        number: int | None = None,
        level: pb.AckLevel = pb.ACK_LEVEL_UNSPECIFIED,
    ) -> Handle:
        """Sends an Open and does not wait."""
        number = len(self.handles) + 1 if number is None else number
        handle = self.handles.get(number)
        if handle is None:
            handle = self.handles[number] = Handle(number, endpoint, producer_id or secrets.token_bytes(16), epoch)
        handle.producer_id, handle.endpoint, handle.epoch = producer_id or handle.producer_id, endpoint, epoch
        handle.opened = None
        self.send(
            open=pb.Open(
                handle=number,
                endpoint=endpoint,
                producer_id=handle.producer_id,
                epoch=epoch,
                schema=schema if isinstance(schema, bytes) else schema_of(schema),
                level=level,
            )
        )
        return handle

    def push(self, handle: Handle, *payloads: bytes) -> Handle:
        """Sends payloads under the next sequences."""
        for payload in payloads:
            handle.sent += 1
            self.batch(handle, handle.sent, payload)
        return handle

    def batch(self, handle: Handle, sequence: int, payload: bytes) -> None:
        """Sends one payload under a sequence of the caller's choice."""
        self.send(batch=pb.Batch(handle=handle.number, sequence=sequence, payload=payload))

    def send(self, **part: object) -> None:
        self._requests.put(pb.PushRequest(**part))

    def settle(self, handles: Iterable[Handle] = ()) -> None:
        """Waits until all that was pushed is acknowledged (or refused)."""
        chosen = list(handles) or list(self.handles.values())
        self.until(lambda: all(each.acknowledged >= each.sent or each.refused for each in chosen))

    def until(self, condition: Callable[[], bool], timeout_s: float = ANSWER_S) -> None:
        """Waits for a condition of what the server has said; fails where the stream ends before it holds."""
        with self._changed:
            self._changed.wait_for(lambda: condition() or self.ended, timeout=timeout_s)
            assert condition(), f"not so; the stream {'ended: ' + str(self.error) if self.ended else 'goes on'}"

    def until_ended(self, timeout_s: float = ANSWER_S) -> grpc.RpcError | None:
        """The error the stream ends with, None where it ends well."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.ended, timeout=timeout_s), "the stream goes on"
        return self.error

    def close(self) -> grpc.RpcError | None:
        """Says that no more comes; returns how the stream ended."""
        self._requests.put(None)
        return self.until_ended()

    def cancel(self) -> None:
        self._call.cancel()
        self._requests.put(None)
        self.until_ended()

    def __enter__(self) -> "PushClient":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cancel()

    def _listen(self) -> None:
        try:
            for response in self._call:
                with self._changed:
                    self._on_response(response)
                    self._changed.notify_all()
        except grpc.RpcError as error:
            self.error = error
        finally:
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _on_response(self, response: pb.PushResponse) -> None:
        for ack in response.acks:
            handle = self.handles[ack.handle]
            handle.acknowledged = max(handle.acknowledged, ack.sequence)
            handle.rejected |= {each.sequence: (each.field, each.reason) for each in ack.rejected}
            if ack.HasField("expected_sequence"):
                handle.expected.append(ack.expected_sequence)
        for opened in response.opened:
            self.handles[opened.handle].opened = opened
        for refused in response.refused:
            self.handles.setdefault(refused.handle, Handle(refused.handle, "", b"")).refused.append(refused)
