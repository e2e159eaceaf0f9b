"""A repaired journal is one that a start reads: it holds every record that was whole, and the losses are those that were told."""

import random
from pathlib import Path

import pytest
from tests.server.fault_filesystem import FaultFilesystem, dead_from
from tests.server.journal.logbook import FOLDER, Kept, replay
from tests.server.journal.test_damage import filled

from driftline_server.journal import JournalDamaged, repair
from driftline_server.journal.segment import HEADER_BYTES, first_of


def lost_of(losses: list) -> set[int]:
    return {position for loss in losses for first, last in loss.positions for position in range(first, last + 1)}


def frame_of(disk: FaultFilesystem, body: bytes) -> tuple[Path, int]:
    """Where a body lies."""
    for name in disk.names(FOLDER):
        if (offset := disk.content(FOLDER / name).find(body)) >= 0:
            return FOLDER / name, offset
    raise AssertionError("no such body")


@pytest.mark.parametrize("clean", [True, False])
def test_nothing_is_changed_where_nothing_is_damaged(clean: bool) -> None:
    disk, book = filled(clean=clean)
    assert repair(FOLDER, disk) == []
    assert replay(disk) == list(book.appended.values())


@pytest.mark.parametrize("seed", range(60))
def test_what_is_told_is_what_is_lost(seed: int) -> None:
    """Bytes spoiled anywhere, a few or a block of them, a segment gone: the rest is read, in order."""
    rng = random.Random(seed)
    disk, book = filled(clean=rng.random() < 0.5)
    for _ in range(rng.randrange(1, 5)):
        name = rng.choice(disk.names(FOLDER))
        content = disk.content(FOLDER / name)
        if rng.random() < 0.1 and len(disk.names(FOLDER)) > 1:
            disk.remove(FOLDER / name)
            continue
        at, length = rng.randrange(len(content)), rng.choice((1, 8, 600, 4096))
        length = min(length, len(content) - at)
        content[at : at + length] = rng.randbytes(length)
    losses = repair(FOLDER, disk, reached=len(book.appended))
    lost = lost_of(losses)
    assert replay(disk) == [kept for kept in book.appended.values() if kept.position not in lost]
    assert repair(FOLDER, disk, reached=len(book.appended)) == []
    journal = book.journal()
    assert len(list(journal.recover(0))) + journal.missing == len(book.appended) == journal._recovery.last


def test_one_spoiled_record_costs_one_record() -> None:
    disk, book = filled(clean=True)
    path, offset = frame_of(disk, book.appended[12].body)
    disk.content(path)[offset] ^= 1
    damaged = bytes(disk.content(path))
    (loss,) = repair(FOLDER, disk)
    assert (loss.path, loss.positions) == (path, ((12, 12),))
    assert loss.bytes >= len(book.appended[12].body)
    assert loss.set_aside is not None and bytes(disk.content(loss.set_aside)) == damaged


def test_records_without_their_definition_are_lost_and_told() -> None:
    disk, book = filled(clean=True)
    path, offset = frame_of(disk, b"a schema")
    disk.content(path)[offset] ^= 1
    (loss,) = repair(FOLDER, disk)
    following = [first_of(name) or 0 for name in disk.names(FOLDER) if name.endswith(".journal")][1]
    assert lost_of([loss]) == {p for p, kept in book.appended.items() if kept.definition == b"a schema" and p < following}


@pytest.mark.parametrize("spoiled_bytes", [1, HEADER_BYTES])
def test_a_segment_whose_header_is_lost_keeps_its_records(spoiled_bytes: int) -> None:
    disk, book = filled(clean=True)
    for name in disk.names(FOLDER):
        disk.content(FOLDER / name)[:spoiled_bytes] = b"\xff" * spoiled_bytes
    losses = repair(FOLDER, disk)
    assert len(losses) == 4 and lost_of(losses) == set()
    assert replay(disk) == list(book.appended.values())


def test_a_journal_goes_on_behind_what_was_repaired() -> None:
    disk, book = filled(clean=True)
    disk.remove(FOLDER / disk.names(FOLDER)[-1])
    lost = lost_of(repair(FOLDER, disk, reached=len(book.appended)))
    journal = book.journal()
    assert [record.position for record in journal.recover(0)] == [p for p in book.appended if p not in lost]
    journal.start(book.deliver)
    assert journal.append(1, [b"next"], None) == len(book.appended) + 1
    journal.close()


def test_positions_a_checkpoint_covers_are_not_missed() -> None:
    disk, book = filled(clean=True)
    disk.remove(FOLDER / disk.names(FOLDER)[0])
    first = first_of(disk.names(FOLDER)[0]) or 0
    assert repair(FOLDER, disk, after=first - 1) == []
    (loss,) = repair(FOLDER, disk, after=first - 3)
    assert loss.positions == ((first - 2, first - 1),)
    assert replay(disk, after=first - 3) == [kept for kept in book.appended.values() if kept.position >= first]


@pytest.mark.parametrize("power", ["kept", "lost"])
def test_a_repair_may_be_interrupted_at_every_operation(power: str) -> None:
    for k in range(1, 200):
        disk, book = filled(clean=True)
        kept: list[Kept] = []
        spoiled = {3, 12, 30}
        for position, each in book.appended.items():
            if position in spoiled:
                path, offset = frame_of(disk, each.body)
                disk.content(path)[offset + 1] ^= 1
            else:
                kept.append(each)
        disk = disk.copy()
        disk.restart(dead_from(k))
        try:
            repair(FOLDER, disk)
        except OSError:
            is_over = False
        else:
            is_over = True
        disk = disk.restart() if power == "kept" else disk.lose_power(k)
        repair(FOLDER, disk)
        assert replay(disk) == kept
        if is_over:
            return


def test_without_a_repair_a_damaged_journal_stays_as_it_is() -> None:
    disk, book = filled(clean=True)
    path, offset = frame_of(disk, book.appended[30].body)
    disk.content(path)[offset] ^= 1
    before = {name: bytes(disk.content(FOLDER / name)) for name in disk.names(FOLDER)}
    for _ in range(2):
        with pytest.raises(JournalDamaged):
            replay(disk)
    assert {name: bytes(disk.content(FOLDER / name)) for name in disk.names(FOLDER)} == before
