"""A record that was delivered is replayed: equal, in order, once."""

from pathlib import Path

import numpy as np
import pytest
from tests.server.journal.logbook import Kept, Logbook, replay

from driftline_server.filesystem import SystemFilesystem
from driftline_server.journal import Definition, JournalFailed, JournalSettings, MemoryJournal, State, read_segment


@pytest.fixture
def book(tmp_path: Path) -> Logbook:
    return Logbook(SystemFilesystem(), tmp_path / "journal")


def test_what_was_appended_is_replayed(book: Logbook) -> None:
    schemas = [Definition(1, b"schema one"), Definition(2, b"schema two"), None]
    journal = book.open()
    for count in range(200):
        book.append(journal, bytes([count]) * (count * 7 % 900), kind=1 + count % 3, definition=schemas[count % 3])
    journal.close()
    assert replay(book.filesystem, folder=book.folder) == list(book.appended.values())
    assert (journal.durable, book.durable) == (200, 200)
    assert len(journal.segments()) > 10


def test_positions_go_on_after_a_restart_and_from_a_checkpoint(book: Logbook) -> None:
    journal = book.open()
    assert [book.append(journal, b"a"), book.append(journal, b"b")] == [1, 2]
    journal.close()
    journal = book.open(after=1, before=[book.appended[1]])
    assert book.append(journal, b"c") == 3
    journal.close()
    assert [kept.body for kept in replay(book.filesystem, 1, folder=book.folder)] == [b"b", b"c"]


def test_items_are_delivered_in_order_with_those_that_pass_through(book: Logbook) -> None:
    journal = book.open()
    items = [f"item {count}" for count in range(100)]
    for count, item in enumerate(items):
        if count % 3:
            journal.append(1, [b"x" * 500], item)
        else:
            journal.pass_through(item)
    journal.close()
    assert book.delivered == items


def test_a_record_larger_than_a_segment_has_one_of_its_own(book: Logbook) -> None:
    journal = book.open()
    for size in (10, 100_000, 10):
        book.append(journal, b"y" * size)
    journal.close()
    assert replay(book.filesystem, folder=book.folder) == list(book.appended.values())


def test_a_replayed_body_lies_at_a_multiple_of_8_bytes(book: Logbook) -> None:
    journal = book.open()
    for size in range(1, 20):
        book.append(journal, b"z" * size)
    journal.close()
    for record in book.journal().recover(0):
        assert record.body.readonly
        assert np.frombuffer(record.body, np.uint8).ctypes.data % 8 == 0


def test_only_segments_that_nothing_needs_are_dropped(book: Logbook) -> None:
    journal = book.open()
    for _ in range(50):
        book.append(journal, b"w" * 700)
    book.until(50)
    dropped = journal.drop_before(30)
    assert dropped and all(segment.last < 30 for segment in dropped)
    assert journal.segments()[0].last >= 30 or not journal.segments()[0].is_closed
    journal.close()
    assert [kept.position for kept in replay(book.filesystem, 29, folder=book.folder)] == list(range(30, 51))


def test_segments_are_read_while_the_journal_goes_on(book: Logbook) -> None:
    journal = book.open()
    for _ in range(30):
        book.append(journal, b"v" * 700, definition=Definition(1, b"schema"))
    book.until(30)
    segments = journal.segments()
    book.append(journal, b"later")
    book.until(31)
    assert [segment.is_closed for segment in segments] == [True] * (len(segments) - 1) + [False]
    read = [Kept.of(record) for segment in segments for record in read_segment(segment, book.filesystem)]
    assert read == list(book.appended.values())[:30]
    journal.close()


def test_a_closed_journal_takes_nothing(book: Logbook) -> None:
    journal = book.open()
    journal.close()
    with pytest.raises(JournalFailed, match="closed"):
        journal.append(1, [b"late"], None)
    assert journal.state is State.CLOSED


def test_a_clean_close_of_an_empty_journal_leaves_nothing(book: Logbook) -> None:
    book.open().close()
    assert book.filesystem.names(book.folder) == []


def test_a_memory_journal_delivers_at_once() -> None:
    seen: list[object] = []
    journal = MemoryJournal()
    journal.start(lambda items, durable: seen.append((list(items), durable)))
    assert journal.append(1, [b"bytes"], "a") == 1
    journal.pass_through("b")
    assert seen == [(["a"], 1), (["b"], 1)]
    journal.close()
    with pytest.raises(JournalFailed):
        journal.append(1, [], "c")


def test_settings_have_the_sizes_that_were_measured() -> None:
    assert JournalSettings().segment_bytes == 64 << 20
