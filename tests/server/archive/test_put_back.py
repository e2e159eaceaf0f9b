"""Parts of a folder put back from a copy, and the archive not: files that are newer than the journal hide no new row."""

import shutil
from pathlib import Path

from tests.server.archive.life import START_US, Life, Standing, batch, living, until

from driftline_core.panes import HOUR_US
from driftline_server.lineage import ARCHIVE, CHECKPOINTS, JOURNAL
from driftline_server.store.database import FILE

BATCHES, ROWS = 20, 100  # enough for several segments
FULL = BATCHES * ROWS


def push(life: Life, producer: bytes, first: int) -> None:
    """Rows whose ids begin with a number, archived as far as segments are closed."""
    batches = (batch(ROWS, first=first + number * ROWS, step_us=10_000) for number in range(BATCHES))
    life.push(life.producer(batch(1).schema, id_=producer * 16), *batches)
    life.settle()
    archive = life.durability._archive
    until(lambda: all(not each.is_closed or each.last <= archive._archived for each in life.durability.folder.journal.segments()))


def ids(life: Life, name: str = "m") -> list[int]:
    return sorted(life.rows(name=name)["id"])


def put_back(copy: Path, folder: Path) -> None:
    """All that a start asks for, and the archive stays."""
    for part in (JOURNAL, CHECKPOINTS, FILE):
        path = folder / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(copy / part, path) if (copy / part).is_dir() else shutil.copy(copy / part, path)


def lived(folder: Path, copy: Path) -> None:
    """A life of which a copy is made, and another one that goes on and archives what the copy knows nothing of."""
    with living(folder) as life:
        life.create()
        push(life, b"a", 0)
    shutil.copytree(folder, copy)
    with living(folder) as life:
        life.create("later")
        push(life, b"b", FULL)
        life.push(life.producer(batch(1).schema, "later", id_=b"l" * 16), *(batch(ROWS) for _ in range(BATCHES)))
        life.settle()
        push(life, b"c", 2 * FULL)
        life.cover()


def test_what_is_newer_than_the_journal_is_set_aside_and_hides_no_row(tmp_path: Path) -> None:
    folder, copy = tmp_path / "folder", tmp_path / "copy"
    lived(folder, copy)
    put_back(copy, folder)
    with living(folder) as life:
        assert ids(life) == list(range(FULL))
        push(life, b"n", 9 * FULL)
        assert ids(life) == [*range(FULL), *range(9 * FULL, 10 * FULL)]
        life.cover()
    assert list((folder / ARCHIVE).glob("*.aside1"))  # of the endpoint that nobody knows any more
    aside = list((folder / ARCHIVE).glob("*/*/*.parquet.aside1"))
    assert aside
    clock = Standing(START_US + 4 * HOUR_US)
    with living(folder, clock) as life:  # another start finds nothing newer, and gathering touches none of it
        life.cover()
        until(lambda: sum(".aside" not in path for path in life.files()) == 1)
        assert ids(life) == [*range(FULL), *range(9 * FULL, 10 * FULL)]
    assert list((folder / ARCHIVE).glob("*/*/*.parquet.aside1")) == aside


def test_the_whole_copy_put_back_sets_nothing_aside(tmp_path: Path) -> None:
    folder, copy = tmp_path / "folder", tmp_path / "copy"
    lived(folder, copy)
    put_back(copy, folder)
    shutil.rmtree(folder / ARCHIVE)
    if (copy / ARCHIVE).exists():
        shutil.copytree(copy / ARCHIVE, folder / ARCHIVE)
    with living(folder) as life:
        push(life, b"n", 9 * FULL)
        assert ids(life) == [*range(FULL), *range(9 * FULL, 10 * FULL)]
    assert not list((folder / ARCHIVE).rglob("*.aside*"))


def test_an_archive_that_names_no_position_is_looked_through(tmp_path: Path) -> None:
    folder, copy = tmp_path / "folder", tmp_path / "copy"
    lived(folder, copy)
    put_back(copy, folder)
    (folder / ARCHIVE / "reached").unlink()  # as an older version left it
    with living(folder) as life:
        push(life, b"n", 9 * FULL)
        assert ids(life) == [*range(FULL), *range(9 * FULL, 10 * FULL)]
