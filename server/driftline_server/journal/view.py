"""A segment as it lies on the disk: its frames one by one, and what can be told of the bytes where they end."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from driftline_server.filesystem import Filesystem, Mapped
from driftline_server.journal import frames
from driftline_server.journal.frames import Header
from driftline_server.journal.segment import HEADER_BYTES, SegmentHeader, read_header

FIRST_FRAME = HEADER_BYTES  # where frames begin
_STEP_BYTES = 1 << 16
_STEP_ZEROS = bytes(_STEP_BYTES)


class Frame(NamedTuple):
    """A whole frame and where it ends."""

    header: Header
    body: memoryview
    end: int


class SegmentView:
    """A segment's bytes, mapped, under a header read from it or found otherwise."""

    def __init__(self, mapped: Mapped, header: SegmentHeader) -> None:
        self._mapped = mapped
        self._data = memoryview(mapped)
        self.header = header
        self.size = len(self._data)

    @classmethod
    def open(cls, path: Path, filesystem: Filesystem) -> "SegmentView":
        """Raises JournalDamaged, JournalUnknown."""
        mapped = filesystem.map(path)
        return cls(mapped, read_header(path, memoryview(mapped)))

    @property
    def is_cut(self) -> bool:
        """Whether it was cut to its frames, which is done when it is closed and never before.

        What is longer than the room it took was not cut: somebody else wrote behind it.
        """
        return self.size < self.header.capacity or not self.header.capacity

    def frame(self, offset: int) -> Frame | None:
        """The frame at an offset, if a whole one is there."""
        header = frames.header_at(self._data, offset, self.header.salt)
        if header is None:
            return None
        body = frames.body_at(self._data, offset, header)
        return None if body is None else Frame(header, body, offset + frames.frame_bytes(header.length))

    def headers(self, offset: int) -> Iterator[tuple[int, Header]]:
        """Every frame header at or behind an offset, with its offset, whether its body is whole or not."""
        for at in magics(self._mapped, offset):
            if header := frames.header_at(self._data, at, self.header.salt):
                yield at, header

    def proved(self, offset: int) -> int:
        """The last position that some frame header behind an offset proves to have been durable; 0 where none does."""
        return max((header.synced for _, header in self.headers(offset)), default=0)

    def written_end(self, offset: int) -> int:
        """Where what was written ends, not before an offset: where the zeros begin that reach to the end of the file.

        In a file that was reused, where the last frame ends that was begun: what is no frame may have stood there before.
        """
        if self.header.is_reused:
            ends = (at + frames.frame_bytes(header.length) for at, header in self.headers(offset))
            return min(self.size, max(ends, default=offset))
        stop = self.size
        while stop > offset:
            start = max(offset, stop - _STEP_BYTES)
            chunk = bytes(self._data[start:stop])
            if chunk != _STEP_ZEROS[: len(chunk)]:
                return start + len(chunk.rstrip(b"\0"))
            stop = start
        return offset


def magics(mapped: Mapped, offset: int) -> Iterator[int]:
    """Offsets, at or behind one, where a frame may begin."""
    at = offset - 1
    while (at := mapped.find(frames.MAGIC, at + 1)) >= 0:
        if at % 8 == 0:
            yield at
