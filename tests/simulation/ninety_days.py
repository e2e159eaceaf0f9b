"""Ninety days of fifty endpoints in minutes (`make simulate`): every stored hour equals pandas, memory is flat, growth is even."""

import argparse
import os
import tempfile
import time
from pathlib import Path

from rich.progress import Progress
from tests.simulation.world import STEP_US, World

from driftline_core.panes import DAY_US

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def rss_bytes() -> int:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def size_bytes(folder: Path) -> int:
    """The database and its companions."""
    return sum(path.stat().st_size for path in folder.glob("driftline.sqlite*"))


def oracle_bytes(world: World) -> int:
    """What this test itself remembers, which is not the server's."""
    for sent in world.sent.values():
        sent.compact()
    return sum(
        array.nbytes for sent in world.sent.values() for arrays in (sent.times_us, sent.x, sent.word, sent.flag) for array in arrays
    )


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
                oracle = oracle_bytes(world)
                marks.append((day + 1, rss_bytes() - oracle, size_bytes(Path(folder))))
        world.settle()
        played_s = time.monotonic() - started
        hours = world.check()
        for day, memory, size in marks:
            print(f"  day {day:3}: {memory / 1e6:6.0f} MB resident beside the oracle, {size / 1e6:7.1f} MB of database")
        (first_day, first_rss, first_size), (last_day, last_rss, last_size) = marks[0], marks[-1]
        per_hour = (last_size - first_size) / ((last_day - first_day) * 24 * given.endpoints)
        met = f"{world.restarts} restarts, {world.clock_steps} clock steps"
        print(f"  {hours:,} stored hours equal the oracle; {met}; {played_s:.0f} s")
        memory = f"memory is {last_rss / first_rss:.2f} of day {first_day}'s"
        print(f"  {memory}; an endpoint's hour of 3 columns takes {per_hour:.0f} bytes of database")
        world.store.close()


if __name__ == "__main__":
    main()
