"""Reading a journal back: every record in order, a torn tail told from damage, and the last segment sealed.

An invalid frame is a torn tail where the segment is the last, was not closed, and nothing proves that the frame's position had
been durable. Everywhere else it is damage. A sealed segment is never written again: each life of a server begins a new one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from driftline_server.filesystem import Filesystem, write_all
from driftline_server.journal import frames
from driftline_server.journal.errors import JournalDamaged
from driftline_server.journal.segment import NEW_SUFFIX, SPARE_SUFFIX, Segment, first_of, segment_path
from driftline_server.journal.view import FIRST_FRAME, Frame, SegmentView


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it was appended. The body is a view of the mapped segment, from a multiple of 8 bytes."""

    position: int
    kind: int
    body: memoryview
    definition: int  # the id given with it; 0: none
    definitions: Mapping[int, memoryview]  # of its segment, up to it


class Recovery:
    """One reading of a journal; its numbers are whole when records() has ended."""

    def __init__(self, folder: Path, filesystem: Filesystem, *, after: int, reached: int) -> None:
        self._folder = folder
        self._filesystem = filesystem
        self._after = after
        self._reached = max(after, reached)
        self._expected = 0  # the position of the next record; 0: whatever comes first
        self.begins = 0  # the position with which the segment that is read should begin
        self.segments: list[Segment] = []
        self.spares: list[Path] = []  # files to be written over
        self.torn_bytes = 0
        self.missing = 0  # positions after `after` that a repair gave up
        self.progress = (0, 0)
        self.is_done = False

    @property
    def last(self) -> int:
        """The last position taken, by a record or by a checkpoint that covers it."""
        return max(self._expected - 1, self._after)

    def records(self) -> Iterator[Record]:
        """Every record after `after`. Raises JournalDamaged, JournalUnknown and what the filesystem raises."""
        self._filesystem.make_folder(self._folder)
        firsts = self._firsts()
        skipped = _covered(firsts, self._after)
        for first, following in pairwise(firsts[: skipped + 1]):
            path = segment_path(self._folder, first)
            self.segments.append(Segment(path, first, following - 1, self._filesystem.size(path), is_closed=True))
        wanted = firsts[skipped:]
        self.progress = (0, sum(self._filesystem.size(segment_path(self._folder, first)) for first in wanted))
        for first in wanted:
            yield from self._segment(segment_path(self._folder, first), is_last=first == wanted[-1])
        self._check_end()
        self.is_done = True

    def _firsts(self) -> list[int]:
        """The segments by their first positions; what was not yet one is removed."""
        firsts = []
        for name in self._filesystem.names(self._folder):
            if name.endswith(NEW_SUFFIX):
                self._filesystem.remove(self._folder / name)
            elif name.endswith(SPARE_SUFFIX):
                self.spares.append(self._folder / name)
            elif (first := first_of(name)) is not None:
                firsts.append(first)
        return sorted(firsts)

    def _check_end(self) -> None:
        if self.last < self._reached:
            missing = self.last + 1, self._reached
            reason = f"positions {missing[0]} to {missing[1]}, to which it had come, are missing"
            raise JournalDamaged(segment_path(self._folder, missing[0]), 0, reason, missing=missing)

    def _segment(self, path: Path, *, is_last: bool) -> Iterator[Record]:
        self.begins = max(self._expected, first_of(path.name) or 0)
        view = SegmentView.open(path, self._filesystem)
        self._check_first(path, view.header.first)
        self._expected = view.header.first
        read_before = self.progress[0]
        definitions: dict[int, memoryview] = {}
        shared = MappingProxyType(definitions)
        offset, is_closed = FIRST_FRAME, False
        while not is_closed and (frame := view.frame(offset)) is not None:
            header = frame.header
            self._check_position(path, offset, frame)
            if header.kind == frames.DEFINE:
                definitions[header.definition] = frame.body
            elif header.kind == frames.CLOSE:
                is_closed = True
            elif header.kind == frames.GAP:
                self._pass_gap(frame)
            else:
                self._check_definition(path, offset, frame, definitions)
                self._expected += 1
                if header.position > self._after:
                    yield Record(header.position, header.kind, frame.body, header.definition, shared)
            offset = frame.end
            self.progress = (read_before + offset, self.progress[1])
        self.progress = (read_before + view.size, self.progress[1])
        self._judge_end(path, view, offset, is_closed=is_closed, is_last=is_last)
        self._seal(path, view, offset, is_closed=is_closed)

    def _check_first(self, path: Path, first: int) -> None:
        wanted = max(self._expected, self._after + 1)
        if first > wanted:
            missing = wanted, first - 1
            reason = f"positions {wanted} to {first - 1}, which come before it, are missing"
            raise JournalDamaged(path, 0, reason, missing=missing)
        if first < self._expected:
            raise JournalDamaged(path, 0, f"it begins with position {first}, which the segment before it holds")

    def _check_position(self, path: Path, offset: int, frame: Frame) -> None:
        position = frame.header.position
        if position != self._expected:
            raise JournalDamaged(path, offset, f"position {position} stands where {self._expected} should")

    def _check_definition(self, path: Path, offset: int, frame: Frame, definitions: Mapping[int, memoryview]) -> None:
        wanted = frame.header.definition
        if wanted and wanted not in definitions:
            raise JournalDamaged(path, offset, f"definition {wanted} of position {frame.header.position} is not in its segment")

    def _pass_gap(self, frame: Frame) -> None:
        first, last = frames.gap_of(frame.body)
        self.missing += max(0, last - max(first, self._after + 1) + 1)
        self._expected = last + 1

    def _judge_end(self, path: Path, view: SegmentView, offset: int, *, is_closed: bool, is_last: bool) -> None:
        """Whether frames may end where they do; counts what is torn."""
        if not is_closed:
            if not is_last or view.is_cut:
                raise JournalDamaged(path, offset, f"the frame of position {self._expected} is not what was written")
            if max(view.proved(offset), self._reached) >= self._expected:
                raise JournalDamaged(
                    path, offset, f"the frame of position {self._expected} is not what was written, and it was durable"
                )
        elif view.is_cut and offset != view.size:
            raise JournalDamaged(path, offset, f"{view.size - offset} bytes follow the frame that closed it")
        self.torn_bytes += view.written_end(offset) - offset

    def _seal(self, path: Path, view: SegmentView, end: int, *, is_closed: bool) -> None:
        """Closes a segment as its writer would have, and makes durable what was read of it."""
        if self._expected == view.header.first:
            self._filesystem.remove(path)
            self._filesystem.sync_folder(self._folder)
            return
        if not (is_closed and view.is_cut):
            file = self._filesystem.open(path)
            try:
                if not is_closed:
                    last = self._expected - 1
                    end = write_all(file, frames.close().frame(position=last + 1, synced=last, salt=view.header.salt), end)
                file.sync()
                file.truncate(end)
                file.sync()
            finally:
                file.close()
        self.segments.append(Segment(path, view.header.first, self._expected - 1, end, is_closed=True))


def _covered(firsts: list[int], after: int) -> int:
    """How many segments, from the first, hold nothing after a position."""
    return sum(following <= after + 1 for following in firsts[1:])
