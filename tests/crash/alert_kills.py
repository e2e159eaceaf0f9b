"""Kills a server again and again while alerts fire, resolve and are told: each arrives, under one key however often it comes.

`python -m tests.crash.alert_kills [--kills 100] [--seed N] [--data DIR]`

The receivers refuse and reset a share of the requests. Kills fall anywhere: within a start, behind a commit, behind a request.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from tests.crash.alert_world import RECEIVERS, AlertWorld


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--data", type=Path, help="keep the data folder, in here")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    given = parser.parse_args()
    print(f"{given.kills} kills, --seed {given.seed}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with tempfile.TemporaryDirectory(prefix="driftline-crash-") as folder, Progress(*columns) as progress:
        task = progress.add_task("killed", total=given.kills)
        world = AlertWorld(given.data or Path(folder), given.seed, kills=given.kills)
        told = world.run(lambda kills: progress.update(task, completed=kills))
    kills = world.kills
    print(f"{kills.all} kills ({kills.early} at a start); {kills.unsent} left what was committed and not sent,")
    print(f"  {kills.unnoted} what was taken and not noted")
    print(f"alerts fired {told.fired}, resolved {told.resolved}, each told to {len(RECEIVERS)} receivers")
    print(f"requests {told.requests:,}; messages repeated {told.repeated}, of them taken more than once {told.taken_twice}")
    for what in ("lost", "rekeyed", "unknown", "reversed"):
        found = getattr(told, what)
        print(what, len(found), *found[:5])
    is_empty = not (told.fired and told.resolved and told.repeated and kills.unsent)
    sys.exit("the run shows nothing" if is_empty else not told.is_good)


if __name__ == "__main__":
    main()
