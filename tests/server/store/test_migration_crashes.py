"""Wherever a process ends that makes or migrates the database, the file is of one format, and the next start goes on from there."""

import re
import sqlite3
from itertools import count
from pathlib import Path

import pytest
from sqlite_utils import Database, Migrations
from tests.server.store.dying import (
    FRAME_BYTES,
    WAL,
    Dump,
    Files,
    Interrupting,
    Moments,
    dump,
    files,
    files_of_at_most,
    laid,
    torn,
    traced,
)

from driftline_server.store import Store, StoreError
from driftline_server.store.database import FILE
from driftline_server.store.tables import FORMAT, STEPS


def opened(folder: Path) -> None:
    """A life that does nothing but open the database."""
    Store.open(folder).close()


def fails(folder: Path, told: str) -> bool:
    """Whether the database cannot be opened, for this reason."""
    try:
        opened(folder)
    except StoreError as error:
        if not re.search(told, str(error)):
            raise
        return True
    return False


def of_format(folder: Path, steps: int) -> Files:
    """The files of a version that knew the first steps only, in use when it was killed; 0: of none."""
    folder.mkdir()
    if not steps:
        return {}
    db = Database(sqlite3.connect(folder / FILE), execute_plugins=False)
    db.conn.execute("PRAGMA journal_mode = WAL")
    known = Migrations("driftline")
    for step in STEPS[:steps]:
        known(name=step.__name__)(step)
    known.apply(db)
    with db.atomic():
        db.conn.execute("INSERT INTO server (key, value) VALUES ('format', ?), ('version', '0.0.1')", (str(steps),))
        db.conn.execute("INSERT INTO endpoints VALUES (1, 'u', 'a/b/c:d', 'a', 'b', 'c', 'd', 7, NULL, NULL, 1, '{}')")
        db.conn.execute("INSERT INTO hours VALUES (1, 1, 0, 1, 3600000000, 0, 0, NULL, NULL, 0, 5, 9, NULL)")
    left = files(folder)
    db.close()
    return left


def tables(found: Dump) -> set[str]:
    return {name for name, sql in found.items() if str(sql).startswith("CREATE TABLE") and not name.startswith(("_", "sqlite_"))}


def require_whole(folder: Path, kept: dict[str, object]) -> None:
    """A file is of one format: its tables are those of the steps that are recorded, and what was in it is."""
    found = dump(folder)
    db = Database(sqlite3.connect(folder / FILE), execute_plugins=False)
    steps = len(Migrations("driftline").applied(db))
    about = dict(db.conn.execute("SELECT key, value FROM server").fetchall()) if steps else {"format": "0"}
    db.close()
    assert tables(found) == TABLES[steps]
    assert about["format"] == str(steps)
    assert kept.items() <= found.items()


def tables_of(steps: int) -> set[str]:
    db = Database(memory=True, execute_plugins=False)
    for step in STEPS[:steps]:
        step(db)
    names = {name for name in db.table_names() if not name.startswith("sqlite_")}
    db.close()
    return names


TABLES = [tables_of(steps) for steps in range(FORMAT + 1)]
FORMATS = pytest.mark.parametrize("steps", range(FORMAT + 1))


@FORMATS
def test_a_database_that_is_brought_up_is_of_one_format_before_every_statement(tmp_path: Path, steps: int) -> None:
    before = of_format(tmp_path / "before", steps)
    moments = Moments(laid(tmp_path / "live", before))
    with traced(lambda _, statement: moments.take(statement)):
        Store.open(moments.folder).connection.close()
    whole, kept = dump(moments.folder), rows_of(before, tmp_path)
    assert len(moments.left) > 20
    for number, (_, left) in enumerate(moments.left):
        require_whole(laid(tmp_path / f"{number}", left), kept)
        opened(tmp_path / f"{number}")
        assert dump(tmp_path / f"{number}") == whole


@FORMATS
def test_a_loss_of_power_leaves_one_format(tmp_path: Path, steps: int) -> None:
    before = of_format(tmp_path / "before", steps)
    live = Store.open(laid(tmp_path / "live", before))
    left = files(tmp_path / "live")
    live.close()
    whole, kept = dump(tmp_path / "live"), rows_of(before, tmp_path)
    for number, (size, part) in enumerate(torn(left)):
        if size < len(before.get(WAL, b"")):
            continue  # it was synced
        require_whole(laid(tmp_path / f"{number}", part), kept)
        opened(tmp_path / f"{number}")
        assert dump(tmp_path / f"{number}") == whole


@FORMATS
def test_a_statement_that_fails_leaves_one_format_and_the_next_start_goes_on(tmp_path: Path, steps: int) -> None:
    before = of_format(tmp_path / "before", steps)
    opened(laid(tmp_path / "whole", before))
    whole, kept, failures = dump(tmp_path / "whole"), rows_of(before, tmp_path), 0
    for k in count(1):
        folder = laid(tmp_path / f"{k}", before)
        interrupting = Interrupting(k)
        with traced(interrupting):
            failures += fails(folder, "cannot be used: interrupted")
        require_whole(folder, kept)
        opened(folder)
        assert dump(folder) == whole
        if interrupting.seen < k:
            assert failures > 10
            return


@FORMATS
def test_a_disk_that_fails_at_any_page_leaves_one_format_and_the_next_start_goes_on(tmp_path: Path, steps: int) -> None:
    before = of_format(tmp_path / "before", steps)
    live = Store.open(laid(tmp_path / "whole", before))
    frames = len(files(tmp_path / "whole")[WAL]) // FRAME_BYTES
    live.close()
    whole, kept, failures = dump(tmp_path / "whole"), rows_of(before, tmp_path), 0
    for k in range(frames + 2):
        folder = laid(tmp_path / f"{k}", before)
        with files_of_at_most(100 + k * FRAME_BYTES):
            failures += fails(folder, "cannot be used: (disk I/O error|database or disk is full)")
        require_whole(folder, kept)
        opened(folder)
        assert dump(folder) == whole
    assert failures > 0


def rows_of(left: Files, tmp_path: Path) -> dict[str, object]:
    """The rows that a database has, which are to stay."""
    if not left:
        return {}
    return {name: rows for name, rows in dump(laid(tmp_path / "rows", left)).items() if name.startswith("rows of ")}
