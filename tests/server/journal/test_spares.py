"""Files of dropped segments are written over; what stood in them is never read again, and what reads them is never written over."""

from errno import EIO
from pathlib import Path

import pytest
from tests.server.fault_filesystem import Fault, FaultFilesystem, dead_from, healthy
from tests.server.journal.logbook import FOLDER, Kept, Logbook, replay

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import JournalDamaged, JournalSettings, repair
from driftline_server.journal.reading import SegmentReader
from driftline_server.journal.segment import HEADER_BYTES, SPARE_SUFFIX

OLD, NEW = 30, 4  # records before a drop, all of which it covers, and behind it
SIZE = 700


def spares(book: Logbook) -> list[str]:
    return [name for name in book.filesystem.names(book.folder) if name.endswith(SPARE_SUFFIX)]


def fill(book: "Book", count: int, *, letter: bytes = b"o") -> None:
    """Appends records to the journal that is open."""
    journal = book.running
    for number in range(count):
        book.append(journal, b"%03d" % number + letter * SIZE)
    book.until(journal.last)


class Book(Logbook):
    """A logbook that remembers its journal."""

    def begin(self, after: int = 0) -> "Book":
        self.running = self.journal()
        list(self.running.recover(after))
        self.durable = self.running.recovered
        self.running.start(self.deliver)
        return self


@pytest.fixture
def reused() -> Book:
    """As a killed process left it: one segment, in the place of a longer one of the same size."""
    book = Book(FaultFilesystem()).begin()
    fill(book, OLD)
    book.append(book.running, b"x" * 4000)  # a segment of its own, so that the one before it is closed
    book.until(OLD + 1)
    book.running.drop_before(OLD + 1)
    assert spares(book)
    book.append(book.running, b"y" * 4000)
    book.until(OLD + 2)
    fill(book, NEW, letter=b"n")
    book.filesystem.plan = dead_from(1)  # type: ignore[attr-defined]
    book.running.close()
    assert b"o" * 300 in book.filesystem.content(book.running.segments()[-1].path)  # type: ignore[attr-defined]
    book.filesystem.restart()  # type: ignore[attr-defined]
    return book


def owed(book: Book, after: int) -> list[Kept]:
    return [kept for kept in book.appended.values() if kept.position > after]


def test_a_dropped_segment_is_written_over(tmp_path: Path) -> None:
    book = Book(SystemFilesystem(), tmp_path / "journal").begin()
    fill(book, OLD)
    files = {path.stat().st_ino for path in book.folder.iterdir()}
    dropped = book.running.drop_before(OLD)
    assert len(spares(book)) == len(dropped) > 3
    fill(book, OLD - 10)
    assert {segment.path.stat().st_ino for segment in book.running.segments()} <= files
    book.running.close()
    assert replay(book.filesystem, OLD, folder=book.folder) == owed(book, OLD)


def test_segments_whose_removal_a_loss_of_power_could_undo_are_still_the_journal_s() -> None:
    book = Book(FaultFilesystem()).begin()
    fill(book, OLD)
    before = book.running.segments()
    book.filesystem.plan = lambda number, kind: Fault(EIO) if kind == "sync_folder" else None  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(OSError, match="planned"):
            book.running.drop_before(OLD)
        assert book.running.segments() == before
    book.filesystem.plan = healthy  # type: ignore[attr-defined]
    assert book.running.drop_before(OLD) == [segment for segment in before if segment.is_closed]
    assert [segment.is_closed for segment in book.running.segments()] == [False]
    book.running.close()


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    book = Book(SystemFilesystem(), tmp_path / "journal").begin()
    fill(book, OLD)
    first, second, *_ = book.running.segments()
    views = [record for _, record in SegmentReader(first, book.filesystem).records()]
    book.running.drop_before(OLD)
    assert not {first.path.with_suffix(SPARE_SUFFIX), first.path} & set(book.folder.iterdir())
    assert second.path.with_suffix(SPARE_SUFFIX).exists()
    fill(book, OLD, letter=b"n")
    assert [Kept.of(view) for view in views] == list(book.appended.values())[: len(views)]
    del views
    book.running.close()


def test_what_stood_there_before_is_no_tail(reused: Book) -> None:
    journal = reused.journal()
    assert [Kept.of(record) for record in journal.recover(OLD + 1)] == owed(reused, OLD + 1)
    assert journal.torn_bytes == 0


def test_a_torn_frame_in_a_reused_file_is_counted(reused: Book) -> None:
    disk = reused.filesystem
    content = disk.content(FOLDER / disk.names(FOLDER)[-1])  # type: ignore[attr-defined]
    at = content.find(b"%03d" % (NEW - 1) + b"n" * SIZE)
    content[at + SIZE - 1] ^= 1
    journal = reused.journal()
    assert [Kept.of(record) for record in journal.recover(OLD + 1)] == owed(reused, OLD + 1)[:-1]
    assert journal.torn_bytes >= SIZE


def test_every_byte_of_a_reused_file(reused: Book) -> None:
    disk, whole = reused.filesystem, owed(reused, OLD + 1)
    assert isinstance(disk, FaultFilesystem)
    last = [name for name in disk.names(FOLDER) if not name.endswith(SPARE_SUFFIX)][-1]
    unharmed = torn = damaged = 0
    for offset in range(0, len(disk.content(FOLDER / last)), 7):
        other = disk.copy()
        other.content(FOLDER / last)[offset] ^= 1 << offset % 8
        try:
            found = replay(other, OLD + 1)
        except JournalDamaged:
            damaged += 1
            continue
        assert found == whole[: len(found)] and len(found) >= len(whole) - NEW
        unharmed += found == whole
        torn += found != whole
    assert min(unharmed, torn, damaged) > 5


def test_repair_keeps_the_new_frames_of_a_reused_file_that_lost_its_header(reused: Book) -> None:
    disk = reused.filesystem
    assert isinstance(disk, FaultFilesystem)
    last = [name for name in disk.names(FOLDER) if not name.endswith(SPARE_SUFFIX)][-1]
    disk.content(FOLDER / last)[: HEADER_BYTES // 2] = bytes(HEADER_BYTES // 2)
    (loss,) = repair(FOLDER, disk, after=OLD + 1)
    assert not loss.positions
    assert replay(disk, OLD + 1) == owed(reused, OLD + 1)


def test_spares_outlive_a_restart_and_are_bounded() -> None:
    settings = JournalSettings(segment_bytes=4096, spares_max=3)
    book = Book(FaultFilesystem(), settings=settings).begin()
    fill(book, OLD)
    book.running.drop_before(OLD)
    assert len(spares(book)) == 3
    book.running.close()
    book.settings = JournalSettings(segment_bytes=4096, spares_max=2)
    book.begin(OLD)
    assert len(spares(book)) == 2
    fill(book, 1)
    assert len(spares(book)) == 1
    book.running.close()
    book.settings = JournalSettings(segment_bytes=2048, spares_max=2)
    book.begin(OLD + 1)
    assert spares(book) == []  # larger than a segment is now
    book.running.close()


def test_a_spare_that_somebody_removed_is_not_missed() -> None:
    book = Book(FaultFilesystem()).begin()
    fill(book, OLD)
    book.running.drop_before(OLD)
    for name in spares(book):
        book.filesystem.remove(FOLDER / name)
    fill(book, OLD)
    book.running.close()
    assert replay(book.filesystem, OLD) == owed(book, OLD)
