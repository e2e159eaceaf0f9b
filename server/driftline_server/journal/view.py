"""A segment as it lies on the disk: its frames one by one, and what can be told of the bytes where they end."""

from dataclasses import dataclass
from pathlib import Path

from driftline_server.filesystem import Filesystem
from driftline_server.journal import frames
from driftline_server.journal.frames import Header
from driftline_server.journal.segment import HEADER_BYTES, read_header

FIRST_FRAME = HEADER_BYTES  # where frames begin
_STEP_BYTES = 1 << 16
_STEP_ZEROS = bytes(_STEP_BYTES)


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame and where it ends."""

    header: Header
    body: memoryview
    end: int


class SegmentView:
    """A segment's bytes, mapped. Raises JournalDamaged where its header does not hold."""

    def __init__(self, path: Path, filesystem: Filesystem) -> None:
        self.path = path
        self._mapped = filesystem.map(path)
        self._data = memoryview(self._mapped)
        self.header = read_header(path, self._data)
        self.size = len(self._data)

    @property
    def is_cut(self) -> bool:
        """Whether it was cut to its frames, which is done when it is closed and never before."""
        return self.size != self.header.capacity

    def frame(self, offset: int) -> Frame | None:
        """The frame at an offset, if a whole one is there."""
        header = frames.header_at(self._data, offset, self.header.salt)
        if header is None:
            return None
        body = frames.body_at(self._data, offset, header)
        return None if body is None else Frame(header, body, offset + frames.frame_bytes(header.length))

    def next_header(self, offset: int) -> tuple[int, Header] | None:
        """The first frame header at or behind an offset, and where it is."""
        at = offset + -offset % 8
        while (at := self._mapped.find(frames.MAGIC, at)) >= 0:
            if at % 8 == 0 and (header := frames.header_at(self._data, at, self.header.salt)):
                return at, header
            at += 1
        return None

    def proved(self, offset: int) -> int:
        """The last position that some frame header behind an offset proves to have been durable; 0 where none does."""
        proved = 0
        while (found := self.next_header(offset)) is not None:
            proved = max(proved, found[1].synced)
            offset = found[0] + 8
        return proved

    def written_end(self, offset: int) -> int:
        """Where the zeros begin that reach to the end of the file; not before an offset."""
        stop = self.size
        while stop > offset:
            start = max(offset, stop - _STEP_BYTES)
            chunk = bytes(self._data[start:stop])
            if chunk != _STEP_ZEROS[: len(chunk)]:
                return start + len(chunk.rstrip(b"\0"))
            stop = start
        return offset
