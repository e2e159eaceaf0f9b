"""What is still good in a segment that is damaged: its whole frames, in order of position.

Where the segment's header is lost, its salt is found from its frames: run backwards over a frame's header, the checksum gives the
salt it began with. The salt that explains most bytes is taken: frames forged within a body explain fewer than that body's own, and
those that stood in the file before it was reused have positions that come before.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from zlib_ng.zlib_ng import crc32

from driftline_server.filesystem import Filesystem, Mapped
from driftline_server.journal import frames
from driftline_server.journal.errors import JournalDamaged
from driftline_server.journal.segment import SegmentHeader
from driftline_server.journal.view import FIRST_FRAME, Frame, SegmentView, magics

_ONES = 0xFFFFFFFF
_STEP = [crc32(bytes([byte]), _ONES) ^ _ONES for byte in range(256)]  # what a byte does to the state of a checksum
_BYTE = {step >> 24: byte for byte, step in enumerate(_STEP)}  # the byte, by the top of what it did


@dataclass(frozen=True, slots=True)
class Salvage:
    """The frames worth keeping, and what that leaves out."""

    kept: list[Frame]
    lost_bytes: int  # of frames that are not whole, and of whole ones that nothing can be made of
    proved: int  # the last position that is known to have been durable
    is_cut_short: bool = False  # the file ends before its room does and was not closed: what stood behind is not known


def salvage(path: Path, filesystem: Filesystem, *, first: int, stop: int | None) -> Salvage:
    """What is good of the positions from `first` to before `stop`. Raises JournalUnknown, OSError."""
    view = _view(path, filesystem, first)
    if view is None:
        return Salvage([], filesystem.size(path), 0)
    kept: list[Frame] = []
    is_cut_short = stop is None and view.size < view.header.capacity
    defined: set[int] = set()
    good, expected = FIRST_FRAME, first
    for frame in _whole(view):
        header = frame.header
        if header.kind == frames.CLOSE:
            good += frames.frame_bytes(0)
            is_cut_short = False
            break
        if header.position < expected or (stop is not None and header.position >= stop):
            continue
        if header.kind == frames.DEFINE:
            defined.add(header.definition)
        elif header.kind == frames.GAP:
            expected = frames.gap_of(frame.body)[1] + 1
        elif header.definition and header.definition not in defined:
            continue
        else:
            expected = header.position + 1
        kept.append(frame)
        good += frames.frame_bytes(header.length)
    return Salvage(kept, view.written_end(FIRST_FRAME) - good, view.proved(FIRST_FRAME), is_cut_short)


def _whole(view: SegmentView) -> list[Frame]:
    """Every whole frame, from the first place where one is to the end of the file."""
    found: list[Frame] = []
    offset = FIRST_FRAME
    while offset < view.size:
        frame = view.frame(offset)
        while frame is None:
            at = next((at for at, _ in view.headers(offset + 8)), None)
            if at is None:
                return found
            offset, frame = at, view.frame(at)
        found.append(frame)
        offset = frame.end
    return found


def _view(path: Path, filesystem: Filesystem, first: int) -> SegmentView | None:
    """The segment under its own header, or under a salt that fits its frames; None where nothing fits."""
    try:
        return SegmentView.open(path, filesystem)
    except JournalDamaged:
        mapped = filesystem.map(path)
        salt = _salt(mapped, first)
        return None if salt is None else SegmentView(mapped, SegmentHeader(salt, 0, 0, is_reused=True))


def _salt(mapped: Mapped, first: int) -> int | None:
    data = memoryview(mapped)
    explained: Counter[int] = Counter()
    for at in magics(mapped, 0):
        salt = _salt_at(data, at)
        header = None if salt is None else frames.header_at(data, at, salt)
        is_whole = header is not None and header.position >= first and frames.body_at(data, at, header) is not None
        if salt is not None and header is not None and is_whole:
            explained[salt] += frames.frame_bytes(header.length)
    return explained.most_common(1)[0][0] if explained else None


def _salt_at(data: memoryview, offset: int) -> int | None:
    """The value a checksum must have begun with, for the header at an offset to hold."""
    if offset + frames.HEADER_BYTES > len(data):
        return None
    stop = offset + frames.HEADER_BYTES - 4
    state = int.from_bytes(data[stop : stop + 4], "little") ^ _ONES
    for byte in reversed(data[offset:stop]):
        step = _BYTE[state >> 24]
        state = ((state ^ _STEP[step]) << 8 & _ONES) | (step ^ byte)
    return state ^ _ONES
