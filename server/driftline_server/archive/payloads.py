"""Rows as payloads: encapsulated IPC messages without their schema, each standing alone, each of a size that anyone can take."""

from collections.abc import Iterator

import pyarrow as pa

from driftline_core.rows import compacted

PAYLOAD_BYTES_MAX = 1024 * 1024
_END_MARK_BYTES = 8


def payloads_of(rows: pa.RecordBatch) -> Iterator[bytes]:
    """Payloads of at most PAYLOAD_BYTES_MAX, but that a single row may take more."""
    step = max(1, rows.num_rows * PAYLOAD_BYTES_MAX * 7 // (8 * max(1, rows.nbytes)))
    for start in range(0, rows.num_rows, step):
        yield from _fitting(rows.slice(start, step))


def _fitting(rows: pa.RecordBatch) -> Iterator[bytes]:
    payload = _payload(compacted(rows))
    if payload.size <= PAYLOAD_BYTES_MAX or rows.num_rows == 1:
        yield payload.to_pybytes()
        return
    half = rows.num_rows // 2
    yield from _fitting(rows.slice(0, half))
    yield from _fitting(rows.slice(half))


def _payload(rows: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    stream = sink.getvalue()
    schema_bytes = 8 + int.from_bytes(stream.slice(4, 4).to_pybytes(), "little")
    return stream.slice(schema_bytes, stream.size - schema_bytes - _END_MARK_BYTES)
