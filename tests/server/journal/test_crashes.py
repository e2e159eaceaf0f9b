"""Wherever a process ends, the next finds what was durable: equal, in order, once; and nothing else than what was appended."""

import contextlib
import os
import random
from errno import EDQUOT, EFBIG, EIO, ENOSPC
from itertools import count

import pytest
from tests.server.fault_filesystem import FaultFilesystem, dead_from, failing_at
from tests.server.journal.life import SCRIPT, Life, found_by_next
from tests.server.journal.logbook import Logbook, replay

from driftline_server.journal import State

SEEDS = int(os.environ.get("DRIFTLINE_CRASH_SEEDS", "200"))
ACTS = ("one", "group", "group", "large", "checkpoint", "drop")


@pytest.mark.parametrize("power", ["kept", "lost"])
@pytest.mark.parametrize("lives_before", [0, 1])
def test_a_crash_at_every_operation(lives_before: int, power: str) -> None:
    """Of a first life, and of one that begins with what a former left, whose recovery is interrupted too."""
    for k in count(1):
        disk = FaultFilesystem()
        book = Logbook(disk)
        for _ in range(lives_before):
            Life(book, seed=1).run(SCRIPT[:7])
        disk.restart(dead_from(k, taken=k * 0.37 % 1))
        complete = Life(book, seed=2).run(SCRIPT)
        found_by_next(book, disk.restart() if power == "kept" else disk.lose_power(seed=k))
        if complete:
            assert k > 100
            return


@pytest.mark.parametrize("ended_at", [40, 52, 61])
def test_crash_upon_crash(ended_at: int) -> None:
    """The recovery of a crash crashes too, at every operation of it."""
    left = FaultFilesystem(dead_from(ended_at))
    book = Logbook(left)
    assert not Life(book, seed=3).run(SCRIPT)
    book.end_life()
    for k in count(1):
        disk = left.lose_power(seed=k)
        disk.restart(dead_from(k))
        again = Logbook(disk, ever=book.ever, owed=dict(book.owed))
        complete = Life(again, seed=4).run(())
        for seed in range(6):
            found_by_next(Logbook(FaultFilesystem(), ever=again.ever, owed=dict(again.owed)), disk.lose_power(seed))
        if complete:
            return


def test_a_recovery_that_loses_power_at_every_operation() -> None:
    """While it seals what a killed process left, the last group unsynced: the next finds all that had been durable."""
    disk = FaultFilesystem()
    book = Logbook(disk)
    journal = book.open()
    book.append(journal, b"durable" * 50)
    book.until(1)
    disk.plan = failing_at(1, EIO, count=10**9, kinds={"sync"})
    book.append(journal, b"written" * 50)
    journal.close()
    for k in count(1):
        complete = False
        for seed in range(60):
            left = disk.restart(dead_from(k)).lose_power(seed)
            left.restart(dead_from(k))
            with contextlib.suppress(OSError):
                complete = len(replay(left)) > 0
            assert replay(left.lose_power(seed + 1))[:1] == [book.appended[1]]
        if complete:
            return


@pytest.mark.parametrize("seed", range(SEEDS))
def test_loss_of_power(seed: int) -> None:
    """Three lives of a random script, each ended by a loss of power at a random operation, or closed before it."""
    rng = random.Random(seed)
    disk = FaultFilesystem()
    book = Logbook(disk)
    for life in range(3):
        disk.restart(dead_from(rng.randrange(1, 160), taken=rng.random()))
        Life(book, seed=rng.randrange(1 << 30)).run(rng.choices(ACTS, k=rng.randrange(1, 14)))
        disk = book.filesystem = disk.lose_power(seed * 3 + life)
    found_by_next(book, disk)


@pytest.mark.parametrize("power", ["kept", "lost"])
def test_an_error_of_the_disk_at_every_operation(power: str) -> None:
    """It ends the journal's life where it struck the journal; whatever was acknowledged is found."""
    for k in count(1):
        disk = FaultFilesystem(failing_at(k, EIO, taken=k * 0.37 % 1))
        book = Logbook(disk)
        complete = Life(book, seed=5).run(SCRIPT)
        is_over = len(disk.log) < k
        found_by_next(book, disk.restart() if power == "kept" else disk.lose_power(seed=k))
        if is_over:
            assert complete
            return


@pytest.mark.parametrize("errno", [ENOSPC, EDQUOT, EFBIG])
def test_a_full_disk_at_every_operation(errno: int) -> None:
    """For one operation or some: nothing is lost, and the journal goes on by itself."""
    for k in count(1):
        disk = FaultFilesystem(failing_at(k, errno, taken=k * 0.37 % 1, count=1 + k % 4, kinds={"create", "write", "allocate"}))
        book = Logbook(disk)
        complete = Life(book, seed=6).run(SCRIPT)
        assert complete
        assert State.FAILED not in book.states
        is_over = len(disk.log) < k
        found_by_next(book, disk.lose_power(seed=k))
        if is_over:
            return


def test_a_short_write_at_every_operation() -> None:
    for k in count(1):
        disk = FaultFilesystem(failing_at(k, None, taken=k * 0.37 % 1, count=3, kinds={"write"}))
        book = Logbook(disk)
        assert Life(book, seed=7).run(SCRIPT)
        is_over = len(disk.log) < k
        found_by_next(book, disk.lose_power(seed=k))
        if is_over:
            return
