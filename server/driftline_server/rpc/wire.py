"""The one hot message, PushRequest with a batch, read without copying its payload.

Wire-compatible with the generated code, which copies a `bytes` field (a third of the rate at 4,096 rows): the few small fields are
parsed here, the payload stays a view of what gRPC received. Anything but the plain shape (one `batch` field, known fields only,
in any order) goes to the generated code, so every encoder is understood.
"""

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from driftline_proto.v1 import ingest_pb2 as pb

_BATCH, _HANDLE, _SEQUENCE, _PAYLOAD = 0x0A, 0x08, 0x10, 0x1A  # field number << 3 | wire type
_VARINT_BYTES_MAX = 10
_UINT32_MAX = 0xFFFFFFFF
_UINT64_MAX = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Batch:
    """A `Batch` whose payload is a view."""

    handle: int
    sequence: int
    payload: memoryview


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that are no message of the wanted type."""

    reason: str


def parse_push(data: bytes) -> Batch | pb.PushRequest | Malformed:
    """A PushRequest's bytes as a Batch where it is one, else as the generated class has it."""
    batch = _hot(data)
    if batch is not None:
        return batch
    try:
        request: pb.PushRequest = pb.PushRequest.FromString(data)
    except DecodeError as error:
        return Malformed(f"not a driftline.v1.PushRequest: {error}")
    if request.WhichOneof("part") == "batch":
        return Batch(request.batch.handle, request.batch.sequence, memoryview(request.batch.payload))
    return request


def _hot(data: bytes) -> Batch | None:
    if len(data) < 2 or data[0] != _BATCH:
        return None
    handle = sequence = 0
    payload = memoryview(b"")
    try:
        length, at = _varint(data, 1)
        if at + length != len(data):
            return None
        while at < len(data):
            tag = data[at]
            value, at = _varint(data, at + 1)
            if tag == _PAYLOAD:
                payload = memoryview(data)[at : at + value]
                at += value
            elif tag == _SEQUENCE:
                sequence = value & _UINT64_MAX
            elif tag == _HANDLE:
                handle = value & _UINT32_MAX
            else:
                return None
    except IndexError:
        return None
    return Batch(handle, sequence, payload) if at == len(data) else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = data[at]
    if value < 0x80:
        return value, at + 1
    value &= 0x7F
    for count in range(1, _VARINT_BYTES_MAX):
        byte = data[at + count]
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, at + count + 1
    raise IndexError("a varint has at most ten bytes")
