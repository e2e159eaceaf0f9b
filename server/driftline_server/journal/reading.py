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
    view = SegmentView.open(segment.path, filesystem)
    definitions: dict[int, memoryview] = {}
    shared = MappingProxyType(definitions)
    offset, position = FIRST_FRAME, segment.first - 1
    while position < segment.last:
        frame = view.frame(offset)
        if frame is None:
            raise JournalDamaged(segment.path, offset, f"the frame of position {position + 1} is not what was written")
        header = frame.header
        if header.kind == frames.CLOSE:
            return
        if header.kind == frames.DEFINE:
            definitions[header.definition] = frame.body
        elif header.kind == frames.GAP:
            position = frames.gap_of(frame.body)[1]
        else:
            position = header.position
            yield Record(position, header.kind, frame.body, header.definition, shared)
        offset = frame.end
