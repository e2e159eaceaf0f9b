"""Ninety days of fifty endpoints in minutes (`make simulate`): hours and metrics equal pandas'; memory and growth are bounded.

`tests/simulation/test_days.py` plays eight days of three.
"""

import argparse
import tempfile
import time
from pathlib import Path

from rich.progress import Progress
from tests.simulation.budget import Mark, check_database, check_memory
from tests.simulation.world import STEP_US, World

from driftline_core.panes import DAY_US


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--endpoints", type=int, default=50)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    print(f"seed {given.seed}: {given.days} days of {given.endpoints} endpoints")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Progress() as progress:
        world = World(Path(folder), endpoints=given.endpoints, seed=given.seed)
        marks = []
        for day in progress.track(range(given.days), description="days"):
            for _ in range(DAY_US // STEP_US):
                world.step()
            if (day + 1) % max(1, given.days // 9) == 0:
                marks.append(Mark.of(day + 1, world))
        world.settle()
        played_s = time.monotonic() - started
        hours = world.check()
        world.store.close()
    for mark in marks:
        print(f"  {mark}")
    met = f"{world.restarts} restarts, {world.clock_steps} clock steps"
    print(f"  {hours:,} stored hours and their metrics equal the oracle; {met}; {played_s:.0f} s")
    first, last = marks[0], marks[-1]
    share = check_database(first, last)
    per_hour = (last.database_bytes - first.database_bytes) / (last.day - first.day) / 24 / given.endpoints
    print(f"  an endpoint's hour of 3 columns takes {per_hour:.0f} bytes of database, {share:.2f} of what is predicted")
    print(f"  memory is {check_memory(first, last):.2f} of day {first.day}'s")


if __name__ == "__main__":
    main()
