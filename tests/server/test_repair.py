"""driftline repair: what a start refuses is readable again, and what is dropped is said in words and as JSON."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.server.archive.life import batch, living, until

from driftline_core.errors import FailedPrecondition
from driftline_server.repair import repair
from driftline_server.store.database import FILE
from driftline_server.store.folder import lock_folder

COMMAND = [sys.executable, "-c", "from driftline_server.commands import serve; serve()"]


def repaired(folder: Path, *args: str) -> Result:
    return CliRunner().invoke(repair, ["--data", str(folder), *args])


def spoiled(folder: Path) -> Path:
    """What a server leaves that is killed, a byte of its journal other than what was written; returns the segment."""
    with living(folder / "alive", journal_segment_bytes=1_000_000, checkpoint_seconds=3_600) as life:
        life.create()
        handle = life.producer(batch(1).schema)
        for number in range(12):
            life.push(handle, batch(50, first=50 * number))
            life.settle()  # so that each proves the one before to have been durable
        (segment,) = life.durability.folder.journal.segments()
        shutil.copytree(life.folder, folder / "dead")
    path = folder / "dead" / "journal" / segment.path.name
    with path.open("r+b") as file:
        file.seek(segment.bytes * 3 // 4)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0xFF]))
    return path


def test_a_damaged_journal_is_repaired_and_what_is_dropped_is_said(tmp_path: Path) -> None:
    spoiled(tmp_path)
    dead = tmp_path / "dead"
    refused = subprocess.run(
        [*COMMAND, "--listen", "127.0.0.1:0", "--data", str(dead)], capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 2
    assert f"driftline repair --data {dead}" in refused.stderr
    done = repaired(dead)
    assert done.exit_code == 0, done.output
    assert "1 records dropped" in done.output
    assert "the damaged file is" in done.output
    assert repaired(dead).output == "the journal is whole: nothing was changed\n"
    with living(dead) as life:
        assert life.owner.call(lambda engine: engine.totals(life.registry.entry("m").current().uid)).rows == 550


def test_a_segment_whose_end_is_missing_may_have_held_more(tmp_path: Path) -> None:
    segment = spoiled(tmp_path)
    os.truncate(segment, segment.stat().st_size // 2)
    done = repaired(tmp_path / "dead")
    assert done.exit_code == 0, done.output
    assert "the end of the file is missing, and records that stood there are lost too" in done.output
    assert "rows of what was dropped are counted no more" in done.output


def test_it_is_told_as_json_too(tmp_path: Path) -> None:
    segment = spoiled(tmp_path)
    (lost,) = json.loads(repaired(tmp_path / "dead", "--json").output)["lost"]
    assert (lost["segment"], len(lost["positions"])) == (segment.name, 1)
    assert lost["bytes"] > 0
    assert json.loads(repaired(tmp_path / "dead", "--json").output)["lost"] == []


def test_a_folder_that_is_not_there_or_in_use_is_left_alone(tmp_path: Path) -> None:
    missing = repaired(tmp_path / "nothing")
    assert (missing.exit_code, (tmp_path / "nothing").exists()) == (2, False)
    lock = lock_folder(tmp_path)
    used = repaired(tmp_path)
    lock.release()
    assert used.exit_code == 2
    assert "in use by another driftline server" in used.output


def test_nothing_is_written_to_a_database_that_was_taken_away_and_all_of_it_is_when_it_is_back(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        life.create()
        writer, path = life.durability.writer, tmp_path / FILE
        until(lambda: len(life.durability.reader.uids()) == 1)
        path.rename(tmp_path / "away")
        shutil.copyfile(tmp_path / "away", path)  # another file of that name is no better
        life.create("n")
        until(lambda: writer.trouble is not None)
        assert "was removed or replaced while the server ran: put that very file back" in str(writer.trouble)
        assert len(life.durability.reader.uids()) == 1
        (tmp_path / "away").rename(path)
        until(lambda: len(life.durability.reader.uids()) == 2)


def test_a_damaged_database_is_told_by_the_questions_it_cannot_answer_and_by_repair(tmp_path: Path) -> None:
    with living(tmp_path) as life:
        life.create()
    path = tmp_path / FILE
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")  # nothing of it stands elsewhere
        pages = connection.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = 'hours' AND rootpage").fetchall()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        for (page,) in pages:
            file.seek((page - 1) * page_bytes)
            file.write(b"\xff" * page_bytes)
    with living(tmp_path) as life, pytest.raises(FailedPrecondition, match=f"{FILE} is damaged on its disk: stop the server"):
        life.durability.reader.history(life.registry.entry("m").current().uid, "drift", None, since_us=0, until_us=2**60)
    done = repaired(tmp_path)
    assert (done.exit_code, f"its {FILE} is damaged" in done.output, "of one copy" in done.output) == (2, True, True), done.output
