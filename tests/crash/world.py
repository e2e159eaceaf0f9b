"""Servers killed at random moments under full load, and whether every acknowledged row is counted exactly once in the end."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from tests.crash.churn import Churn
from tests.crash.ledger import Ledger
from tests.crash.lives import Lives
from tests.crash.logger import Logger
from tests.crash.pusher import Pusher
from tests.crash.sample import FLAGS, MIXED, NUMERIC, Timeline, rows_of
from tests.crash.tails import spoil
from tests.crash.track import Track
from tests.crash.verdict import check_endpoints, check_hour, check_rows, check_stored, check_whole, until_stored
from tests.e2e.server import Server
from tests.e2e.watched import create

SETTINGS = {"snapshot_minutes": 5, "checkpoint_seconds": 1, "journal_segment_bytes": 4 * 2**20}
STORED_S = 90.0
HOURS_ASKED = 12
EARLY_SHARE = 0.12  # of the lives, those before one that is killed at its start …
EARLY_S = 0.4  # … within so many seconds
SETTLED_SHARE = 0.1  # of the lives, those that end with everything acknowledged that was pushed, so that no answer is missing
AIMED_SHARE = 0.3  # of the lives, those that end while an endpoint comes or goes …
AIMED_S = 0.03  # … within so many seconds
SPOILT_SHARE = 0.5  # of the kills, those that leave a spoilt tail
ENDPOINTS = {"alone/numeric": NUMERIC, "alone/mixed": MIXED, "referred/mixed": MIXED} | {
    f"shared/{name}": schema for name, schema in (("numeric", NUMERIC), ("mixed", MIXED), ("flags", FLAGS))
}
GUESTS = [f"crash/guest/{each}:v1" for each in "abc"]


@dataclass(slots=True)
class Outcome:
    """What a run has seen."""

    kills: int = 0
    early: int = 0  # of them, those at a start
    tails: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    created: int = 0
    deleted: int = 0
    references: int = 0
    checks: int = 0  # of an endpoint after a crash


class World:
    """One data folder, four producers, and a churn of endpoints."""

    def __init__(self, folder: Path, seed: int, *, kills: int, life_s: tuple[float, float]) -> None:
        self._chance = random.Random(seed)
        self._folder = folder
        self._kills = kills
        self._life_s = life_s
        self._lives = Lives(folder, self._chance, **SETTINGS)
        self._timeline = Timeline(kills * sum(life_s) + 10)
        self._ledgers: dict[str, Ledger] = {}
        self._pushers: list[Pusher] = []
        self._loggers: list[Logger] = []
        self.outcome = Outcome()

    def run(self, on_kill: Callable[[int], None] = lambda _: None) -> Outcome:
        """Kills so often, then asks for everything. Raises Broken, or AssertionError, where a promise was broken."""
        with contextlib.ExitStack() as cleanup:
            server = self._lives.start()
            cleanup.callback(lambda: self._server.kill())
            self._server = server
            self._furnish(server)
            for logger in self._loggers:
                cleanup.callback(logger.close)
                logger.start()
            while self.outcome.kills < self._kills:
                is_early = self._chance.random() < EARLY_SHARE and self.outcome.kills + 2 <= self._kills
                self._live(is_early=is_early)
                on_kill(self.outcome.kills)
            self._finish()
        return self.outcome

    def _furnish(self, server: Server) -> None:
        """Endpoints, and who pushes to them."""
        ledgers = {name: self._ledger(server, name, schema) for name, schema in ENDPOINTS.items()}
        self._ledgers = ledgers
        pushed = [
            ["alone/numeric", "shared/numeric", "shared/flags", "referred/mixed"],
            ["alone/mixed", "shared/mixed", "shared/flags"],
        ]
        logged = [["shared/numeric", "shared/mixed"], ["shared/mixed", "shared/flags"]]
        for names in pushed:
            tracks = [Track(ledgers[each], self._timeline, self._fork()) for each in names]
            self._pushers.append(Pusher(tracks, self._fork()))
        for names, target in zip(logged, (self._lives.address, f"ipv4:{self._lives.address}"), strict=True):  # a stream each
            self._loggers.append(Logger(target, [ledgers[each] for each in names], self._timeline, self._fork()))
        self._churn = Churn(GUESTS, ledgers["referred/mixed"], self._timeline, self._fork())

    def _ledger(self, server: Server, name: str, schema: pa.Schema) -> Ledger:
        create(server, rows_of(schema, 300, seed=0), name=f"crash/{name}:v1")
        return Ledger.of(server, f"crash/{name}:v1", schema, self._timeline)

    def _fork(self) -> random.Random:
        return random.Random(self._chance.getrandbits(64))

    def _live(self, *, is_early: bool) -> None:
        """A life from its start, which has been, to the start of the next."""
        workers: list[Pusher | Churn] = [*self._pushers, self._churn]
        for worker in workers:
            worker.start(self._server)
        time.sleep(self._chance.uniform(*self._life_s))
        if self._chance.random() < AIMED_SHARE:
            self._churn.until_call(1.0)
            time.sleep(self._chance.uniform(0, AIMED_S))
        if self._chance.random() < SETTLED_SHARE:
            for pusher in self._pushers:
                pusher.stop()
        for worker in workers:
            worker.forsake()
        self._server.kill()
        for worker in workers:
            worker.stop()
        self._server.check_log()
        self._spoil()
        if is_early:
            self._lives.start_and_kill(self._chance.uniform(0, EARLY_S))
            self._spoil()
        self.outcome.kills += 1 + is_early
        self.outcome.early += is_early
        self._server = self._lives.start()

    def _spoil(self) -> None:
        tracks = [track for pusher in self._pushers for track in pusher.tracks] + self._churn.tracks
        acknowledged = {track.producer_id: (track.epoch, track.acknowledged) for track in tracks}
        if self._chance.random() < SPOILT_SHARE and (how := spoil(self._folder, acknowledged, self._chance)):
            self.outcome.tails[how] += 1

    def _finish(self) -> None:
        """Everything arrives, is counted, and is stored; a last crash changes nothing."""
        server = self._server
        workers: list[Pusher | Churn] = [*self._pushers, self._churn]
        for worker in workers:
            worker.start(server)
        for one in [*workers, *self._loggers]:
            one.stop()
        guests = [track.ledger for track in self._churn.tracks]
        everyone = [*self._ledgers.values(), *guests]
        self._check(server, guests)
        until_stored(server, self._folder, everyone, STORED_S)
        for ledger in [*self._plain(), *guests]:
            for hour in self._chance.sample(range(self._timeline.hours), HOURS_ASKED):
                check_hour(server, ledger, hour)
        server.kill()
        self._spoil()
        self._server = server = self._lives.start()
        self._check(server, guests)
        server.stop()
        check_endpoints(self._folder, {each.name: each.uid for each in everyone})
        for ledger in [*self._plain(), *guests]:
            check_stored(self._folder, ledger)
        churn, outcome = self._churn, self.outcome
        outcome.created, outcome.deleted, outcome.references = churn.created, churn.deleted, churn.version
        outcome.checks = sum(pusher.checks for pusher in self._pushers)
        outcome.rows = sum(int(each.rows.sum()) for each in everyone)

    def _plain(self) -> list[Ledger]:
        return [each for name, each in self._ledgers.items() if name != "referred/mixed"]

    def _check(self, server: Server, guests: list[Ledger]) -> None:
        for ledger in [*self._plain(), *guests]:
            check_whole(server, ledger)
        check_rows(server, self._ledgers["referred/mixed"])
