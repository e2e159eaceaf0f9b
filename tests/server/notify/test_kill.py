"""Killed at any moment, a server delivers at least once, under the same key; kill_loop.py does it at length."""

from pathlib import Path

from tests.server.notify.kill_loop import run


def test_killed_processes_lose_no_notification_and_change_no_key(tmp_path: Path) -> None:
    outcome = run(tmp_path, kills=4, seed=1)
    assert (outcome.lost, outcome.rekeyed) == (0, 0)
    assert outcome.alerts > 4
