"""A process that is killed while it writes has lost nothing that it said was durable."""

from pathlib import Path

from tests.crash.journal_kills import kill_often


def test_kills_at_random_moments(tmp_path: Path) -> None:
    tally = kill_often(tmp_path / "journal", kills=8, seed=11)
    assert tally.kills == 8
    assert tally.records >= tally.acknowledged > 0
