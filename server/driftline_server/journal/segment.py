"""The segment: a file of frames, named by the position of its first record.

    magic 8s | version u32 | salt u32 | first u64 | capacity u64 | is reused u32 | crc u32

A segment takes its name when its header and its room (`capacity`) are durable, and is cut to its frames when it is closed. So a
named segment always has a good header, and one of another size than its capacity was closed.

A segment that is dropped may be put away as a spare, to be written over: a disk does that twice as fast as it finds new room. What
stood in it then lies behind the new frames; under another salt none of it is a frame.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from zlib_ng.zlib_ng import crc32

from driftline_server.journal.errors import JournalDamaged, JournalUnknown

SUFFIX = ".journal"
NEW_SUFFIX = ".new"
SPARE_SUFFIX = ".spare"

_MAGIC = b"DRIFTJNL"
_VERSION = 1
_HEADER = struct.Struct("<8sIIQQII")
_PLAIN = struct.Struct("<8sIIQQI")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as others see it; an open one ends, for them, at the last durable record."""

    path: Path
    first: int
    last: int
    bytes: int
    is_closed: bool


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment's first bytes say."""

    salt: int
    first: int
    capacity: int
    is_reused: bool = False  # something else stood in the file: what follows the last frame says nothing

    def pack(self) -> bytes:
        plain = _PLAIN.pack(_MAGIC, _VERSION, self.salt, self.first, self.capacity, self.is_reused)
        return plain + struct.pack("<I", crc32(plain))


def segment_path(folder: Path, first: int) -> Path:
    return folder / f"{first:020d}{SUFFIX}"


def first_of(name: str) -> int | None:
    """The first position of a segment, by its name; None where it is no segment's name."""
    stem, _, suffix = name.partition(".")
    return int(stem) if f".{suffix}" == SUFFIX and len(stem) == 20 and stem.isdecimal() else None


def read_header(path: Path, data: memoryview) -> SegmentHeader:
    """Raises JournalDamaged, JournalUnknown."""
    if len(data) < HEADER_BYTES:
        raise JournalDamaged(path, 0, f"it has {len(data)} bytes, fewer than its header")
    magic, version, salt, first, capacity, is_reused, crc = _HEADER.unpack_from(data)
    if magic != _MAGIC or crc != crc32(data[: _PLAIN.size]):
        raise JournalDamaged(path, 0, "its header is not what was written")
    if version != _VERSION:
        raise JournalUnknown(f"{path.name} has format {version}, this version reads {_VERSION}: start the version that wrote it")
    if first != first_of(path.name):
        raise JournalDamaged(path, 0, f"it begins with position {first}, which its name does not say")
    return SegmentHeader(salt, first, capacity, bool(is_reused))
