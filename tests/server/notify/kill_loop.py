"""Kills a process that raises and sends alerts, again and again, at any moment.

    python -m tests.server.notify.kill_loop --kills 100

Whatever was committed must arrive at each receiver, and a notification must come under one key, however often it comes. The
receiver refuses and resets a share of the requests.
"""

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.server.notify.receiver import RESET, Answer, LocalReceiver

CHILD = (sys.executable, "-m", "tests.server.notify.kill_child")
LIFE_S_MAX = 0.25
DRAIN_S = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of kills showed; `lost` and `rekeyed` must be 0."""

    kills: int
    alerts: int
    requests: int
    repeated: int
    lost: int
    rekeyed: int


def run(folder: Path, *, kills: int, seed: int) -> Outcome:
    """Kills so many times, then lets a last process deliver what is left."""
    chance = random.Random(seed)
    answers: list[Answer] = [chance.choice((200, 200, 200, 503, RESET)) for _ in range(20 * kills)]
    path = folder / "outbox.sqlite"
    with LocalReceiver(*answers, 200) as receiver:
        for _ in range(kills):
            kill_once(path, receiver.url, chance)
        with path.with_suffix(".log").open("ab") as log:
            subprocess.run([*CHILD, str(path), receiver.url, "drain"], check=True, timeout=DRAIN_S, stdout=log, stderr=log)
        return judge(path, receiver, kills)


def kill_once(path: Path, url: str, chance: random.Random) -> None:
    with path.with_suffix(".log").open("ab") as log:
        child = subprocess.Popen([*CHILD, str(path), url, "alerts"], stdout=subprocess.PIPE, stderr=log)
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == b"ready\n", path.with_suffix(".log").read_text()
        try:
            child.wait(chance.uniform(0, LIFE_S_MAX))
        except subprocess.TimeoutExpired:
            child.kill()


def judge(path: Path, receiver: LocalReceiver, kills: int) -> Outcome:
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    arrived: dict[tuple[str, str], int] = defaultdict(int)
    for request in receiver.requests:
        for alert in request.json["alerts"]:
            told = (request.json["receiver"], alert["annotations"]["notification"])
            keys[told].add(request.key)
            arrived[told] += request.is_accepted
    with closing(sqlite3.connect(path)) as connection:
        numbers = [number for (number,) in connection.execute("SELECT id FROM alerts")]
    wanted = [(name, f"n{number}") for name in ("one", "two") for number in numbers]
    return Outcome(
        kills=kills,
        alerts=len(numbers),
        requests=len(receiver.requests),
        repeated=sum(count > 1 for count in arrived.values()),
        lost=sum(arrived[told] == 0 for told in wanted),
        rekeyed=sum(len(found) > 1 for found in keys.values()),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), kills=given.kills, seed=given.seed)
    print(outcome)
    sys.exit(outcome.lost + outcome.rekeyed > 0)
