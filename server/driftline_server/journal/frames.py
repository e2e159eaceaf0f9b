"""The frame: a header with two checksums, a body, zeros up to a multiple of 8 bytes.

    magic 4s | kind u16 | 0 u16 | length u32 | definition u32 | position u64 | synced u64 | crc of body u32 | crc of header u32

`synced` is the last position that was durable when the frame was written: a frame proves that those up to it were. The header's
checksum starts from its segment's salt, so that bytes of a body can never pass for a frame.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from zlib_ng.zlib_ng import crc32

from driftline_server.filesystem import Buffer

MAGIC = b"\xd7FRM"
DEFINE, GAP, CLOSE = 0, 0xFFFE, 0xFFFF  # the journal's own; a record's kind lies between
KIND_MAX = 0xEFFF
BODY_BYTES_MAX = 0xFFFFFFFF

_PLAIN = struct.Struct("<4sHHIIQQI")
_CRC = struct.Struct("<I")
_HEADER = struct.Struct("<4sHHIIQQII")
_SPAN = struct.Struct("<QQ")
HEADER_BYTES = _HEADER.size
_ZEROS = tuple(bytes(count) for count in range(8))


@dataclass(frozen=True, slots=True)
class Definition:
    """Something records refer to by its id (from 1), an Arrow schema for one; written once a segment, before the first of them."""

    id: int
    body: Buffer


@dataclass(frozen=True, slots=True)
class Body:
    """What a frame will hold, its checksum taken."""

    kind: int
    parts: tuple[Buffer, ...]
    length: int
    crc: int
    definition: Definition | None = None

    @classmethod
    def of(cls, kind: int, parts: Sequence[Buffer], definition: Definition | None = None) -> "Body":
        """The body of a record; its checksum is taken here, so call it where nobody waits."""
        plain = tuple(part if isinstance(part, bytes) else memoryview(part).cast("B") for part in parts)
        crc = length = 0
        for part in plain:
            crc = crc32(part, crc)
            length += len(part)
        if length > BODY_BYTES_MAX:
            raise ValueError(f"a record holds at most {BODY_BYTES_MAX} bytes, not {length}")
        return cls(kind, plain, length, crc, definition)

    @property
    def frame_bytes(self) -> int:
        return frame_bytes(self.length)

    def frame(self, *, position: int, synced: int, salt: int) -> list[Buffer]:
        """The buffers of the frame, in order."""
        definition = self.definition.id if self.definition else 0
        plain = _PLAIN.pack(MAGIC, self.kind, 0, self.length, definition, position, synced, self.crc)
        return [plain + _CRC.pack(crc32(plain, salt)), *self.parts, _ZEROS[-self.length % 8]]


def frame_bytes(length: int) -> int:
    """Bytes of a frame with a body of this length."""
    return HEADER_BYTES + length + -length % 8


def define(definition: Definition) -> Body:
    """The body of the frame that writes a definition down."""
    return Body.of(DEFINE, [definition.body], definition)


def close() -> Body:
    """The body of the frame that ends a segment."""
    return Body.of(CLOSE, [])


def gap(first: int, last: int) -> Body:
    """The body of the frame that stands where positions are lost for good."""
    return Body.of(GAP, [_SPAN.pack(first, last)])


def gap_of(body: memoryview) -> tuple[int, int]:
    """The first and the last lost position."""
    first, last = _SPAN.unpack(body)
    return first, last


class Header(NamedTuple):
    """A frame's header whose checksum holds. (A tuple: one is made for every frame that is read.)"""

    kind: int
    definition: int
    length: int
    position: int
    synced: int
    body_crc: int


def header_at(data: memoryview, offset: int, salt: int) -> Header | None:
    """The header at an offset, if one is there."""
    if offset + HEADER_BYTES > len(data):
        return None
    magic, kind, _, length, definition, position, synced, body_crc, crc = _HEADER.unpack_from(data, offset)
    if magic != MAGIC or crc32(data[offset : offset + _PLAIN.size], salt) != crc:
        return None
    return Header(kind, definition, length, position, synced, body_crc)


def body_at(data: memoryview, offset: int, header: Header) -> memoryview | None:
    """The body behind a header, if it is whole."""
    start = offset + HEADER_BYTES
    stop = start + header.length
    padding = -header.length % 8
    if stop + padding > len(data):
        return None
    body = data[start:stop]
    if crc32(body) != header.body_crc or data[stop : stop + padding] != _ZEROS[padding]:
        return None
    return body
