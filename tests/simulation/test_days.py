"""A week and a bit of simulated time, through the end of daylight saving; `make simulate` plays ninety days of fifty endpoints."""

from pathlib import Path

import pandas as pd
import pytest
from tests.simulation import world
from tests.simulation.budget import Mark, check_database
from tests.simulation.world import STEP_US, World

from driftline_core.panes import DAY_US


@pytest.mark.parametrize("seed", [1, 2])
def test_every_hour_holds_its_rows_and_says_their_metrics_whatever_the_clock_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    start_us = int(pd.Timestamp("2026-10-22", tz="UTC").value // 1000)
    monkeypatch.setattr(world, "START_US", start_us)
    played = World(tmp_path, endpoints=3, seed=seed, now_us=start_us)
    first = None
    for step in range(8 * DAY_US // STEP_US):
        played.step()
        if step == DAY_US // STEP_US:
            first = Mark.of(1, played)
    assert first
    check_database(first, Mark.of(8, played))
    played.settle()
    assert played.check() == 3 * (24 * 8 + 1)
    played.store.close()
