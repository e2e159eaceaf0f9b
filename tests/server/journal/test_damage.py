"""A byte that is not what was written is seen: as damage, or as a torn tail where nothing proves that it was durable."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.fault_filesystem import FaultFilesystem, dead_from
from tests.server.journal.logbook import FOLDER, Kept, Logbook, replay
from zlib_ng.zlib_ng import crc32

from driftline_server import checkpoint
from driftline_server.checkpoint import Section
from driftline_server.journal import Body, Definition, JournalDamaged, JournalSettings, JournalUnknown, repair, segment
from driftline_server.journal.segment import segment_path

STRIDE = 1 if os.environ.get("DRIFTLINE_EVERY_BYTE") else 97  # of the bytes, how many are spoiled: all, or one of so many
SCHEMAS = Definition(1, b"a schema"), Definition(2, b"another"), None


def filled(*, clean: bool) -> tuple[FaultFilesystem, Logbook]:
    """A journal of 64 kB in four segments, closed, or as a process left it that was killed."""
    rng = random.Random(7)
    disk = FaultFilesystem()
    book = Logbook(disk, settings=JournalSettings(segment_bytes=16 << 10))
    journal = book.open()
    for count in range(19):
        for _ in range(2):
            book.append(journal, rng.randbytes(rng.randrange(3000)), definition=SCHEMAS[count % 3])
        book.until(journal.last)
    if not clean:
        disk.plan = dead_from(1)
    journal.close()
    disk.restart()
    return disk, book


def spoiled(disk: FaultFilesystem) -> Iterator[tuple[Path, int, FaultFilesystem]]:
    """Disks with one byte changed: each byte of the journal in turn, or some and those of the frames that end a segment."""
    for path in [FOLDER / name for name in disk.names(FOLDER)]:
        content = disk.content(path)
        end = len(content.rstrip(b"\0"))
        for offset in sorted({*range(0, len(content), STRIDE), *range(end - 60, min(end + 8, len(content)))}):
            other = disk.copy()
            other.content(path)[offset] ^= 1 << offset % 8
            yield path, offset, other


def test_every_byte_of_a_closed_journal() -> None:
    disk, _ = filled(clean=True)
    total = sum(len(disk.content(FOLDER / name)) for name in disk.names(FOLDER))
    assert total > 56_000 and len(disk.names(FOLDER)) >= 4
    for path, _, other in spoiled(disk):
        with pytest.raises((JournalDamaged, JournalUnknown), match=path.name):
            replay(other)


def test_every_byte_of_a_journal_whose_process_was_killed() -> None:
    disk, book = filled(clean=False)
    whole = replay(disk.copy())
    assert whole == list(book.appended.values())
    proved = len(whole) - 2  # the last group is in the last segment, and no later frame speaks of it
    seen = {"damage": 0, "torn": 0}
    count = 0
    for path, offset, other in spoiled(disk):
        count += 1
        journal = Logbook(other).journal()
        try:
            found = [Kept.of(record) for record in journal.recover(0)]
        except JournalDamaged as damage:
            seen["damage"] += (damage.path == path) and damage.offset <= offset
            continue
        assert journal.torn_bytes > 0
        assert proved <= len(found) and found == whole[: len(found)]
        seen["torn"] += 1
    assert sum(seen.values()) == count and min(seen.values()) > 10


def test_a_torn_tail_is_damage_where_a_checkpoint_covers_it() -> None:
    disk, book = filled(clean=False)
    last = disk.names(FOLDER)[-1]
    content = disk.content(FOLDER / last)
    content[len(content.rstrip(b"\0")) - 1] ^= 1
    with pytest.raises(JournalDamaged, match="was durable"):
        replay(disk.copy(), reached=len(book.appended))
    assert len(replay(disk)) == len(book.appended) - 1


@pytest.mark.parametrize("bytes_more", [1, 8, 5000])
def test_what_somebody_else_wrote_behind_the_room_of_a_segment_is_cut_off(bytes_more: int) -> None:
    disk, book = filled(clean=False)
    disk.content(FOLDER / disk.names(FOLDER)[-1]).extend(random.Random(bytes_more).randbytes(bytes_more))
    assert replay(disk) == list(book.appended.values())
    assert replay(disk) == list(book.appended.values())
    assert repair(FOLDER, disk) == []


def test_damage_names_the_file_the_place_and_the_remedy() -> None:
    disk, _ = filled(clean=True)
    name = disk.names(FOLDER)[1]
    disk.content(FOLDER / name)[5000] ^= 1
    with pytest.raises(JournalDamaged, match=rf"{name}, byte \d+: .*`driftline repair --data /data`"):
        replay(disk)


def test_frames_in_another_order_are_damage() -> None:
    """Each whole, but one written in the place of another."""
    disk = FaultFilesystem()
    book = Logbook(disk)
    journal = book.open()
    for body in (b"a" * 80, b"b" * 80, b"c" * 80):
        book.append(journal, body)
    journal.close()
    content = disk.content(segment_path(FOLDER, 1))
    start, size = content.find(b"a" * 80) - 40, 120
    content[start : start + size], content[start + size : start + 2 * size] = (
        content[start + size : start + 2 * size],
        content[start : start + size],
    )
    with pytest.raises(JournalDamaged, match="position 2 stands where 1 should"):
        replay(disk)


def test_a_missing_segment_is_damage() -> None:
    disk, _ = filled(clean=True)
    disk.remove(FOLDER / disk.names(FOLDER)[1])
    with pytest.raises(JournalDamaged, match=r"positions \d+ to \d+, which come before it, are missing"):
        replay(disk)


def test_a_journal_that_ends_too_early_is_damage() -> None:
    disk, book = filled(clean=True)
    disk.remove(FOLDER / disk.names(FOLDER)[-1])
    assert replay(disk.copy(), after=len(book.appended)) == []
    with pytest.raises(JournalDamaged, match="to which it had come"):
        replay(disk, reached=len(book.appended))


def test_an_earlier_segment_that_was_never_cut_ends_where_it_was_closed() -> None:
    """A power lost just after a segment was closed may leave it as long as its room."""
    disk, book = filled(clean=True)
    content = disk.content(FOLDER / disk.names(FOLDER)[1])
    end = len(content)
    content.extend(bytes((16 << 10) - end))
    assert replay(disk.copy()) == list(book.appended.values())
    content[end - 1] ^= 1
    with pytest.raises(JournalDamaged):
        replay(disk)


def test_a_segment_of_a_later_version_is_not_touched() -> None:
    disk, _ = filled(clean=True)
    path = FOLDER / disk.names(FOLDER)[0]
    content = disk.content(path)
    plain = segment._PLAIN.pack(b"DRIFTJNL", 2, 7, 1, 16 << 10, 0)
    content[: len(plain) + 4] = plain + crc32(plain).to_bytes(4, "little")
    with pytest.raises(JournalUnknown, match="format 2"):
        replay(disk)
    with pytest.raises(JournalUnknown, match="format 2"):
        repair(FOLDER, disk)


@pytest.mark.parametrize("salt", [0, 1, 0xDEADBEEF])
def test_a_body_that_looks_like_frames_is_a_body(salt: int) -> None:
    """A torn record, its bytes chosen by a stranger to prove that they were durable, is torn and no damage."""
    disk = FaultFilesystem()
    book = Logbook(disk)
    journal = book.open()
    book.append(journal, b"first")
    book.until(1)
    written = len(disk.content(segment_path(FOLDER, 1)).rstrip(b"\0")) + 3  # with its padding
    forged = b"".join(b"".join(Body.of(1, [b"forged"]).frame(position=n, synced=n - 1, salt=salt)) for n in range(2, 20))
    book.append(journal, forged)
    book.until(2)
    disk.plan = dead_from(1)
    journal.close()
    disk.content(segment_path(FOLDER, 1))[written + 20] ^= 1  # the header of the frame around them
    assert [kept.body for kept in replay(disk.restart())] == [b"first"]


def test_every_byte_of_a_checkpoint() -> None:
    rng = random.Random(1)
    folder, disk = Path("/data/checkpoints"), FaultFilesystem()
    checkpoint.write(folder, disk, 5, [Section("a", 5, b"older")])
    sections = [Section(name, 9, rng.randbytes(size)) for name, size in (("a", 50_000), ("größe", 0), ("b", 13_001), ("c", 7))]
    size = checkpoint.write(folder, disk, 9, sections)
    assert size > 63_000
    for offset in range(0, size, STRIDE):
        other = disk.copy()
        other.content(folder / f"{9:020d}.checkpoint")[offset] ^= 1 << offset % 8
        loaded = checkpoint.load(folder, other)
        assert loaded is not None and (loaded.position, loaded.reached) == (5, 9)
        assert "damaged" in loaded.fallback_reason


@pytest.mark.parametrize("size", range(0, 400, 7))
def test_a_checkpoint_cut_short(size: int) -> None:
    folder, disk = Path("/data/checkpoints"), FaultFilesystem()
    checkpoint.write(folder, disk, 5, [Section("a", 5, b"older")])
    written = checkpoint.write(folder, disk, 9, [Section("a", 9, b"x" * 300)])
    del disk.content(folder / f"{9:020d}.checkpoint")[min(size, written - 1) :]
    loaded = checkpoint.load(folder, disk)
    assert loaded is not None and loaded.position == 5
