"""Checkpoints: named sections of bytes that stand for a journal up to a position, written whole or not at all; two are kept.

magic 8s | version u32 | 0 u32 | position u64 | crc u32 | 0 u32                                the head
length u64 | position u64 | name length u32 | crc of body u32 | crc u32 | 0 u32 | name | body  a section; each padded to 8 bytes
magic 8s | count u32 | crc of all section headers u32 | bytes of the file u64 | crc u32 | 0 u32  the tail
"""

import contextlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zlib_ng.zlib_ng import crc32

from driftline_server.filesystem import Buffer, File, Filesystem, Mapped, write_all

SUFFIX = ".checkpoint"
_NEW_SUFFIX = ".new"
_DAMAGED_SUFFIX = ".damaged"
_KEPT = 2
_SYNC_BYTES = 4 << 20  # between two syncs, so that the journal's own never wait behind all of a checkpoint

_MAGIC, _TAIL_MAGIC, _VERSION = b"DRIFTCKP", b"CKPTTAIL", 1
_HEAD = struct.Struct("<8sIIQ")
_SECTION = struct.Struct("<QQII")
_TAIL = struct.Struct("<8sIIQ")
_CRC = struct.Struct("<II")


class CheckpointUnknown(Exception):
    """A checkpoint was written by another version, in a format this one does not read."""


@dataclass(frozen=True, slots=True)
class Section:
    """A named part of a checkpoint, with a position of its own."""

    name: str
    position: int
    body: Buffer


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as it was written; bodies are views of the mapped file, from multiples of 8 bytes."""

    position: int
    sections: tuple[Section, ...]
    reached: int  # the position of the newest one, whether it holds or not: the journal had come so far
    fallback_reason: str  # why this is not the newest; empty where it is


def write(folder: Path, filesystem: Filesystem, position: int, sections: Iterable[Section]) -> int:
    """Writes a checkpoint and removes those before the last two; returns its bytes.

    Sections are taken one by one, so they may be made as they are asked for. Raises OSError: the older checkpoints stand then.
    """
    filesystem.make_folder(folder)
    path = folder / f"{position:020d}{SUFFIX}"
    new = path.with_suffix(_NEW_SUFFIX)
    file = filesystem.create(new)
    try:
        with contextlib.closing(file):
            size = _write(file, position, sections)
        filesystem.rename(new, path)
    except BaseException:
        with contextlib.suppress(OSError):
            filesystem.remove(new)
        raise
    filesystem.sync_folder(folder)
    _tidy(folder, filesystem)
    return size


def load(folder: Path, filesystem: Filesystem) -> Checkpoint | None:
    """The newest checkpoint that holds. One that does not is set aside (renamed) and named in fallback_reason.

    None where there is none; an empty one of position 0 where none holds. Raises CheckpointUnknown, OSError.
    """
    reached = max(_positions(folder, filesystem, SUFFIX) + _positions(folder, filesystem, _DAMAGED_SUFFIX), default=0)
    reasons = []
    for position in positions(folder, filesystem):
        path = folder / f"{position:020d}{SUFFIX}"
        try:
            sections = tuple(_read(filesystem.map(path), position))
        except _Damaged as error:
            reasons.append(f"{path.name} is damaged: {error}")
            filesystem.rename(path, path.with_suffix(_DAMAGED_SUFFIX))
            continue
        return Checkpoint(position, sections, reached, "; ".join(reasons))
    return Checkpoint(0, (), reached, "; ".join(reasons) or "all of them are damaged") if reached else None


def positions(folder: Path, filesystem: Filesystem) -> list[int]:
    """The positions of the checkpoints kept, the newest first."""
    return _positions(folder, filesystem, SUFFIX)


def oldest_position(folder: Path, filesystem: Filesystem) -> int:
    """The position up to which the journal is not needed: that of the older checkpoint; 0 while there are not two."""
    kept = positions(folder, filesystem)
    return kept[_KEPT - 1] if len(kept) >= _KEPT else 0


def _write(file: File, position: int, sections: Iterable[Section]) -> int:
    headers_crc = count = synced = 0
    end = write_all(file, [_checked(_HEAD.pack(_MAGIC, _VERSION, 0, position))], 0)
    for section in sections:
        name = section.name.encode()
        body = memoryview(section.body).cast("B")
        header = _checked(_SECTION.pack(len(body), section.position, len(name), crc32(body)), name)
        headers_crc = crc32(header, headers_crc)
        count += 1
        for start in range(0, max(len(body), 1), _SYNC_BYTES):
            chunk = body[start : start + _SYNC_BYTES]
            end = write_all(file, [header, chunk] if start == 0 else [chunk], end)
            if end - synced >= _SYNC_BYTES:
                file.sync()
                synced = end
        end = write_all(file, [bytes(-len(body) % 8)], end) if len(body) % 8 else end
    size = end + _TAIL.size + _CRC.size
    write_all(file, [_checked(_TAIL.pack(_TAIL_MAGIC, count, headers_crc, size))], end)
    file.sync()
    return size


def _checked(plain: bytes, name: bytes = b"") -> bytes:
    """Bytes with their checksum behind them; a name, padded to 8 bytes, is covered too."""
    padded = name + bytes(-len(name) % 8)
    return plain + _CRC.pack(crc32(padded, crc32(plain)), 0) + padded


def _tidy(folder: Path, filesystem: Filesystem) -> None:
    """Removes what no start will need: all but the last two, and what is damaged or half-written once there are two."""
    kept = positions(folder, filesystem)
    for old in kept[_KEPT:]:
        filesystem.remove(folder / f"{old:020d}{SUFFIX}")
    if len(kept) >= _KEPT:
        for suffix in (_DAMAGED_SUFFIX, _NEW_SUFFIX):
            for position in _positions(folder, filesystem, suffix):
                filesystem.remove(folder / f"{position:020d}{suffix}")


def _positions(folder: Path, filesystem: Filesystem, suffix: str) -> list[int]:
    names = [name.removesuffix(suffix) for name in filesystem.names(folder) if name.endswith(suffix)]
    return sorted((int(stem) for stem in names if len(stem) == 20 and stem.isdecimal()), reverse=True)


class _Damaged(Exception):
    """The file is not what was written."""


def _read(mapped: Mapped, position: int) -> Iterator[Section]:
    """The sections, all checksums verified; ends only where the whole file does."""
    data = memoryview(mapped)
    end = len(data) - _TAIL.size - _CRC.size
    if end < _HEAD.size + _CRC.size:
        raise _Damaged(f"it has {len(data)} bytes only")
    (magic, version, _, head_position), at = _checked_at(data, 0, _HEAD)
    if magic != _MAGIC or head_position != position:
        raise _Damaged("its head is not that of this checkpoint")
    if version != _VERSION:
        raise CheckpointUnknown(
            f"a checkpoint has format {version}, this version reads {_VERSION}: start the version that wrote it"
        )
    (magic, count, headers_crc, size), _ = _checked_at(data, end, _TAIL)
    if magic != _TAIL_MAGIC or size != len(data):
        raise _Damaged("its end is missing")
    crc = found = 0
    while at < end:
        section, header, at = _section_at(data, at, end)
        crc = crc32(header, crc)
        found += 1
        yield section
    if (found, crc) != (count, headers_crc):
        raise _Damaged(f"it has {found} sections where {count} were written")


def _section_at(data: memoryview, at: int, end: int) -> tuple[Section, memoryview, int]:
    """A section, its header's bytes, and where the next begins."""
    length, position, name_length, body_crc = _SECTION.unpack_from(data, at)
    name_at = at + _SECTION.size + _CRC.size
    body_at = name_at + name_length + -name_length % 8
    stop = body_at + length
    if stop + -length % 8 > end:
        raise _Damaged(f"the section at byte {at} ends behind the file")
    _checked_at(data, at, _SECTION, name_bytes=body_at - name_at)
    body = data[body_at:stop]
    if crc32(body) != body_crc or any(data[stop : stop + -length % 8]):
        raise _Damaged(f"the section at byte {at} is not what was written")
    name = bytes(data[name_at : name_at + name_length]).decode()
    return Section(name, position, body), data[at:body_at], stop + -length % 8


def _checked_at(data: memoryview, at: int, form: struct.Struct, *, name_bytes: int = 0) -> tuple[tuple[Any, ...], int]:
    """What stands at an offset, where its checksum holds, and what follows it."""
    crc_at = at + form.size
    name_at = crc_at + _CRC.size
    crc, zero = _CRC.unpack_from(data, crc_at)
    if crc32(data[name_at : name_at + name_bytes], crc32(data[at:crc_at])) != crc or zero:
        raise _Damaged(f"the header at byte {at} is not what was written")
    return form.unpack_from(data, at), name_at
