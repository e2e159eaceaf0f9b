"""Repair: a damaged journal is made readable again, keeping every record that is whole and saying what is lost.

The journal is read as a start would read it; each damaged segment that is met is written anew from its whole frames, with gap
frames where positions are missing, and the damaged one is kept beside it under another name. So when it is done, a start reads it.
"""

import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path

from driftline_server.filesystem import Filesystem, write_all
from driftline_server.journal import frames
from driftline_server.journal.errors import JournalDamaged
from driftline_server.journal.frames import Body, Definition
from driftline_server.journal.recovery import Recovery
from driftline_server.journal.salvage import salvage
from driftline_server.journal.segment import NEW_SUFFIX, SegmentHeader, first_of, segment_path
from driftline_server.journal.view import Frame

DAMAGED_SUFFIX = ".damaged"
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Loss:
    """What a repair could not keep."""

    path: Path  # the segment
    reason: str
    bytes: int  # that are no frame any more
    positions: tuple[tuple[int, int], ...]  # spans of them, first and last, that are lost
    set_aside: Path | None  # where the damaged segment is
    is_cut_short: bool = False  # its end is missing, and with it records that nothing tells of


def repair(folder: Path, filesystem: Filesystem, *, after: int = 0, reached: int = 0) -> list[Loss]:
    """Makes a journal readable from the position `after`, that of the checkpoint it will be read behind, and says what is lost.

    `reached`: a position known to have been durable. Nothing is changed in a journal that is not damaged, but that a torn tail is
    cut. Run it again where it was interrupted. Raises OSError, JournalUnknown.
    """
    firsts = _firsts(folder, filesystem)
    known = firsts[0] - 1 if firsts and firsts[0] <= after + 1 else after  # segments that the checkpoint covers are looked at too
    losses: list[Loss] = []
    while True:
        recovery = Recovery(folder, filesystem, after=known, reached=max(after, reached))
        try:
            for _ in recovery.records():
                pass
        except JournalDamaged as damage:
            if any(loss.path == damage.path for loss in losses):
                raise  # it was mended: then this is a fault of ours, and turning here for ever helps nobody
            if damage.missing:
                losses.append(_fill(folder, filesystem, damage, damage.missing))
            else:
                losses.append(_rewrite(filesystem, damage, first=recovery.begins, reached=max(after, reached)))
            continue
        return losses


def _fill(folder: Path, filesystem: Filesystem, damage: JournalDamaged, missing: tuple[int, int]) -> Loss:
    """A segment that says of positions that they are lost."""
    path = segment_path(folder, missing[0])
    _write(path, filesystem, [], stop=missing[1] + 1)
    return Loss(path, damage.reason, 0, (missing,), None)


def _rewrite(filesystem: Filesystem, damage: JournalDamaged, *, first: int, reached: int) -> Loss:
    """A damaged segment anew, from what is good of it, beginning with position `first`."""
    path, folder = damage.path, damage.path.parent
    following = [each for each in _firsts(folder, filesystem) if segment_path(folder, each) > path]
    found = salvage(path, filesystem, first=first, stop=following[0] if following else None)
    stop = following[0] if following else max(found.proved, reached) + 1
    aside = path.with_suffix(DAMAGED_SUFFIX)
    _copy(path, aside, filesystem)
    lost = _write(segment_path(folder, first), filesystem, found.kept, stop=stop)
    if segment_path(folder, first) != path or not (lost or found.kept):
        with contextlib.suppress(FileNotFoundError):
            filesystem.remove(path)
        filesystem.sync_folder(folder)
    return Loss(path, damage.reason, found.lost_bytes, tuple(lost), aside, found.is_cut_short)


def _write(path: Path, filesystem: Filesystem, kept: list[Frame], *, stop: int) -> list[tuple[int, int]]:
    """A closed segment of frames that ends before a position; returns the spans missing in it. None is written of nothing."""
    first = expected = first_of(path.name) or 0
    header = SegmentHeader(secrets.randbits(32), first, capacity=0)  # another size than it has: it is closed
    bodies: list[tuple[Body, int]] = []
    lost: list[tuple[int, int]] = []

    def miss(before: int) -> None:
        if before > expected:
            lost.append((expected, before - 1))
            bodies.append((frames.gap(expected, before - 1), expected))

    for frame in kept:
        position = frame.header.position
        miss(position)
        expected = max(expected, position)
        bodies.append((_body(frame), position))
        if frame.header.kind == frames.GAP:
            expected = frames.gap_of(frame.body)[1] + 1
        elif frame.header.kind != frames.DEFINE:
            expected = position + 1
    miss(stop)
    if not bodies:
        return lost
    bodies.append((frames.close(), max(expected, stop)))
    new = path.with_suffix(NEW_SUFFIX)
    with contextlib.closing(filesystem.create(new)) as file:
        end = write_all(file, [header.pack()], 0)
        for body, position in bodies:
            end = write_all(file, body.frame(position=position, synced=position - 1, salt=header.salt), end)
        file.sync()
    filesystem.rename(new, path)
    filesystem.sync_folder(path.parent)
    return lost


def _body(frame: Frame) -> Body:
    header = frame.header
    definition = Definition(header.definition, b"") if header.definition else None
    return Body(header.kind, (frame.body,), header.length, header.body_crc, definition)


def _copy(path: Path, to: Path, filesystem: Filesystem) -> None:
    """A copy, and not another name, so that no moment is without the segment."""
    data = memoryview(filesystem.map(path))
    with contextlib.closing(filesystem.create(to)) as file:
        for offset in range(0, len(data), _COPY_BYTES):
            write_all(file, [data[offset : offset + _COPY_BYTES]], offset)
        file.sync()
    filesystem.sync_folder(path.parent)


def _firsts(folder: Path, filesystem: Filesystem) -> list[int]:
    found = (first_of(name) for name in filesystem.names(folder))
    return sorted(first for first in found if first is not None)
