"""A checkpoint is whole or it is not there, and there is one to fall back to."""

from pathlib import Path

import pytest

from driftline_server import checkpoint
from driftline_server.checkpoint import Section
from driftline_server.filesystem import SystemFilesystem

SECTIONS = (Section("endpoints", 40, b"state of endpoints"), Section("producers", 41, b""), Section("größe", 7, b"x" * 4096))
FILES = SystemFilesystem()


def values(loaded: checkpoint.Checkpoint | None) -> list[tuple[str, int, bytes]]:
    assert loaded is not None
    return [(section.name, section.position, bytes(section.body)) for section in loaded.sections]


def test_what_was_written_is_loaded(tmp_path: Path) -> None:
    size = checkpoint.write(tmp_path / "checkpoints", FILES, 40, iter(SECTIONS))
    loaded = checkpoint.load(tmp_path / "checkpoints", FILES)
    assert loaded is not None and (loaded.position, loaded.reached, loaded.fallback_reason) == (40, 40, "")
    assert values(loaded) == [(each.name, each.position, bytes(each.body)) for each in SECTIONS]
    assert size == FILES.size(tmp_path / "checkpoints" / f"{40:020d}.checkpoint")


def test_two_are_kept_and_the_journal_is_needed_from_the_older(tmp_path: Path) -> None:
    assert checkpoint.oldest_position(tmp_path, FILES) == 0
    for position, oldest in ((10, 0), (20, 10), (30, 20), (30, 20)):
        checkpoint.write(tmp_path, FILES, position, SECTIONS)
        assert checkpoint.oldest_position(tmp_path, FILES) == oldest
    assert checkpoint.positions(tmp_path, FILES) == [30, 20]


def test_none_where_nothing_was_written(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "nowhere", FILES) is None


def test_a_damaged_one_is_set_aside_for_the_older(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, FILES, 10, SECTIONS[:1])
    checkpoint.write(tmp_path, FILES, 20, SECTIONS)
    newest = tmp_path / f"{20:020d}.checkpoint"
    newest.write_bytes(newest.read_bytes()[:-1])
    loaded = checkpoint.load(tmp_path, FILES)
    assert loaded is not None and (loaded.position, loaded.reached) == (10, 20)
    assert newest.name in loaded.fallback_reason
    assert checkpoint.oldest_position(tmp_path, FILES) == 0  # there is only one to trust now
    checkpoint.write(tmp_path, FILES, 30, SECTIONS)
    assert checkpoint.oldest_position(tmp_path, FILES) == 10
    assert FILES.names(tmp_path) == [f"{10:020d}.checkpoint", f"{30:020d}.checkpoint"]


def test_where_none_holds_the_whole_journal_is_asked_for(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, FILES, 10, SECTIONS)
    (tmp_path / f"{10:020d}.checkpoint").write_bytes(b"")
    for _ in range(2):  # at the next start too
        loaded = checkpoint.load(tmp_path, FILES)
        assert loaded is not None and (loaded.position, loaded.reached, loaded.sections) == (0, 10, ())


@pytest.mark.parametrize("size", [1, 9 << 20])
def test_sections_of_any_size(tmp_path: Path, size: int) -> None:
    body = bytes(range(251)) * (size // 251 + 1)
    checkpoint.write(tmp_path, FILES, 1, [Section("large", 1, memoryview(body)[:size])])
    assert values(checkpoint.load(tmp_path, FILES)) == [("large", 1, body[:size])]
