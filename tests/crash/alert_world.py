"""Servers killed at random moments while alerts fire, resolve and are told to receivers that refuse some of the requests."""

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.crash.broken import require
from tests.crash.lives import Lives
from tests.crash.told import Account, Told, account, is_settled, newest_step, unnoted, unsent
from tests.crash.waves import Waves
from tests.server.notify.receiver import RESET, Answer, LocalReceiver

SETTINGS = {"evaluate_seconds": 0.02, "checkpoint_seconds": 1}
ANSWERS: list[Answer] = [*[200] * 8, 503, RESET]
RECEIVERS = ["one", "two"]
LIFE_S = (0.0, 1.0)
EARLY_SHARE = 0.25  # of the lives, those before one that is killed at its start …
EARLY_S = 0.4  # … within so many seconds
AIM_S_MAX = 0.005  # so soon after a commit or a request comes a kill that is aimed at it …
AIM_WAIT_S = 2.0  # … if there is one within so long
SETTLED_S = 120.0
POLL_S = 0.1
HOOK = """
[[receivers]]
name = "{name}"
webhook = "{url}/{name}"
allow_private = true
group_interval = "0.2s"
"""
RULES = """
[[rules]]
name = "nulls"
endpoint = "crash/*"
metric = "null_share"
above = 0.3
window = "1m"

[[rules]]
name = "nulls of columns"
endpoint = "crash/*"
metric = "null_share"
column = "*"
above = 0.3
window = "1m"
"""


@dataclass(slots=True)
class Kills:
    """How many there were, and what they left undone."""

    all: int = 0
    early: int = 0  # at a start
    unsent: int = 0  # that left what was committed and not sent
    unnoted: int = 0  # that left what was taken by a receiver and not noted


class AlertWorld:
    """One data folder, two receivers, and alerts that come and go."""

    def __init__(self, folder: Path, seed: int, *, kills: int) -> None:
        self._chance = random.Random(seed)
        self._folder = folder
        self._database = folder / "data" / "driftline.sqlite"
        self._kills_max = kills
        self._waves = Waves(random.Random(self._chance.getrandbits(64)))
        self._unsent: set[Told] = set()
        self._unnoted: set[str] = set()
        self.kills = Kills()

    def run(self, on_kill: Callable[[int], None] = lambda _: None) -> Account:
        """Kills so often, then lets a server tell what is left."""
        answers = [self._chance.choice(ANSWERS) for _ in range(100 * self._kills_max)]
        with LocalReceiver(*answers, 200) as self._receiver, contextlib.ExitStack() as cleanup:
            self._lives = Lives(self._folder / "data", self._chance, config=self._config(), **SETTINGS)
            self._server = self._lives.start()
            cleanup.callback(lambda: self._server.kill())
            self._waves.furnish(self._server)
            while self.kills.all < self._kills_max:
                self._live(is_early=self._chance.random() < EARLY_SHARE and self.kills.all + 2 <= self._kills_max)
                on_kill(self.kills.all)
            self._receiver.answer(200)
            self._finish()
            return account(self._database, self._receiver.requests, RECEIVERS)

    def _config(self) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "driftline.toml"
        hooks = [HOOK.format(name=name, url=self._receiver.url) for name in RECEIVERS]
        config.write_text("".join([*hooks, RULES]))
        return config

    def _live(self, *, is_early: bool) -> None:
        """A life from its start, which has been, to the start of the next."""
        self._waves.start(self._server)
        time.sleep(self._chance.uniform(*LIFE_S))
        self._chance.choice([self._until_commit, self._until_request, lambda: None])()
        self._waves.forsake()
        self._server.kill()
        self._waves.stop()
        self._server.check_log()
        self._count()
        if is_early:
            self._lives.start_and_kill(self._chance.uniform(0, EARLY_S))
            self.kills.early += 1
            self._count()
        self._server = self._lives.start()

    def _count(self) -> None:
        """Takes in a kill, by what it left; what one before it left is not its."""
        requests = self._receiver.requests
        are_unsent, are_unnoted = unsent(self._database, requests), unnoted(self._database, requests)
        self.kills.all += 1
        self.kills.unsent += bool(are_unsent - self._unsent)
        self.kills.unnoted += bool(are_unnoted - self._unnoted)
        self._unsent |= are_unsent
        self._unnoted |= are_unnoted

    def _until_commit(self) -> None:
        """Just after an alert has taken a step."""
        before, until = newest_step(self._database), time.monotonic() + AIM_WAIT_S
        while newest_step(self._database) == before and time.monotonic() < until:
            pass
        time.sleep(self._chance.uniform(0, AIM_S_MAX))

    def _until_request(self) -> None:
        """Just after a message has come."""
        before = len(self._receiver.requests)
        with contextlib.suppress(TimeoutError):
            self._receiver.wait(lambda: len(self._receiver.requests) > before, AIM_WAIT_S)
        time.sleep(self._chance.uniform(0, AIM_S_MAX))

    def _finish(self) -> None:
        """Alerts end, everything is told, the server leaves; what it left undone the next one does."""
        self._waves.start(self._server)
        self._waves.stop()
        until = time.monotonic() + SETTLED_S
        while True:
            while not is_settled(self._database):
                require(time.monotonic() < until, "not everything was told", unsent(self._database, self._receiver.requests))
                time.sleep(POLL_S)
            self._server.stop()
            if is_settled(self._database):
                return
            self._server = self._lives.start()
