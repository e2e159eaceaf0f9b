"""A reference on its way to the server: a stream of chunks, in constant memory."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from driftline.errors import Error, InvalidInput
from driftline.layout import given_error
from driftline.payload import is_sendable, payload_of, plain, schema_message
from driftline.reference import reader_of
from driftline.tables import unsendable
from driftline.used import IsUsed, only_used
from driftline_proto.v1 import endpoint_pb2

CHUNK_BYTES = 2 * 2**20
CHUNK_BYTES_MAX = 4 * 2**20 - 2**16  # a gRPC server takes 4 MiB unless told otherwise
CHUNK_ROWS_MAX = 65_536


class Parts:
    """The messages of one upload: the spec, then the reference in pieces, then the end. `failure` is what went wrong on this side.

    Only where the reference was read to its last row does the end go out, without which the server changes nothing, and says so.
    gRPC asks for them in a thread of its own, which goes on for a moment when the call has already failed; `close` waits until it
    has left the reader, since a thread that is inside Arrow when the interpreter ends takes the process down.
    """

    def __init__(self, request: Any, spec: Any, reference: Any, *, is_used: IsUsed, progress: Callable[[int], None] | None) -> None:
        self.failure: BaseException | None = None
        self._turn = threading.Lock()  # held while a message is made
        self._is_closed = False
        self._request = request
        self._spec = spec
        self._reader = reader_of(reference, is_used)
        self._is_used = is_used
        self._progress = progress

    def __iter__(self) -> Iterator[Any]:
        parts = self._parts()
        while True:
            with self._turn:
                part = None if self._is_closed else self._next(parts)
            if part is None:
                return
            yield part

    def close(self) -> None:
        """No more messages are made when this returns."""
        with self._turn:
            self._is_closed = True

    def _next(self, parts: Iterator[Any]) -> Any:
        """The next message; None at the end, and where making it fails: gRPC would log that, or never hear of it."""
        try:
            return next(parts, None)
        except Error as error:
            self.failure = error
        except Exception as error:
            self.failure = InvalidInput(f"the reference cannot be read: {given_error(error)}")
            self.failure.__cause__ = error
        except BaseException as error:  # who cancels, or interrupts, is to see just that
            self.failure = error
        return None

    def _parts(self) -> Iterator[Any]:
        yield self._request(spec=self._spec)
        yield from self._chunks()

    def _chunks(self) -> Iterator[Any]:
        rows, schema = 0, b""
        for batch in self._batches():
            for payload, count in _payloads(batch):
                first = not schema
                schema = schema or schema_message(batch.schema)
                yield self._request(chunk=endpoint_pb2.ReferenceChunk(schema=schema if first else b"", payload=payload))
                rows += count
                if self._progress is not None:
                    self._progress(rows)
        yield self._request(end=endpoint_pb2.ReferenceEnd(rows=rows))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        empty = True
        for batch in self._reader:
            if batch.num_rows:
                empty = False
                yield plain(_require_sendable(only_used(batch, self._is_used)))
        if empty:
            yield plain(only_used(pa.RecordBatch.from_pylist([], schema=self._reader.schema), self._is_used))


def _require_sendable(batch: pa.RecordBatch) -> pa.RecordBatch:
    for name, kind in zip(batch.schema.names, batch.schema.types, strict=True):
        if not is_sendable(kind):
            raise InvalidInput(
                f"reference: column {name!r} {unsendable(kind)}, or leave it out where the endpoint is created (exclude=[{name!r}])"
            )
    return batch


def _payloads(batch: pa.RecordBatch) -> Iterator[tuple[bytes, int]]:
    step = min(CHUNK_ROWS_MAX, max(1, batch.num_rows * CHUNK_BYTES // max(1, batch.nbytes)))
    for start in range(0, max(1, batch.num_rows), step):
        yield from _fitting(batch.slice(start, step))


def _fitting(batch: pa.RecordBatch) -> Iterator[tuple[bytes, int]]:
    try:
        payload = payload_of(batch)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise InvalidInput(f"the reference cannot be sent: {error}") from None
    if payload.size <= CHUNK_BYTES_MAX:
        yield payload.to_pybytes(), batch.num_rows
    elif batch.num_rows > 1:
        half = batch.num_rows // 2
        yield from _fitting(batch.slice(0, half))
        yield from _fitting(batch.slice(half))
    else:
        size_bytes, largest = max((column.nbytes, name) for name, column in zip(batch.schema.names, batch.columns, strict=True))
        raise InvalidInput(
            f"a row of the reference takes {payload.size} bytes; at most {CHUNK_BYTES_MAX} can be sent. {size_bytes} of them are "
            f"column {largest!r}: leave it out where the endpoint is created (exclude=[{largest!r}]), or shorten it"
        )
