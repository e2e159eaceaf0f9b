"""Kills a server again and again under full load: every acknowledged row is counted exactly once.

`python -m tests.crash.kill [--kills 200] [--seed N] [--data DIR]`

Half of the kills leave a torn or garbage tail. The seed decides what is sent and done; in when a kill falls the machine has a say.
"""

import argparse
import logging
import random
import tempfile
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from tests.crash.world import World

LIFE_S = (0.1, 3.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--data", type=Path, help="keep the data folder, here")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    given = parser.parse_args()
    print(f"{given.kills} kills, --seed {given.seed}")
    logging.getLogger("driftline").addHandler(logging.NullHandler())  # that the server is away is no news here
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="driftline-crash-") as folder, Progress(*columns) as progress:
        task = progress.add_task("killed", total=given.kills)
        outcome = World(given.data or Path(folder) / "data", given.seed, kills=given.kills, life_s=LIFE_S).run(
            lambda kills: progress.update(task, completed=kills)
        )
    print(f"{outcome.rows:,} rows, each counted once, after {outcome.kills} kills ({outcome.early} of them at a start)")
    print(f"spoilt tails: {sum(outcome.tails.values())} ({', '.join(f'{n} {how}' for how, n in outcome.tails.items())})")
    print(f"endpoints created {outcome.created}, deleted {outcome.deleted}; references set {outcome.references}")
    print(f"after a crash, endpoints found equal to their ledger: {outcome.checks}; at the end, all of them, hour by hour")


if __name__ == "__main__":
    main()
