"""A reference on its way to the server: from any tabular source to a stream of chunks, in constant memory."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from driftline.errors import Error, InvalidInput
from driftline.formats import as_parquet
from driftline.payload import payload_of, plain, schema_message
from driftline.tables import from_pandas, is_pandas, no_table
from driftline.used import IsUsed, only_used
from driftline_proto.v1 import endpoint_pb2

CHUNK_BYTES = 2 * 2**20
CHUNK_BYTES_MAX = 4 * 2**20 - 2**16  # a gRPC server takes 4 MiB unless told otherwise
CHUNK_ROWS_MAX = 65_536


class Parts:
    """The messages of one upload: the spec, then the reference in pieces. `failure` is what went wrong on this side.

    gRPC asks for them in a thread of its own, which goes on for a moment when the call has already failed; `close` waits until it
    has left the reader, since a thread that is inside Arrow when the interpreter ends takes the process down.
    """

    def __init__(self, request: Any, spec: Any, reference: Any, *, is_used: IsUsed, progress: Callable[[int], None] | None) -> None:
        self.failure: Exception | None = None
        self._turn = threading.Lock()  # held while a message is made
        self._is_closed = False
        self._request = request
        self._spec = spec
        self._reader = reader_of(reference)
        self._is_used = is_used
        self._progress = progress

    def __iter__(self) -> Iterator[Any]:
        parts = self._parts()
        while True:
            with self._turn:
                part = None if self._is_closed else next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        """No more messages are made when this returns."""
        with self._turn:
            self._is_closed = True

    def _parts(self) -> Iterator[Any]:
        try:
            yield self._request(spec=self._spec)
            yield from self._chunks()
        except Error as error:
            self.failure = error
            raise
        except Exception as error:
            self.failure = InvalidInput(f"the reference cannot be read: {error}")
            raise

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

    def _batches(self) -> Iterator[pa.RecordBatch]:
        empty = True
        for batch in self._reader:
            if batch.num_rows:
                empty = False
                yield plain(only_used(batch, self._is_used))
        if empty:
            yield plain(only_used(pa.RecordBatch.from_pylist([], schema=self._reader.schema), self._is_used))


def reader_of(reference: Any) -> pa.RecordBatchReader:
    """A reader of any tabular source: Arrow data, pandas, a record batch reader, or the path of a Parquet file.

    Raises InvalidInput.
    """
    if reason := no_table(reference):
        raise InvalidInput(f"reference: {reason}")
    try:
        return _reader_of(reference)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"reference: {error}") from None


def _reader_of(reference: Any) -> pa.RecordBatchReader:
    if isinstance(reference, str | os.PathLike):
        return _parquet(reference)
    if isinstance(reference, pa.RecordBatchReader):
        return reference
    if isinstance(reference, pa.RecordBatch):
        reference = pa.Table.from_batches([reference])
    if isinstance(reference, pa.Table):
        return reference.to_reader()
    if is_pandas(reference):
        return from_pandas(reference).to_reader()
    _require_whole_names(reference)
    if hasattr(reference, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(reference)
    if hasattr(reference, "__arrow_c_array__"):
        batch = pa.record_batch(reference)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    raise InvalidInput(
        f"a {type(reference).__name__} is no reference; give an Arrow table or reader, a DataFrame, or the path of a Parquet file"
    )


def _require_whole_names(reference: Any) -> None:
    """Arrow's C interface ends a name at its first NUL: of a DataFrame's column the server would see another one."""
    names = getattr(reference, "columns", ())
    for name in names if isinstance(names, Iterable) else ():
        if isinstance(name, str) and "\0" in name:
            raise InvalidInput(f"reference: column {name!a} has a control character in its name; give it a plain one")


def _parquet(path: str | os.PathLike[str]) -> pa.RecordBatchReader:
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InvalidInput(f"reference: {os.fspath(path)!r} cannot be read as Parquet: {error}; {as_parquet(path)}") from None
    return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(batch_size=CHUNK_ROWS_MAX))


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
