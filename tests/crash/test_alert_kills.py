"""`kill -9` while alerts fire, resolve and are told; `make crash` does it 100 times."""

import random
from pathlib import Path

from tests.crash.alert_world import AlertWorld

KILLS = 8


def test_every_step_is_told_at_least_once_under_one_key(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"again: python -m tests.crash.alert_kills --kills {KILLS} --seed {seed}")  # shown where it fails
    world = AlertWorld(tmp_path, seed, kills=KILLS)
    told = world.run()
    assert (told.lost, told.rekeyed, told.unknown, told.reversed) == ([], [], [], [])
    assert world.kills.all == KILLS
    assert world.kills.unsent > 0
    assert told.fired == told.resolved > KILLS
    assert told.repeated > 0
