"""Reading a segment again while the journal goes on: for an archive, or for rows that are asked for."""

from collections.abc import Iterator
from types import MappingProxyType

from driftline_server.filesystem import Filesystem
from driftline_server.journal import frames
from driftline_server.journal.errors import JournalDamaged
from driftline_server.journal.recovery import Record
from driftline_server.journal.segment import Segment
from driftline_server.journal.view import FIRST_FRAME, SegmentView


def read_segment(segment: Segment, filesystem: Filesystem) -> Iterator[Record]:
    """The records of a segment, up to the last it had when it was listed; every checksum is verified.

    Raises JournalDamaged; FileNotFoundError where it was dropped before this began. Dropped later, it is read to its end.
    """
    for _, record in SegmentReader(segment, filesystem).records():
        yield record


class SegmentReader:
    """A segment to be read more than once, from any place; good for as long as it is held, even where the segment is dropped.

    Raises FileNotFoundError where it was dropped before, JournalDamaged where its header does not hold.
    """

    begin = FIRST_FRAME

    def __init__(self, segment: Segment, filesystem: Filesystem) -> None:
        self.segment = segment
        self._view = SegmentView.open(segment.path, filesystem)
        self._definitions: dict[int, memoryview] = {}
        self._shared = MappingProxyType(self._definitions)

    def records(self, start: int = begin, stop: int | None = None) -> Iterator[tuple[int, Record]]:
        """The records whose frames begin in [start, stop), each with where it ends; first from `begin`, where definitions are met.

        Raises JournalDamaged where a frame that was durable is not what was written.
        """
        segment, offset = self.segment, start
        position = segment.first - 1
        while position < segment.last and (stop is None or offset < stop):
            frame = self._view.frame(offset)
            if frame is None:
                raise JournalDamaged(segment.path, offset, f"the frame after position {position} is not what was written")
            header, offset = frame.header, frame.end
            if header.kind == frames.CLOSE:
                return
            if header.kind == frames.DEFINE:
                self._definitions[header.definition] = frame.body
            elif header.kind == frames.GAP:
                position = frames.gap_of(frame.body)[1]
            else:
                position = header.position
                yield offset, Record(position, header.kind, frame.body, header.definition, self._shared)
