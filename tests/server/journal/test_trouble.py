"""What callers see while the disk is full, after it failed, and where two things meet at a segment's end."""

import resource
import subprocess
import sys
from errno import EIO, ENOSPC
from pathlib import Path

import pytest
from tests.server.fault_filesystem import FaultFilesystem, failing_at
from tests.server.journal.logbook import FOLDER, Logbook, replay

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Definition, Journal, JournalFailed, JournalSettings, JournalStalled, State
from driftline_server.journal.view import SegmentView

FULL = failing_at(1, ENOSPC, count=10**9, kinds={"create", "write", "allocate"})


def stalled() -> tuple[FaultFilesystem, Logbook, Journal]:
    """A journal with one record durable and one that the disk has no room for."""
    disk = FaultFilesystem()
    book = Logbook(disk)
    journal = book.open()
    book.append(journal, b"durable")
    book.until(1)
    disk.plan = FULL
    book.append(journal, b"kept")
    book.until_state(State.STALLED)
    return disk, book, journal


def test_a_full_disk_refuses_and_names_the_delay() -> None:
    _, book, journal = stalled()
    with pytest.raises(JournalStalled, match="planned") as refused:
        journal.append(1, [b"refused"], None)
    assert refused.value.retry_after_s == book.settings.retry_s
    assert (journal.last, journal.durable) == (2, 1)
    journal.close()


def test_room_on_the_disk_is_enough_to_go_on() -> None:
    disk, book, journal = stalled()
    disk.restart()
    book.until(2)
    assert book.append(journal, b"after") == 3
    book.until(3)
    assert book.states == [State.STALLED, State.OPEN]
    journal.close()
    assert replay(disk) == list(book.appended.values())


def test_questions_pass_while_the_disk_is_full() -> None:
    _, book, journal = stalled()
    for question in ("one", "two"):
        journal.pass_through(question)
        book.until_delivered(question)
    assert b"kept" not in book.delivered
    journal.close()


def test_closing_on_a_full_disk_gives_up_what_was_never_acknowledged() -> None:
    disk, book, journal = stalled()
    journal.close()
    assert b"kept" not in book.delivered
    assert [kept.body for kept in replay(disk.restart())][:1] == [b"durable"]
    assert book.durable == 1


@pytest.mark.parametrize("errno", [EIO, ENOSPC])
def test_a_sync_that_failed_is_never_asked_again(errno: int) -> None:
    """A second one would say that all is well, of bytes the first has lost."""
    disk = FaultFilesystem()
    book = Logbook(disk)
    journal = book.open()
    book.append(journal, b"durable")
    book.until(1)
    disk.restart(failing_at(1, errno, count=10**9, kinds={"sync"}))
    book.append(journal, b"lost")
    book.until_state(State.FAILED)
    with pytest.raises(JournalFailed, match="could not be synced"):
        journal.append(1, [b"refused"], None)
    journal.pass_through("question")
    book.until_delivered("question")
    journal.close()
    assert [entry for entry in disk.log if entry.startswith("sync")] == disk.log[-1:]
    assert (journal.state, book.durable) == (State.FAILED, 1)
    assert b"lost" not in book.delivered


def test_a_folder_that_cannot_be_synced_fails_the_journal() -> None:
    disk = FaultFilesystem()
    book = Logbook(disk)
    journal = book.open()
    disk.plan = failing_at(1, ENOSPC, count=10**9, kinds={"sync_folder"})
    book.append(journal, b"lost")
    book.until_state(State.FAILED)
    journal.close()


def test_a_deliverer_that_raises_fails_the_journal() -> None:
    def deliver(items: object, durable: int) -> None:
        raise KeyError("a fault of ours")

    book = Logbook(FaultFilesystem())
    journal = Journal(FOLDER, book.filesystem, book.settings, on_state=book._on_state)
    assert list(journal.recover(0)) == []
    journal.start(deliver)
    journal.append(1, [b"x"], None)
    book.until_state(State.FAILED)
    with pytest.raises(JournalFailed, match="KeyError"):
        journal.append(1, [b"x"], None)
    journal.close()


@pytest.mark.parametrize("size", range(3600, 4000, 4))
def test_a_closed_segment_is_shorter_than_its_room(size: int) -> None:
    """Whatever is left at its end: that is how a closed one is known."""
    disk = FaultFilesystem()
    book = Logbook(disk)
    journal = book.open()
    for body in (b"a" * size, b"b" * 100, b"c" * 2000):
        book.append(journal, body)
        book.until(journal.last)
    journal.close()
    views = [SegmentView.open(FOLDER / name, disk) for name in disk.names(FOLDER)]
    assert all(view.size < view.header.capacity for view in views)
    assert replay(disk) == list(book.appended.values())


def test_a_definition_is_written_once_a_segment() -> None:
    disk = FaultFilesystem()
    book = Logbook(disk, settings=JournalSettings(segment_bytes=1 << 20))
    journal = book.open()
    for _ in range(5):
        book.append(journal, b"body", definition=Definition(3, b"SCHEMA"))
        book.until(journal.last)
    with book.one_group(journal):
        for _ in range(5):
            book.append(journal, b"body", definition=Definition(3, b"SCHEMA"))
    journal.close()
    assert bytes(disk.content(FOLDER / disk.names(FOLDER)[0])).count(b"SCHEMA") == 1


def test_a_group_is_bounded() -> None:
    disk = FaultFilesystem()
    book = Logbook(disk, settings=JournalSettings(segment_bytes=1 << 20, group_bytes_max=1000))
    journal = book.open()
    with book.one_group(journal):
        for _ in range(10):
            book.append(journal, b"x" * 400)
    book.until(10)
    assert sum(entry.startswith("write") for entry in disk.log) == 1 + 5  # a header, two records a group
    journal.close()


@pytest.mark.skipif(sys.platform == "darwin", reason="room is not taken beforehand there")
def test_a_real_limit_of_the_file_size(tmp_path: Path) -> None:
    """Segments larger than the process may make: refused whole, and taken as soon as the limit is lifted."""
    script = Path(__file__).with_name("limited.py")
    ran = subprocess.run([sys.executable, script, tmp_path], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout.split()) == (0, ["stalled", "open", "20"]), ran.stderr
    found = replay(SystemFilesystem(), folder=tmp_path / "journal")
    assert [kept.body for kept in found] == [b"%d" % count for count in range(20)]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
