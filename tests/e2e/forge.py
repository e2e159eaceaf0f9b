"""Arrow IPC messages with forged headers: what no honest writer sends."""

import struct
from dataclasses import dataclass, field


@dataclass(slots=True)
class Forged:
    """A bare record-batch message (8 bytes of prefix, metadata, body) whose header fields can be overwritten.

    Positions follow Arrow's Message.fbs and FlatBuffers' layout: a table begins with the way back to its vtable, whose entries from
    byte 4 on are the positions of its fields.
    """

    message: bytearray
    body_at: int = field(init=False)

    def __post_init__(self) -> None:
        self.body_at = 8 + struct.unpack_from("<I", self.message, 4)[0]

    @property
    def whole(self) -> bytes:
        return bytes(self.message)

    def set_rows(self, rows: int) -> None:
        """The batch's length, and that of each column."""
        struct.pack_into("<q", self.message, self._slot(self._batch(), 0), rows)
        at, nodes = self._vector(1)
        for node in range(nodes):
            struct.pack_into("<q", self.message, at + 16 * node, rows)

    def set_nulls(self, nulls: int) -> None:
        """The null count of each column."""
        at, nodes = self._vector(1)
        for node in range(nodes):
            struct.pack_into("<q", self.message, at + 16 * node + 8, nulls)

    def buffers(self) -> list[tuple[int, int]]:
        """Offset and length of each buffer in the body."""
        at, count = self._vector(2)
        return [struct.unpack_from("<qq", self.message, at + 16 * index) for index in range(count)]

    def set_buffer(self, index: int, offset: int, length: int) -> None:
        at, _ = self._vector(2)
        struct.pack_into("<qq", self.message, at + 16 * index, offset, length)

    def set_body(self, body: bytes) -> None:
        """Another body, its length said in the header."""
        self.message[self.body_at :] = body
        struct.pack_into("<q", self.message, self._slot(self._root(), 3), len(body))

    def body(self) -> bytes:
        return bytes(self.message[self.body_at :])

    def _root(self) -> int:
        return 8 + int(struct.unpack_from("<I", self.message, 8)[0])

    def _batch(self) -> int:
        return self._follow(self._slot(self._root(), 2))

    def _vector(self, slot: int) -> tuple[int, int]:
        at = self._follow(self._slot(self._batch(), slot))
        return at + 4, struct.unpack_from("<I", self.message, at)[0]

    def _follow(self, at: int) -> int:
        return at + int(struct.unpack_from("<I", self.message, at)[0])

    def _slot(self, table: int, slot: int) -> int:
        vtable = table - int(struct.unpack_from("<i", self.message, table)[0])
        return table + int(struct.unpack_from("<H", self.message, vtable + 4 + 2 * slot)[0])
