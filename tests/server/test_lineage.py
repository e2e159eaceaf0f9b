"""A data folder of which a part is missing, or comes from another copy, is refused; and nothing is taken from what is left."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.server.archive.life import REFERENCE, START_US, Life, Standing, batch, living, until
from tests.server.inside import stored_hours

from driftline_core.engine import Span
from driftline_core.panes import DAY_US, HOUR_US, MINUTE_US
from driftline_server.config import ConfigError
from driftline_server.lineage import CHECKPOINTS, JOURNAL
from driftline_server.past import Answers
from driftline_server.repair import repair
from driftline_server.store.database import FILE
from driftline_server.store.standing import standing_of

ROWS = 100
FIRST_HOURS = Span(start_us=START_US, end_us=START_US + 3 * HOUR_US)


def live_a_while(folder: Path, *, hours: int = 3, **settings: object) -> Standing:
    """An endpoint, rows in each of some hours that are stored when it ends, and another endpoint that was deleted."""
    clock = Standing()
    with living(folder, clock, **settings) as life:
        life.create("gone")
        life.create()
        handle = life.producer(batch(1).schema)
        clock.at_us = START_US + (hours + 1) * HOUR_US
        for hour in range(hours):
            life.push(handle, batch(ROWS, at_us=START_US + hour * HOUR_US))
        life.settle()
        clock.at_us += MINUTE_US
        life.registry.delete("gone")
        until(lambda: len(stored_hours(folder)) >= hours)
        life.cover()
    return clock


def counted(life: Life) -> int:
    return life.owner.call(lambda engine: engine.totals(life.registry.entry("m").current().uid)).rows


def start_anew(folder: Path, clock: Standing, **settings: object) -> int:
    """Rows that are counted after another start."""
    with living(folder, clock, **settings) as life:
        return counted(life)


def refused(folder: Path, clock: Standing, **settings: object) -> str:
    """Why the folder is not served; nothing in its database has changed by being asked."""
    before = dump(folder)
    with pytest.raises(ConfigError) as told, living(folder, clock, **settings):
        pass
    assert dump(folder) == before
    return str(told.value)


def dump(folder: Path) -> list[tuple[object, ...]]:
    if not (folder / FILE).exists():
        return []
    with closing(sqlite3.connect(folder / FILE)) as connection:
        hours = connection.execute("SELECT endpoint_id, start_us, revision, rows FROM hours ORDER BY 1, 2, 3").fetchall()
        return [*hours, *connection.execute("SELECT uid, deleted_us FROM endpoints ORDER BY id").fetchall()]


def without(*names: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def emptied(folder: Path) -> None:
    for path in (folder / JOURNAL).iterdir():
        path.unlink()


def no_segments(folder: Path) -> None:
    for path in (folder / JOURNAL).glob("*.journal"):
        path.unlink()


def spoil_checkpoints(folder: Path) -> None:
    for path in (folder / CHECKPOINTS).glob("*.checkpoint"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


LEFT = {
    "the database alone": (without(JOURNAL, CHECKPOINTS), "its journal is missing"),
    "no journal": (without(JOURNAL), "its journal is missing"),
    "an empty journal": (emptied, "its journal is missing"),
    "no database": (without(FILE), "its driftline.sqlite is missing"),
    "no database, no checkpoints": (without(FILE, CHECKPOINTS), "its driftline.sqlite is missing"),
    "no checkpoints": (without(CHECKPOINTS), "its checkpoints are missing or damaged"),
    "damaged checkpoints": (lambda folder: spoil_checkpoints(folder), "its checkpoints are missing or damaged"),
    "neither checkpoints nor segments": (
        lambda folder: (without(CHECKPOINTS)(folder), no_segments(folder)),
        "its checkpoints are missing or damaged",
    ),
}


@pytest.mark.parametrize(("spoil", "told"), LEFT.values(), ids=LEFT.keys())
def test_a_part_that_is_missing_is_told_and_nothing_is_taken_from_the_rest(
    tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "copy"
    clock = live_a_while(whole, archive="off")
    with living(whole, clock, checkpoint_seconds=3_600, archive="off") as life:  # rows that no checkpoint holds
        life.push(life.producer(batch(1).schema, id_=b"q" * 16), batch(ROWS, at_us=clock.at_us))
        life.settle()
        shutil.copytree(whole, folder)
    spoil(folder)
    for _ in range(2):  # what the first start left behind changes nothing
        assert re.search(told, refused(folder, clock))
    if "driftline.sqlite" not in told:
        mended = CliRunner().invoke(repair, ["--data", str(folder)])
        assert (mended.exit_code, bool(re.search(told, mended.output))) == (2, True)  # it could not help
        assert CliRunner().invoke(repair, ["--data", str(folder), "--from-database"]).exit_code == 0
        assert start_anew(folder, clock) == 3 * ROWS
    else:
        assert not (folder / FILE).exists()


@pytest.mark.parametrize("content", [b"", None], ids=["no byte", "what was there before the -wal"])
def test_a_database_that_holds_nothing_any_more_is_told(tmp_path: Path, content: bytes | None) -> None:
    clock = live_a_while(tmp_path)
    new = sqlite3.connect(tmp_path / "new.sqlite")
    new.execute("PRAGMA user_version = 1")
    new.close()
    (tmp_path / FILE).write_bytes((tmp_path / "new.sqlite").read_bytes() if content is None else content)
    for _ in range(2):
        with (
            pytest.raises(ConfigError, match="holds nothing any more: it, or the -wal beside it"),
            living(tmp_path, clock),
        ):
            pass


def test_a_young_folder_without_its_journal_s_file_is_told(tmp_path: Path) -> None:
    with living(tmp_path / "life", checkpoint_seconds=3_600) as life:
        life.create()
        life.push(life.producer(batch(1).schema), batch(ROWS))
        life.settle()
        until(lambda: standing_of(tmp_path / "life" / FILE).position > 0)
        shutil.copytree(tmp_path / "life", tmp_path / "dead")
    no_segments(tmp_path / "dead")
    assert "its checkpoints are missing or damaged, and its journal does not reach back" in refused(tmp_path / "dead", Standing())


def test_what_the_database_holds_stays_where_a_repair_had_to_drop_an_endpoint_s_creation(tmp_path: Path) -> None:
    clock, folder = Standing(), tmp_path / "dead"
    with living(tmp_path / "life", clock, checkpoint_seconds=3_600) as life:
        uid = life.create()
        handle = life.producer(batch(1).schema)
        for number in range(8):
            life.push(handle, batch(ROWS, first=number * ROWS))
            life.settle()
        until(lambda: any((tmp_path / "life").rglob("*.parquet")) and uid in {each for each, *_ in uids(tmp_path / "life")})
        shutil.copytree(tmp_path / "life", folder, ignore=shutil.ignore_patterns("*.new"))  # which may be gone meanwhile
    first = folder / JOURNAL / "00000000000000000001.journal"
    content = bytearray(first.read_bytes())
    content[200] ^= 1  # in the record that created the endpoint
    first.write_bytes(content)
    assert "`driftline repair" in refused(folder, clock)
    done = CliRunner().invoke(repair, ["--data", str(folder)])
    assert (done.exit_code, "positions 1)" in done.output) == (0, True), done.output
    archived = sorted(path for path in (folder / "archive").rglob("*.parquet"))
    with living(folder, clock) as life:
        assert uid not in life.registry.by_uid()
        life.create("other")  # another job of the archive's thread, and of the store's
        until(lambda: len(uids(folder)) == 2)
    assert [deleted for each, _, deleted in uids(folder) if each == uid] == [None]
    assert sorted((folder / "archive").rglob("*.parquet")) == archived != []


def test_an_older_copy_of_the_database_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    clock = live_a_while(folder)
    shutil.copy(folder / FILE, tmp_path / FILE)
    with living(folder, clock) as life:
        life.push(life.producer(batch(1).schema, id_=b"q" * 16), batch(ROWS, at_us=clock.at_us))
        life.settle()
        clock.at_us += 2 * HOUR_US
        until(lambda: len(stored_hours(folder)) > 4)
        life.cover()
    newer = folder / FILE
    newer.rename(tmp_path / "newer")
    shutil.copy(tmp_path / FILE, newer)
    assert "its driftline.sqlite is older than its checkpoints" in refused(folder, clock)
    (tmp_path / "newer").replace(newer)
    assert start_anew(folder, clock) == 4 * ROWS


@pytest.mark.parametrize(
    ("part", "told"), [(JOURNAL, "journal is that of another"), (CHECKPOINTS, "checkpoints are those of another")]
)
def test_a_part_of_another_folder_is_told(tmp_path: Path, part: str, told: str) -> None:
    clock = live_a_while(tmp_path / "one")
    live_a_while(tmp_path / "other")
    (tmp_path / "one" / part).rename(tmp_path / "put away")
    shutil.copytree(tmp_path / "other" / part, tmp_path / "one" / part)
    assert told in refused(tmp_path / "one", clock)


def test_what_was_refused_is_served_again_with_its_parts(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    clock = live_a_while(folder)
    (folder / JOURNAL).rename(tmp_path / "journal")
    (folder / CHECKPOINTS).rename(tmp_path / "checkpoints")
    refused(folder, clock)
    shutil.rmtree(folder / JOURNAL, ignore_errors=True)
    (tmp_path / "journal").rename(folder / JOURNAL)
    (tmp_path / "checkpoints").rename(folder / CHECKPOINTS)
    assert start_anew(folder, clock) == 3 * ROWS


def test_the_database_alone_is_enough_to_go_on_where_that_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    clock = live_a_while(folder)
    with living(folder, clock) as life:
        life.registry.set_reference("m", None, REFERENCE.schema, REFERENCE.to_batches())
        life.push(life.producer(batch(1).schema, id_=b"q" * 16), batch(ROWS, at_us=clock.at_us))  # its hour is not stored
        life.settle()
        before = life.owner.call(lambda engine: engine.window(life.registry.entry("m").current().uid, FIRST_HOURS, clock.at_us))
    stored = dump(folder)
    without(JOURNAL)(folder)
    done = CliRunner().invoke(repair, ["--data", str(folder), "--from-database", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert (told["endpoints"], told["rows"], told["set_aside"]) == (1, 3 * ROWS, ["checkpoints.aside"])
    assert (told["lost_rows_known"], told["endpoints_of_unknown_loss"]) == (ROWS, 0)
    with living(folder, clock) as life:
        entry = life.registry.entry("m").current()
        assert (counted(life), entry.reference.version) == (3 * ROWS, 2)
        assert life.owner.call(lambda engine: engine.totals(entry.uid)).losses.lost == ROWS
        after = Answers(life.owner, life.durability.reader, clock).window(entry, FIRST_HOURS)
        assert after.profile.encode() == before.profile.encode()
        # The producers go on where they were, and hours that were stored take late rows as ever.
        handle = life.producer(batch(1).schema)
        assert handle.producer.admitted == 3
        life.push(handle, batch(ROWS, at_us=START_US))
        life.settle()
        assert counted(life) == 4 * ROWS
        clock.at_us += 2 * MINUTE_US
        until(lambda: (START_US, 2, ROWS) in hours_of(folder))
    assert start_anew(folder, clock) == 4 * ROWS
    assert [row for row in dump(folder) if row in stored] == stored
    assert "has all its parts" in CliRunner().invoke(repair, ["--data", str(folder), "--from-database"]).output


def test_rows_in_hours_that_came_of_age_are_not_lost_and_what_an_older_version_counted_is_not_known(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    clock = live_a_while(folder)
    clock.at_us += 400 * DAY_US - 3 * HOUR_US  # the first hours are too old now, the last one is not
    with living(folder, clock):
        until(lambda: len(stored_hours(folder)) >= 1 and all(start != START_US for start, *_ in hours_of(folder)))
    without(JOURNAL)(folder)
    shutil.copytree(folder, tmp_path / "older")
    told = json.loads(CliRunner().invoke(repair, ["--data", str(folder), "--from-database", "--json"]).output)
    assert told["rows"] < 3 * ROWS
    assert (told["lost_rows_known"], told["endpoints_of_unknown_loss"]) == (0, 0)
    assert start_anew(folder, clock) == 3 * ROWS
    with closing(sqlite3.connect(tmp_path / "older" / FILE)) as connection, connection:
        connection.execute("DELETE FROM endpoint_counts")
    assert "of 1 endpoints, made by an older version, it is not known" in repaired(tmp_path / "older")


def test_a_copy_of_the_database_knows_producers_as_far_as_it_counts_their_rows(tmp_path: Path) -> None:
    folder, clock = tmp_path / "life", Standing()
    with living(folder, clock) as life:
        life.create()
        handle = life.producer(batch(1).schema)
        clock.at_us = START_US + 4 * HOUR_US
        life.push(handle, batch(ROWS, at_us=START_US), batch(ROWS, at_us=clock.at_us))
        life.settle()
        clock.at_us += MINUTE_US
        until(lambda: (START_US, 1, ROWS) in hours_of(folder))  # and no checkpoint yet
        with closing(sqlite3.connect(folder / FILE)) as source, closing(sqlite3.connect(tmp_path / FILE)) as copy:
            source.backup(copy)
    without(JOURNAL)(folder)
    shutil.move(tmp_path / FILE, folder / FILE)
    assert f"lost: {ROWS} rows" in repaired(folder)  # of the running hour, once
    with living(folder, clock) as life:
        assert life.producer(batch(1).schema).producer.admitted == 2  # so that none of them is told as lost again
        assert counted(life) == ROWS


def test_archived_rows_stay_and_are_exported_beside_new_ones_when_the_database_alone_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    with living(folder) as life:
        life.create()
        life.push(life.producer(batch(1).schema), batch(ROWS))
        life.settle()
        life.durability.writer.submit(lambda store: None).result(30)
        with closing(sqlite3.connect(folder / FILE)) as source, closing(sqlite3.connect(tmp_path / FILE)) as copy:
            source.backup(copy)
        life.push(life.producer(batch(1).schema, id_=b"q" * 16), *(batch(ROWS) for _ in range(20)))
        life.settle()
        life.cover()
    without(JOURNAL)(folder)
    shutil.move(tmp_path / FILE, folder / FILE)
    assert "served again" in repaired(folder)
    with living(folder) as life:
        archived, kept = life.files(), len(life.rows())
        assert kept >= 10 * ROWS
        life.push(life.producer(batch(1).schema, id_=b"r" * 16), *(batch(ROWS) for _ in range(20)))
        life.settle()
        assert len(life.rows()) == kept + 20 * ROWS  # those of the journal hide none
        life.cover()
        assert len(life.rows()) == kept + 20 * ROWS  # nor do files take the place of files
        assert set(archived) < set(life.files())


def test_what_was_lost_once_stays_counted_when_the_database_is_left_alone_again(tmp_path: Path) -> None:
    folder = tmp_path / "life"
    clock = live_a_while(folder)
    for round_ in (1, 2):
        with living(folder, clock) as life:
            handle = life.producer(batch(1).schema, id_=bytes([round_]) * 16)
            life.push(handle, batch(ROWS, at_us=clock.at_us))  # its hour is not stored
            life.settle()
            life.cover()
        without(JOURNAL)(folder)
        assert f"lost: {round_ * ROWS} rows" in repaired(folder)
    without(JOURNAL)(folder)  # nobody has lived in it
    assert f"lost: {2 * ROWS} rows" in repaired(folder)
    with living(folder, clock) as life:
        uid = life.registry.entry("m").current().uid
        assert life.owner.call(lambda engine: engine.totals(uid)).losses.lost == 2 * ROWS
        assert counted(life) == 3 * ROWS


def repaired(folder: Path) -> str:
    return CliRunner().invoke(repair, ["--data", str(folder), "--from-database"]).output


def hours_of(folder: Path) -> list[tuple[int, int, int]]:
    """Start, highest revision and rows under any reference."""
    with closing(sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT start_us, revision, max(rows, rows_other_reference) FROM hours").fetchall()


def test_a_new_folder_and_one_whose_first_start_was_cut_short_are_served(tmp_path: Path) -> None:
    with living(tmp_path / "one"):
        pass
    lineage = standing_of(tmp_path / "one" / FILE).lineage
    assert re.fullmatch("[0-9a-f]{32}", lineage)
    (tmp_path / "two" / JOURNAL).mkdir(parents=True)
    shutil.copy(tmp_path / "one" / JOURNAL / "lineage", tmp_path / "two" / JOURNAL)  # the database was not told yet
    with living(tmp_path / "two"):
        pass
    assert standing_of(tmp_path / "two" / FILE).lineage == lineage


def test_hours_of_another_length_are_refused(tmp_path: Path) -> None:
    clock = live_a_while(tmp_path)
    for minutes in (5, 240):
        line = refused(tmp_path, clock, snapshot_minutes=minutes)
        assert f"keeps hours of 60 minutes, and snapshot_minutes is {minutes}: set snapshot_minutes = 60" in line
    assert start_anew(tmp_path, clock, snapshot_minutes=60) == 3 * ROWS


def test_a_deletion_the_database_had_not_heard_of_is_made_up_for(tmp_path: Path) -> None:
    """Whether the journal still holds the deletion, or checkpoints cover it."""
    for covered in (False, True):
        folder, dead = tmp_path / f"life-{covered}", tmp_path / f"dead-{covered}"
        clock = live_a_while(folder, archive="off")
        with living(folder, clock, checkpoint_seconds=1 if covered else 3_600, archive="off") as life:
            other = life.create("other")
            life.durability._snapshots.on_deleted = lambda registration, at_us: None  # type: ignore[method-assign]
            life.registry.delete("m")
            if covered:
                life.cover()
            until(lambda other=other, folder=folder: other in {uid for uid, *_ in uids(folder)})
            shutil.copytree(folder, dead)
            assert [deleted for _, name, deleted in uids(dead) if name.endswith("/m:latest")] == [None]
        with living(dead, clock):
            until(lambda dead=dead: all(deleted for _, name, deleted in uids(dead) if name.endswith("/m:latest")))
            assert [name for _, name, deleted in uids(dead) if not deleted] == ["default/default/other:latest"]


def uids(folder: Path) -> list[tuple[str, str, int | None]]:
    with closing(sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT uid, name, deleted_us FROM endpoints").fetchall()


def test_that_the_newest_file_of_the_journal_is_missing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "dead"
    with living(tmp_path / "life", archive="off") as life:
        life.create()
        handle = life.producer(batch(1).schema)
        life.push(handle, batch(ROWS))
        life.cover()
        life.push(handle, batch(ROWS))
        life.settle()
        shutil.copytree(tmp_path / "life", folder)
    for path, is_told in ((tmp_path / "life", False), (folder, True)):
        no_segments(path)  # a folder that was closed needs none
        capsys.readouterr()
        with suppress(ConfigError):  # where the database knows of what is missing, it is refused besides
            start_anew(path, Standing(), archive="off")
        assert ("the newest file of the journal is missing" in capsys.readouterr().out) == is_told
