"""`kill -9` at random moments under full load; `make crash` does it 200 times."""

import random
from pathlib import Path

from tests.crash.world import World

KILLS = 30
LIFE_S = (0.02, 0.5)


def test_every_acknowledged_row_is_counted_exactly_once(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"again: python -m tests.crash.kill --kills {KILLS} --seed {seed}")  # shown where it fails
    outcome = World(tmp_path / "data", seed, kills=KILLS, life_s=LIFE_S).run()
    assert outcome.kills == KILLS
    assert outcome.tails.total() > 3
    assert outcome.rows > 0
