"""A store that refuses, and a look that fails: nothing is lost by it, and no other endpoint waits for it."""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import pytest
from tests.core.alerts.looking import ENDPOINT
from tests.server.alerting.life import OPS, Endpoint, Life, Seen

from driftline_core.alerts import Board, Observation
from driftline_server.alerting.ledger import MemoryLedger

T = TypeVar("T")

BAD = "bad"  # looked at first
BAD_ENDPOINT = "shop/fraud/another:v3"


class Refusing(MemoryLedger):
    """While it `refuses` nothing can be written; nor read, unless it `reads`."""

    refuses = False
    reads = True
    refused = 0

    def write(self, change: Callable[[sqlite3.Connection], T]) -> T:
        def refuse(connection: sqlite3.Connection) -> T:
            before = connection.total_changes
            result = change(connection)
            if self.refuses and (connection.total_changes > before or not self.reads):
                self.refused += 1
                raise sqlite3.OperationalError("disk I/O error")
            return result

        return super().write(refuse)


@dataclass
class Failing(Seen):
    """Two endpoints; looking at the first fails."""

    fails: bool = True

    def by_uid(self) -> dict[str, object]:
        return {BAD: self, **super().by_uid()}

    def served(self, uids: Iterable[str] = (BAD, "u")) -> list[Endpoint]:
        return [Endpoint(uid, BAD_ENDPOINT if uid == BAD else ENDPOINT) for uid in sorted(uids)]

    def seen(self, board: Board, endpoint: Endpoint, totals: None, *, at_us: int, by_clock: bool) -> Iterator[Observation]:
        if endpoint.uid == BAD and self.fails:
            raise RuntimeError("a fault of ours")
        yield from super().seen(board, endpoint, totals, at_us=at_us, by_clock=by_clock)


def test_a_start_on_a_store_that_refuses_says_what_the_store_says() -> None:
    life, ledger = Life(), Refusing()
    life.ledger = ledger
    with life.lived():
        life.fire()
    life.seen.name, life.seen.tick = "another/endpoint/than:before", 0  # the alert is to end, which cannot be stored
    ledger.refuses = True
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"), life.lived():
        pass


@pytest.mark.parametrize("reads", [True, False], ids=["it can be read", "it cannot be read either"])
def test_what_could_not_be_stored_is_told_when_it_can(reads: bool) -> None:
    life, ledger = Life(OPS), Refusing()
    life.ledger = ledger
    with life.lived():
        life.look(0.1)
        ledger.reads, ledger.refuses = reads, True
        until, refused = time.monotonic() + 20, ledger.refused
        with suppress(sqlite3.OperationalError):
            life.look(0.9)
        while ledger.refused < refused + 3:
            assert time.monotonic() < until
            life.clock.advance(3)
            with suppress(sqlite3.OperationalError):
                life.settle()
        ledger.refuses = False
        life.clock.advance(3)
        while not life.alerts("firing"):
            assert time.monotonic() < until
            life.settle()
        (alert,) = life.alerts("firing")
        life.post.wait(("ops", alert.id, "firing"))


def test_where_looking_at_one_fails_the_others_are_looked_at_and_it_is_again() -> None:
    life = Life(OPS)
    life.seen = seen = Failing(life.clock)
    with life.lived():
        seen.latency, seen.tick, seen.news_ = 0.9, 1, {BAD, "u"}
        life.settle()
        assert [each.endpoint for each in life.alerts("firing")] == [ENDPOINT]
        seen.fails = False
        life.pass_(5)
        life.settle()
        assert sorted(each.endpoint for each in life.alerts("firing")) == [BAD_ENDPOINT, ENDPOINT]
