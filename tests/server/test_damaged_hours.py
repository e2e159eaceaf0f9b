"""A stored hour that cannot be read costs its own late rows, which are counted as such, and nothing else."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.server.archive.life import START_US, Life, batch, living, until
from tests.server.test_lineage import ROWS, live_a_while

from driftline_core.engine import Span, Totals
from driftline_core.errors import FailedPrecondition
from driftline_core.panes import DAY_US, HOUR_US
from driftline_server.past import Answers, decode_profiles
from driftline_server.store.database import FILE

SECOND_US = START_US + HOUR_US


def spoil(folder: Path, start_us: int) -> bytes:
    """Two other bytes in the counts of an hour; returns what stood there."""
    with closing(sqlite3.connect(folder / FILE)) as connection:
        (profile,) = connection.execute("SELECT profile FROM hours WHERE start_us = ? AND rows", (start_us,)).fetchone()
        write(connection, start_us, profile[:-8] + bytes(byte ^ 0xFF for byte in profile[-8:-6]) + profile[-6:])
    return bytes(profile)


def write(connection: sqlite3.Connection, start_us: int, profile: bytes) -> None:
    with connection:
        connection.execute("UPDATE hours SET profile = ? WHERE start_us = ? AND rows", (profile, start_us))


def totals(life: Life) -> Totals:
    return life.owner.call(lambda engine: engine.totals(life.registry.entry("m").current().uid))


def rows_of(life: Life, start_us: int) -> int:
    answers = Answers(life.owner, life.durability.reader, life.clock)
    span = Span(start_us=start_us, end_us=start_us + HOUR_US)
    return answers.window(life.registry.entry("m").current(), span).profile.rows


def test_late_rows_of_an_hour_that_cannot_be_read_are_told_and_those_of_others_are_counted(tmp_path: Path) -> None:
    clock = live_a_while(tmp_path, archive="off")
    clock.at_us += DAY_US
    with living(tmp_path, clock, archive="off") as life:
        uid = life.registry.entry("m").current().uid
        life.push(life.producer(batch(1).schema, id_=b"n" * 16), batch(ROWS, at_us=clock.at_us))
        life.settle()
        clock.at_us += 2_000_000  # so that time is looked at
        until(lambda: life.owner.call(lambda engine: not engine.state(uid).hours.keys() & {START_US, SECOND_US}))
        kept = spoil(tmp_path, START_US)
        late = batch(2 * ROWS, at_us=SECOND_US - ROWS * 1_000_000)  # half in the one hour, half in the other
        life.push(life.producer(batch(1).schema, id_=b"l" * 16), late)
        assert (totals(life).rows, totals(life).expired_rows) == (5 * ROWS, ROWS)
        assert rows_of(life, SECOND_US) == 2 * ROWS
        with pytest.raises(FailedPrecondition, match=r"the stored hour 20.* of default/default/m:latest is damaged"):
            rows_of(life, START_US)
        life.cover()
    with living(tmp_path, clock, archive="off") as life:
        assert (totals(life).rows, totals(life).expired_rows, rows_of(life, SECOND_US)) == (5 * ROWS, ROWS, 2 * ROWS)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        write(connection, START_US, kept)
    with living(tmp_path, clock, archive="off") as life:
        assert rows_of(life, START_US) == ROWS


def test_every_byte_of_stored_counts_that_is_another_is_noticed(tmp_path: Path) -> None:
    live_a_while(tmp_path, hours=1, archive="off")
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        (profile,) = connection.execute("SELECT profile FROM hours WHERE start_us = ? AND rows", (START_US,)).fetchone()
    decode_profiles(profile)
    for at in range(len(profile)):
        with pytest.raises(ValueError, match=r"checksum|unpacked"):
            decode_profiles(profile[:at] + bytes([profile[at] ^ 0x40]) + profile[at + 1 :])
