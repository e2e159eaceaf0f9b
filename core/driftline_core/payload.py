"""From a stranger's Arrow IPC bytes to a record batch that kernels may read.

The one rule: nothing is decoded before its header was read here, and nothing leaves here that did not pass full validation.
A header names rows, buffers and compression before any memory is taken for them (12 kB of zstd can stand for 400 MB, 224 bytes
for a valid batch of 10⁹ nulls); and of mutated messages that decode, most fail validation. What of a payload depends on nothing
but its header (`Repeats` in binding.py) is not found out again while the header stays the same.

Headers are FlatBuffers (Arrow's Message.fbs). Only the few fields the rules need are read, each read bounds-checked, so that a
forged offset ends in a refusal.
"""

from dataclasses import dataclass
from struct import Struct, unpack_from
from struct import error as StructError  # noqa: N812  (an exception, named as one)

import pyarrow as pa

from driftline_core.errors import InvalidInput

_CONTINUATION = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _RECORD_BATCH = 1, 2, 3
_PLAIN = [_RECORD_BATCH]
_PREFIX = Struct("<II")
_METADATA_BYTES_MAX = 512 * 1024
_MESSAGES_MAX = 4096
_DECODE_ERRORS = (pa.ArrowException, OSError, KeyError, ValueError, TypeError, IndexError, NotImplementedError, MemoryError)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one payload may hold."""

    payload_bytes_max: int = 16 * 1024 * 1024
    rows_max: int = 1024 * 1024
    cells_max: int = 16 * 1024 * 1024
    columns_max: int = 4096


NO_LIMITS = Limits(2**40, 2**40, 2**60, 2**20)  # for what was admitted once, maybe under others: it is not refused now


@dataclass(frozen=True, slots=True)
class Declared:
    """A schema a client declared, with what decoding its payloads needs."""

    schema: pa.Schema
    message: bytes
    has_dictionaries: bool


@dataclass(slots=True)
class LastHeader:
    """The header of a payload that was one batch and nothing else: of the same bytes the same need not be found out again."""

    head: bytes = b"\0"
    _payload_bytes: int = 0

    def is_of(self, payload: memoryview) -> bool:
        """Whether this payload has the same header, and is as long."""
        return len(payload) == self._payload_bytes and bytes(payload[: len(self.head)]) == self.head

    def update(self, payload: memoryview) -> None:
        """Takes the header of a payload that has passed the rules of headers, unless an end mark follows its message."""
        _, _, end, metadata = _envelope(payload, 0)
        if end == len(payload):
            self.head, self._payload_bytes = bytes(payload[: _PREFIX.size + len(metadata)]), end


def declare(message: bytes, limits: Limits) -> Declared:
    """Reads an encapsulated IPC Schema message; raises InvalidInput where it is none."""
    try:
        kind, header, end, metadata = _envelope(memoryview(message), 0)
        if kind != _SCHEMA or end < len(message):
            raise InvalidInput("schema is not one encapsulated Arrow IPC Schema message", field="schema")
        if _scalar(metadata, header, 0, "<h", 0):
            raise InvalidInput("schema is big-endian; send little-endian", field="schema")
        schema = pa.ipc.read_schema(pa.py_buffer(message))
        schema.names  # noqa: B018  (fails here where a name is no UTF-8)
    except InvalidInput as error:
        raise InvalidInput(error.reason, field="schema") from None
    except (StructError, *_DECODE_ERRORS) as error:
        raise InvalidInput(f"schema is not an Arrow IPC Schema message: {_short(error)}", field="schema") from None
    if len(schema) > limits.columns_max:
        raise InvalidInput(f"{len(schema)} columns are more than the {limits.columns_max} a batch may have", field="schema")
    return Declared(schema, message, any(pa.types.is_dictionary(field.type) for field in schema))


def decode(payload: memoryview, declared: Declared, limits: Limits, last: LastHeader | None = None) -> pa.RecordBatch:
    """The one record batch of a payload, fully validated; buffers of the result are views of the payload.

    `last` is kept from payload to payload of one handle, and of the same limits, by whoever decodes many.

    Raises InvalidInput for everything else: no or several record batches, an IPC file, a compressed body, more rows or cells
    than `limits`, another schema than declared, and whatever does not decode or validate.
    """
    if len(payload) > limits.payload_bytes_max:
        raise InvalidInput(f"payload of {len(payload)} bytes is over the {limits.payload_bytes_max} taken", field="payload")
    try:
        if last is not None and last.is_of(payload):
            kinds = _PLAIN
        else:
            kinds = _inspect(payload, limits)
            if last is not None and kinds == _PLAIN:
                last.update(payload)
        if kinds == _PLAIN and not declared.has_dictionaries:
            batch = pa.ipc.read_record_batch(pa.py_buffer(payload), declared.schema)
        else:
            batch = _decode_stream(payload, kinds, declared)
        batch.validate(full=True)
    except InvalidInput:
        raise
    except StructError:
        raise InvalidInput("message header points outside itself", field="payload") from None
    except _DECODE_ERRORS as error:
        raise InvalidInput(f"payload is not a valid Arrow record batch: {_short(error)}", field="payload") from None
    return batch


def _decode_stream(payload: memoryview, kinds: list[int], declared: Declared) -> pa.RecordBatch:
    whole = kinds[0] == _SCHEMA
    source = pa.py_buffer(payload) if whole else pa.py_buffer(b"".join((declared.message, payload)))
    with pa.ipc.open_stream(source) as reader:
        if whole and not reader.schema.equals(declared.schema):
            raise InvalidInput("payload has another schema than the one declared; open the handle again with it", field="payload")
        return reader.read_next_batch()


def _inspect(payload: memoryview, limits: Limits) -> list[int]:
    """The kinds of a payload's messages, after the rules that need only headers."""
    kinds: list[int] = []
    at = 0
    while at < len(payload):
        if len(payload) - at >= 8 and _PREFIX.unpack_from(payload, at) == (_CONTINUATION, 0):
            at += 8
            break
        if len(kinds) >= _MESSAGES_MAX:
            raise InvalidInput(f"payload has more than {_MESSAGES_MAX} messages", field="payload")
        kind, header, at, metadata = _envelope(payload, at)
        if kind == _DICTIONARY:
            header = _reference(metadata, header, 1)
        if kind in (_DICTIONARY, _RECORD_BATCH):
            _check_record_batch(metadata, header, limits)
            _check_buffers(metadata, header)
        kinds.append(kind)
    if at != len(payload):
        raise InvalidInput("payload goes on after its end mark", field="payload")
    body = kinds[1:] if kinds[:1] == [_SCHEMA] else kinds
    if body.count(_RECORD_BATCH) != 1 or body[-1] != _RECORD_BATCH or body.count(_DICTIONARY) != len(body) - 1:
        raise InvalidInput(
            f"payload has {body.count(_RECORD_BATCH)} record batches; send the dictionaries a batch needs, if any, then one batch",
            field="payload",
        )
    return kinds


def _envelope(payload: memoryview, at: int) -> tuple[int, int, int, memoryview]:
    """Kind and header position of the message at `at`, where the next one starts, and this one's metadata."""
    if bytes(payload[at : at + 6]) == b"ARROW1":
        raise InvalidInput("this is an Arrow IPC file; send stream messages", field="payload")
    continuation, metadata_bytes = _PREFIX.unpack_from(payload, at)
    if continuation != _CONTINUATION:
        raise InvalidInput("this is not an encapsulated Arrow IPC message", field="payload")
    if metadata_bytes > _METADATA_BYTES_MAX:
        raise InvalidInput(f"message metadata of {metadata_bytes} bytes is over the {_METADATA_BYTES_MAX} taken", field="payload")
    start = at + 8
    metadata = payload[start : start + metadata_bytes]
    root = unpack_from("<I", metadata, 0)[0]
    kind = _scalar(metadata, root, 1, "<B", 0)
    body_bytes = _scalar(metadata, root, 3, "<q", 0)
    end = start + metadata_bytes + body_bytes
    if len(metadata) < metadata_bytes or body_bytes < 0 or end > len(payload):
        raise InvalidInput("the Arrow IPC message is cut short", field="payload")
    return kind, _reference(metadata, root, 2), end, metadata


def _check_record_batch(metadata: memoryview, header: int, limits: Limits) -> None:
    rows = _scalar(metadata, header, 0, "<q", 0)
    if not 0 <= rows <= limits.rows_max:
        raise InvalidInput(f"{rows} rows are more than the {limits.rows_max} a batch may have; send smaller ones", field="payload")
    if _slot(metadata, header, 3):
        raise InvalidInput("body is compressed; send it plain (gRPC may compress the message)", field="payload")
    nodes_at = _reference(metadata, header, 1)
    nodes = unpack_from("<I", metadata, nodes_at)[0]
    if nodes > limits.columns_max or nodes * rows > limits.cells_max:
        raise InvalidInput(
            f"{rows} rows × {nodes} columns are more than the {limits.cells_max} cells a batch may have; send smaller ones",
            field="payload",
        )
    lengths = unpack_from(f"<{2 * nodes}q", metadata, nodes_at + 4)[::2]
    if lengths and (min(lengths) != rows or max(lengths) != rows):
        raise InvalidInput("columns of a batch differ in length", field="payload")


def _check_buffers(metadata: memoryview, header: int) -> None:
    """Refuses buffers that overlap, by which a small body could stand for many large columns."""
    buffers_at = _reference(metadata, header, 2)
    count = unpack_from("<I", metadata, buffers_at)[0]
    bytes_of = unpack_from(f"<{2 * count}q", metadata, buffers_at + 4)[1::2]
    body_bytes = _scalar(metadata, unpack_from("<I", metadata, 0)[0], 3, "<q", 0)
    if sum(bytes_of) > body_bytes:
        raise InvalidInput("buffers of the batch overlap; give each column its own", field="payload")


def _slot(metadata: memoryview, table: int, slot: int) -> int:
    """Position of a FlatBuffers table's field, 0 where it is absent."""
    vtable = table - int(unpack_from("<i", metadata, _positive(table))[0])
    vtable_bytes = unpack_from("<H", metadata, _positive(vtable))[0]
    entry = 4 + 2 * slot
    if entry + 2 > vtable_bytes:
        return 0
    offset = int(unpack_from("<H", metadata, vtable + entry)[0])
    return table + offset if offset else 0


def _scalar(metadata: memoryview, table: int, slot: int, layout: str, default: int) -> int:
    at = _slot(metadata, table, slot)
    return int(unpack_from(layout, metadata, at)[0]) if at else default


def _reference(metadata: memoryview, table: int, slot: int) -> int:
    """Where the table or vector that a field refers to starts."""
    at = _slot(metadata, table, slot)
    if not at:
        raise InvalidInput("message header is incomplete", field="payload")
    return at + int(unpack_from("<I", metadata, at)[0])


def _positive(at: int) -> int:
    # struct reads negative positions from the end, which a forged offset must not do.
    if at < 0:
        raise InvalidInput("message header points outside itself", field="payload")
    return at


def _short(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"
